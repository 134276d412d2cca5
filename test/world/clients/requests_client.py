"""Posts with requests: a session, a form, a file, JSON and a stream. Prints a status a line."""

import sys

import requests

_, url, user, password, body_file = sys.argv

with requests.Session() as session:
    session.auth = (user, password)
    with open(body_file, "rb") as file:
        print(session.post(url, data={"body": file.read()}).status_code)
    with open(body_file, "rb") as file:
        print(session.post(url, files={"body": file}).status_code)
    with open(body_file, "rb") as file:
        print(session.post(url, data=file, headers={"Content-Type": "application/octet-stream"}).status_code)
    print(session.post(url, data=iter([b"a", b"b"])).status_code)
    print(session.post(url, json={"a": [1, 2, 3]}).status_code)
