"""Reads messages as programs on py-amqp do."""

import amqp

from report import arguments, report

port, vhost, user, password, queue, count = arguments()
left = count


def read(message):
    global left
    properties = dict(message.properties)
    headers = properties.pop("application_headers", {})
    report(message.body, properties, headers)
    message.channel.basic_ack(message.delivery_tag)
    left -= 1


with amqp.Connection("127.0.0.1:%d" % port, user, password, virtual_host=vhost) as connection:
    channel = connection.channel()
    # Otherwise the body becomes text where content_encoding names a character set.
    channel.auto_decode = False
    channel.basic_qos(0, 1, False)
    channel.basic_consume(queue, callback=read)
    while left > 0:
        connection.drain_events(timeout=20)
