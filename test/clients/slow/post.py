"""Posts a file as urllib has it: with credentials only once it was asked for them."""
import sys
import urllib.request

url, user, password, path = sys.argv[1:]
passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
passwords.add_password(None, url, user, password)
opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
with open(path, "rb") as file:
    request = urllib.request.Request(url, file.read(), {"Content-Type": "text/plain"})
print(opener.open(request).status)
