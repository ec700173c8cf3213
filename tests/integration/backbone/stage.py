"""A stage for the backbone: replicas of the test services, publishers, listeners, and looks at the queues."""

import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pika
from kombu import Connection
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local.waiting import eventually
from shared.events import CONTENT_TYPE, Event, NewEvent, encode, seal
from shared.events.catalogue import TYPES
from shared.ids import new_id
from shared.messaging.publisher import ConfirmedPublisher, Outgoing
from shared.messaging.topology import declare, exchange_of, subscription

ROOT = Path(__file__).resolve().parents[3]
MENTEE = "speedmentor.registration.mentee-registered.v1"
PARTICIPANTS = subscription("matching", "participants")
MEETINGS = subscription("feedback", "meetings")
LOG = subscription("integrations", "log")


def mentee(site: str = "jkt", **changes: Any) -> Event:
    """A mentee has registered at ``site``: what ``echo`` takes in."""
    mentee_id = new_id()
    data = TYPES[MENTEE].example() | {"mentee_id": mentee_id, "site_id": site}
    new = NewEvent("registration.mentee-registered", mentee_id, data, org="acme", program="p-1", site=site)
    fixed: dict[str, Any] = {"id": new_id(), "ordinal": 1, "time": datetime.now(UTC), "correlationid": new_id()}
    return seal(new, **(fixed | changes))


def message(event: Event, body: bytes | None = None, **properties: Any) -> Outgoing:
    """``event`` as it goes over the wire, or with another body or other properties."""
    usual = {"content_type": CONTENT_TYPE, "delivery_mode": 2, "message_id": event.id, "type": event.type}
    return Outgoing(exchange_of(event.type), event.type, encode(event) if body is None else body, usual | properties)


@dataclass
class Replica:
    """One process of a test service."""

    process: subprocess.Popen[bytes]
    port: int
    log_file: Path

    def health(self, path: str = "ready") -> tuple[int, str]:
        """Status and body of ``/health/<path>``; ``OSError`` when it does not answer."""
        where = f"/health/{path}" if path != "metrics" else "/metrics"
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{where}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def is_ready(self) -> bool:
        """Whether it says so."""
        assert self.process.poll() is None, f"it has ended:\n{self.log_file.read_text()[-3000:]}"
        return self.health()[0] == 200

    def metric(self, name: str, **labels: str) -> float:
        """One figure of ``/metrics``; 0 where it is not there yet."""
        wanted = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
        start = f"{name}{{{wanted}}} " if wanted else f"{name} "
        for line in self.health("metrics")[1].splitlines():
            if line.startswith(start):
                return float(line.removeprefix(start))
        return 0.0

    def logs(self) -> list[dict[str, Any]]:
        """Every line it has written to the end, each a JSON object."""
        whole, _, _ = self.log_file.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait(10)

    def stop(self, seconds: float = 30) -> int:
        """Ask it to end and wait; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def _is_nobodys(channel: Any, queue: str) -> bool:
    return not channel.queue_declare(queue, passive=True).consumer_count


class Stage:
    """Everything one test needs; ``uri(account)`` names the broker, ``mongo_uri(database)`` the database."""

    def __init__(
        self, uri: Callable[..., str], mongo_uri: Callable[[str], str], public_key: Path, folder: Path
    ) -> None:
        self._uri = uri
        self._mongo_uri = mongo_uri
        self._public_key = public_key
        self._folder = folder
        self._suffix = uuid.uuid4().hex[:8]
        self.replicas: list[Replica] = []
        self._client: MongoClient[dict[str, Any]] = MongoClient(mongo_uri("admin"))
        with self.broker() as connection:
            declare(connection)
            channel = connection.channel()
            for each in (PARTICIPANTS, MEETINGS, LOG):
                # What a replica of the test before had in hand goes back when the broker has noticed its death.
                eventually(partial(_is_nobodys, channel, each.queue), what="no replica of another test consumes")
                for queue in (*(each.retry(number) for number in range(1, 5)), each.queue, each.dead):
                    channel.queue_purge(queue)

    @contextmanager
    def broker(self) -> Iterator[Connection]:
        """A connection that may do all."""
        with Connection(self._uri()) as connection:
            connection.connect()
            yield connection

    def environment(self, which: str) -> dict[str, str]:
        """The settings of a replica of ``which`` (``echo`` or ``hearer``), without its port."""
        account = {"echo": "matching", "hearer": "feedback"}[which]
        return {
            "AMQP_URI": self._uri(account),
            "MONGO_URI": self._mongo_uri(f"{which}-{self._suffix}"),
            "TOKEN_PUBLIC_KEY_FILE": str(self._public_key),
            "LOG_LEVEL": "INFO",
        }

    def launch(self, which: str = "echo", **environ: str) -> Replica:
        """Start a replica; returns at once."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log_file = self._folder / f"{which}-{len(self.replicas)}-{self._suffix}.log"
        given = {key: value for key, value in os.environ.items() if not key.endswith(("_URI", "_FILE", "_PORT"))}
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.integration.backbone.replica", which],
            env={**given, "PYTHONUNBUFFERED": "1", **self.environment(which), "HEALTH_PORT": str(port), **environ},
            stdout=log_file.open("wb"),
            stderr=subprocess.STDOUT,
            cwd=ROOT,
        )
        replica = Replica(process, port, log_file)
        self.replicas.append(replica)
        return replica

    def start(self, which: str = "echo", **environ: str) -> Replica:
        """Start a replica and wait until it is ready."""
        replica = self.launch(which, **environ)
        eventually(replica.is_ready, 60, f"{which} is ready")
        return replica

    def database(self, which: str = "echo") -> Database[dict[str, Any]]:
        """The database of ``which``."""
        return self._client[self._mongo_uri(f"{which}-{self._suffix}").rpartition("/")[2].partition("?")[0]]

    def effects(self, which: str = "echo") -> list[dict[str, Any]]:
        """Every effect ``which`` has had, in the order of their commits."""
        return list(self.database(which)["effects"].find().sort("_id", 1))

    def wait_for_effects(self, count: int, which: str = "echo", seconds: float = 30) -> list[dict[str, Any]]:
        """Wait until there are ``count`` effects; more are an error."""
        effects = self.database(which)["effects"]
        eventually(lambda: effects.count_documents({}) >= count, seconds, f"{count} effects of {which}")
        found = self.effects(which)
        assert len(found) == count
        return found

    def publish(self, messages: Iterable[Event | Outgoing]) -> None:
        """Publish as an outsider would, each confirmed."""
        with self.broker() as connection:
            sent = [each if isinstance(each, Outgoing) else message(each) for each in messages]
            outcomes = ConfirmedPublisher(connection).publish(sent)
            assert {outcome.value for outcome in outcomes} <= {"confirmed"}

    def waiting(self, queue: str) -> int:
        """How many messages of ``queue`` wait for a consumer."""
        with self.broker() as connection:
            return int(connection.channel().queue_declare(queue, passive=True).message_count)

    def take(self, queue: str) -> list[Any]:
        """Take all messages out of ``queue``."""
        taken = []
        with self.broker() as connection:
            channel = connection.channel()
            while (got := channel.basic_get(queue, no_ack=True)) is not None:
                taken.append(got)
        return taken

    def wait_for_dead(self, count: int, queue: str = PARTICIPANTS.dead, seconds: float = 30) -> list[Any]:
        """Wait for ``count`` dead letters and take them."""
        eventually(lambda: self.waiting(queue) >= count, seconds, f"{count} dead letters")
        return self.take(queue)

    def end(self) -> None:
        """End what still runs."""
        for replica in self.replicas:
            if replica.process.poll() is None:
                replica.kill()
        for which in ("echo", "hearer"):
            self._client.drop_database(self.database(which).name)
        self._client.close()


