"""A Celery worker with one task, which prints a line of JSON for each time it runs."""

import json
from urllib.parse import quote

import celery
import kombu

from report import arguments

port, vhost, user, password, queue, _ = arguments()
app = celery.Celery(broker="amqp://%s:%s@127.0.0.1:%d/%s" % (quote(user), quote(password), port, quote(vhost, "")))
app.conf.update(
    task_queues=[kombu.Queue(queue, no_declare=True)],
    broker_connection_retry=False,
    worker_redirect_stdouts=False,
)


@app.task(name="world.add", bind=True)
def add(self, a, b):
    request = self.request
    print(json.dumps({"id": request.id, "sum": a + b, "retries": request.retries, "limits": request.timelimit}), flush=True)


app.worker_main(["worker", "--pool=solo", "--without-gossip", "--without-mingle", "--loglevel=error"])
