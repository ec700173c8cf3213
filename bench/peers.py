"""The same bell on other schedulers: APScheduler with its MongoDB job store, and Celery with an ETA over RabbitMQ.

Both are given the finished message beforehand and only publish it, without waiting for the broker's confirm; they
keep no state of a session and answer for no second replica. That is less than the session timer does.

``python -m bench.peers apscheduler|celery`` reads one JSON object of settings from standard input, says ``ready``
once all is scheduled, and runs until it is ended.
"""

import json
import os
import sys
import threading
import time
from datetime import UTC, datetime
from typing import Any

from celery import Celery
from kombu import Connection

EXCHANGE = "speedmentor.events"
_here = threading.local()

celery = Celery("bench", broker=os.environ.get("BENCH_AMQP_URI", ""))
celery.conf.update(
    task_ignore_result=True,
    # An ETA is waited for in the worker, so all of them must fit in there.
    worker_prefetch_multiplier=0,
    task_default_queue=os.environ.get("BENCH_QUEUE", "bench-celery"),
    task_default_exchange=os.environ.get("BENCH_QUEUE", "bench-celery"),
    task_default_routing_key=os.environ.get("BENCH_QUEUE", "bench-celery"),
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)


def publish(amqp_uri: str, body: str, routing_key: str) -> None:
    """Put a message on the bus, over the connection of this thread."""
    channel = getattr(_here, "channel", None)
    if channel is None:
        connection = Connection(amqp_uri)
        connection.connect()
        channel = _here.channel = connection.connection.channel()
        _here.kept = connection
    message = channel.prepare_message(body.encode(), properties={"delivery_mode": 2})
    channel.basic_publish(message, EXCHANGE, routing_key)


@celery.task(name="bench.ring", ignore_result=True)
def ring(body: str, routing_key: str) -> None:
    """A bell in Celery."""
    publish(os.environ["BENCH_AMQP_URI"], body, routing_key)


def run_apscheduler(settings: dict[str, Any]) -> None:
    """Schedule everything and run."""
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.jobstores.mongodb import MongoDBJobStore
    from apscheduler.schedulers.background import BackgroundScheduler
    from pymongo import MongoClient

    client = MongoClient(settings["mongo_uri"])
    store = MongoDBJobStore(database=settings["database"], collection="jobs", client=client)
    scheduler = BackgroundScheduler(
        jobstores={"default": store},
        executors={"default": ThreadPoolExecutor(settings["workers"])},
        job_defaults={"misfire_grace_time": None},
        timezone=UTC,
    )
    # Paused while it is filled: it would look at the store again after every job that is added.
    scheduler.start(paused=True)
    for at, body in _bells():
        scheduler.add_job(
            publish,
            "date",
            run_date=datetime.fromtimestamp(at, UTC),
            args=(settings["amqp_uri"], body, settings["type"]),
        )
    scheduler.resume()
    print("ready", flush=True)
    while True:
        time.sleep(1)


def run_celery(settings: dict[str, Any]) -> None:
    """Send everything with its ETA; a worker is running already."""
    with celery.connection_for_write() as connection, celery.amqp.Producer(connection) as producer:
        for at, body in _bells():
            ring.apply_async((body, settings["type"]), eta=datetime.fromtimestamp(at, UTC), producer=producer)
    print("ready", flush=True)


def _bells() -> list[tuple[float, str]]:
    return [(at, body) for at, body in json.loads(sys.stdin.readline())]


if __name__ == "__main__":
    {"apscheduler": run_apscheduler, "celery": run_celery}[sys.argv[1]](json.loads(sys.stdin.readline()))