class Outside:
    """A consumer of another team's: pika, a queue of its own, nothing of this project."""

    def __init__(self, uri: str, binding: str = "speedmentor.#") -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(uri))
        self._channel = self._connection.channel()
        self._queue = self._channel.queue_declare("", exclusive=True).method.queue
        self._binding = binding
        self.unmute()
        self.events: list[dict[str, Any]] = []
        self.properties: list[Any] = []
        self._channel.basic_consume(self._queue, self._hear, auto_ack=True)

    def mute(self) -> None:
        """Have the broker send nothing more here."""
        self._channel.queue_unbind(self._queue, "speedmentor.events", self._binding)

    def unmute(self) -> None:
        """Have the broker send what is published from now on."""
        self._channel.queue_bind(self._queue, "speedmentor.events", self._binding)

    def _hear(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        self.events.append(json.loads(body))
        self.properties.append(properties)

    def wait_for(self, count: int, seconds: float = 30) -> list[dict[str, Any]]:
        """Wait until ``count`` different events have come; returns each once, though some may have come again."""

        def enough() -> bool:
            self._connection.process_data_events(0.05)
            return len({(event["source"], event["id"]) for event in self.events}) >= count

        eventually(enough, seconds, f"{count} events outside", pause=0)
        return list({(event["source"], event["id"]): event for event in reversed(self.events)}.values())[::-1]

    def wait_for_repetitions(self, count: int, seconds: float = 30) -> None:
        """Wait until ``count`` events have come that had come before."""

        def enough() -> bool:
            self._connection.process_data_events(0.05)
            return len(self.events) - len({event["id"] for event in self.events}) >= count

        eventually(enough, seconds, f"{count} repetitions outside", pause=0)

    def close(self) -> None:
        """Close the connection; its queue goes with it."""
        self._connection.close()


class RpcCaller:
    """Calls a service as nameko's own clients do, over one connection."""

    def __init__(self, uri: str, service: str = "matching") -> None:
        self._service = service
        self._connection = pika.BlockingConnection(pika.URLParameters(uri))
        self._channel = self._connection.channel()
        self._queue = self._channel.queue_declare("", exclusive=True).method.queue
        self._reply_to = str(uuid.uuid4())
        self._channel.queue_bind(self._queue, "nameko-rpc", self._reply_to)
        self._channel.basic_consume(self._queue, self._hear, auto_ack=True)
        self._answers: dict[str, Any] = {}

    def _hear(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        self._answers[properties.correlation_id] = json.loads(body)

    def send(self, method: str, headers: dict[str, Any] | None = None, /, **arguments: Any) -> str:
        """Send a request; returns the id by which :meth:`wait` finds its answer."""
        call = str(uuid.uuid4())
        self._channel.basic_publish(
            "nameko-rpc",
            f"{self._service}.{method}",
            json.dumps({"args": [], "kwargs": arguments}),
            pika.BasicProperties(
                content_type="application/json",
                content_encoding="utf-8",
                reply_to=self._reply_to,
                correlation_id=call,
                headers={f"nameko.{key}": value for key, value in (headers or {}).items()},
            ),
        )
        return call

    def wait(self, call: str, seconds: float = 30) -> dict[str, Any]:
        """The answer: ``{"ok": …}`` or ``{"fault": …}``."""

        def answered() -> bool:
            self._connection.process_data_events(0.05)
            return call in self._answers

        eventually(answered, seconds, "an answer", pause=0)
        answer = self._answers.pop(call)
        assert answer["error"] is None, answer
        result: dict[str, Any] = answer["result"]
        return result

    def call(self, method: str, headers: dict[str, Any] | None = None, /, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        return self.wait(self.send(method, headers, **arguments))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
