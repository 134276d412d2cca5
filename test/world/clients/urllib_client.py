"""Posts with Python's standard library: http.client and urllib. Prints a status a line."""

import http.client
import sys
import urllib.parse
import urllib.request
from base64 import b64encode

_, how, url, user, password, body_file = sys.argv
with open(body_file, "rb") as file:
    body = file.read()


def post_after_401():
    """urllib with a handler of its own for HTTP Basic: credentials go out only after a 401."""
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, url, user, password)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/octet-stream"})
    with opener.open(request) as response:
        print(response.status)


def post_on_one_connection():
    """http.client, which sends an iterable in chunks, ten times on one connection."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    authorization = "Basic " + b64encode(("%s:%s" % (user, password)).encode()).decode()
    headers = {"Authorization": authorization, "Content-Type": "application/octet-stream"}
    for _ in range(10):
        middle = len(body) // 2
        connection.request("POST", parts.path, iter([body[:middle], body[middle:]]), headers)
        with connection.getresponse() as response:
            response.read()
            print(response.status)
    connection.close()


{"after a 401": post_after_401, "on one connection": post_on_one_connection}[how]()
