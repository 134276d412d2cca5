"""Reads messages as programs on pika do."""

import sys

import pika

from report import arguments, report

port, vhost, user, password, queue, count = arguments()
left = count

parameters = pika.ConnectionParameters("127.0.0.1", port, vhost, pika.PlainCredentials(user, password))
connection = pika.BlockingConnection(parameters)
channel = connection.channel()
channel.basic_qos(prefetch_count=1)
if left > 0:
    for method, properties, body in channel.consume(queue, inactivity_timeout=20):
        if method is None:
            sys.exit("no message for 20 s")
        named = dict(vars(properties))
        headers = named.pop("headers", None)
        report(body, named, headers)
        channel.basic_ack(method.delivery_tag)
        left -= 1
        if left == 0:
            break
connection.close()
