"""Reads messages as Celery and other programs on kombu do."""

import kombu

from report import arguments, report

port, vhost, user, password, queue, count = arguments()
left = count


def read(message):
    global left
    properties = {
        **message.properties,
        "content_type": message.content_type,
        "content_encoding": message.content_encoding,
    }
    properties.pop("application_headers", None)
    report(message.body, properties, message.headers)
    message.ack()
    left -= 1


with kombu.Connection("127.0.0.1", user, password, vhost, port, transport="pyamqp") as connection:
    with connection.channel() as channel:
        # on_message, and no callbacks: kombu decodes a body only for those.
        consumer = kombu.Consumer(channel, kombu.Queue(queue, channel=channel, no_declare=True), on_message=read)
        consumer.qos(prefetch_count=1)
        with consumer:
            while left > 0:
                connection.drain_events(timeout=20)
