"""What the Python consumers share: the lines that test/world/support/consumers.ts reads."""

import base64
import calendar
import datetime
import decimal
import json
import struct
import sys


def arguments():
    """The program's arguments: port, vhost, user, password, queue, number of messages."""
    _, port, vhost, user, password, queue, count = sys.argv
    return int(port), vhost, user, password, queue, int(count)


def describe(value):
    """A value with its type, so that nothing is lost in JSON: `int 9223372036854775807`, `float 3ff8000000000000`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool true" if value else "bool false"
    if isinstance(value, int):
        return "int %d" % value
    if isinstance(value, float):
        return "float " + struct.pack(">d", value).hex()
    if isinstance(value, decimal.Decimal):
        return "decimal %s" % value
    if isinstance(value, datetime.datetime):
        return "time %d" % calendar.timegm(value.utctimetuple())
    if isinstance(value, str):
        return "string " + value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "bytes " + base64.b64encode(bytes(value)).decode()
    if isinstance(value, dict):
        return {key: describe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [describe(item) for item in value]
    raise TypeError("no description for %r" % (value,))


def report(body, properties, headers):
    """Prints one message. Absent properties are left out."""
    print(
        json.dumps(
            {
                "body": base64.b64encode(body.encode() if isinstance(body, str) else bytes(body)).decode(),
                "properties": {name: describe(value) for name, value in properties.items() if value is not None},
                "headers": describe(headers or {}),
            }
        ),
        flush=True,
    )
