"""A consumer among the examples, as another team runs it: in a process that knows nothing of this project."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from shared.events import CONTENT_TYPE, Event, encode
from shared.messaging.publisher import ConfirmedPublisher, Outcome, Outgoing
from shared.messaging.topology import EVENTS, declare
from tests.javascript import NODE

EXAMPLES = Path(__file__).parents[3] / "examples" / "consumers"
#: Seconds in which a broker is back with the queues of all modules that have used it before.
RESTART = 180

QUEUE, DEAD = "integrator.example", "integrator.example.dead"


class Consumer:
    """One example, its queue as an integrator's account gets it, and what publishes to it."""

    def __init__(self, amqp_uri: str, script: Path, database: Path, environ: dict[str, str]) -> None:
        self._amqp_uri = amqp_uri
        interpreter = [str(NODE)] if script.suffix == ".cjs" else [sys.executable, "-I"]
        self._command = [*interpreter, str(script), str(database)]
        self.environ = {
            "PATH": os.defpath,
            "SPEEDMENTOR_AMQP_URI": amqp_uri,
            "SPEEDMENTOR_QUEUE": QUEUE,
            **environ,
        }
        with Connection(amqp_uri) as connection:
            declare(connection)
            with connection.channel() as channel:
                channel.queue_declare(DEAD, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
                limits = {"x-delivery-limit": 20, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": DEAD}
                arguments = {"x-queue-type": "quorum", **limits}
                channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=arguments)
                channel.queue_bind(QUEUE, EVENTS, "#")
                for queue in (QUEUE, DEAD):
                    channel.queue_purge(queue)

    def publish(self, events: Iterable[Event | bytes]) -> None:
        """Publish events; bytes as they are, as a publisher with a fault might."""
        outgoing = []
        for each in events:
            body = each if isinstance(each, bytes) else encode(each)
            event = json.loads(body)
            properties = {"content_type": CONTENT_TYPE, "delivery_mode": 2, "message_id": event["id"]}
            outgoing.append(Outgoing(EVENTS, event["type"], body, properties))
        with Connection(self._amqp_uri) as connection:
            outcomes = ConfirmedPublisher(connection).publish(outgoing)
        assert set(outcomes) == {Outcome.CONFIRMED}

    def published(self, events: Iterable[Event | bytes]) -> bool:
        """Whether all queues take the events: not until all are back after a restart. Some of them may come again."""
        try:
            self.publish(events)
        except AssertionError:
            return False
        return True

    def start(self, *more: str) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            [*self._command, *more], env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *more: str) -> str:
        """Run it to its end, and return what it printed."""
        done = subprocess.run(
            [*self._command, *more], env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def waiting(self, queue: str = QUEUE) -> int:
        """How many messages are ready in a queue."""
        with Connection(self._amqp_uri) as connection, connection.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).message_count)


@pytest.fixture
def consumer(
    amqp_uri: Callable[..., str], tmp_path: Path, eventually: Callable[..., Any]
) -> Iterator[Callable[..., Consumer]]:
    """``consumer("tables/tables.py", **environ)``: that example with an empty queue and an empty file."""

    def make(script: str, **environ: str) -> Consumer:
        return Consumer(amqp_uri(), EXAMPLES / script, tmp_path / "consumer.sqlite", environ)

    yield make
    # Not deleted: a queue that is made anew under its name sometimes does not come back when the broker restarts.
    with Connection(amqp_uri()) as connection, connection.channel() as channel:
        for queue in (QUEUE, DEAD):
            # What a consumer had in hand when it was killed is back once its connection is gone.
            eventually(lambda queue=queue: channel.queue_declare(queue, passive=True).consumer_count == 0)
            channel.queue_purge(queue)
