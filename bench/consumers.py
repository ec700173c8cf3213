"""What other systems cost: the services with an integrator that never acknowledges, and while another is replayed to.

First, in pairs: effects a second and latency of one replica alone, and with an integrator's queue in which 200,000
events wait and whose consumer takes as many as it gets and acknowledges none. Then, in pairs: how many events a second
a replay brings to one consumer, against the plain way (pages read from the database, each event published and its
confirm awaited), and the latency of the services while it does so.

Run it with ``make bench-consumers``; the figures go to ``bench/out/consumers.json``. The log's own queue is there in
all runs and nobody reads it, so that nothing but what is named differs.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amqp import Message
from kombu import Connection
from pymongo import ASCENDING, MongoClient

from bench.events import Bench, arrival, end
from deploy.local import Infrastructure
from services.integrations import store
from services.integrations.accounts import storage as accounts
from services.integrations.accounts.broker_account import (
    DEAD_LETTERS_OF_INTEGRATORS,
    exchange_of,
    first_bindings,
    wanted,
)
from services.integrations.accounts.secrets import new_secret
from services.integrations.handlers import hear
from services.integrations.log.storage import head
from services.integrations.replay import storage as replays
from shared.clock import SystemClock, wall_clock
from shared.events import CONTENT_TYPE, decode, encode
from shared.ids import new_id
from shared.messaging.publisher import Outgoing
from shared.messaging.topology import EVENTS, VHOST, declare, subscription
from shared.storage.unit_of_work import UnitOfWork

OUT = Path(__file__).parent / "out" / "consumers.json"
NAME = "bench"
QUEUE = f"integrator.{NAME}"
RATE, SECONDS = 200, 10
PAGE = 1000
#: Of an integrator that takes what it gets and acknowledges nothing.
HELD = 2000


class Integrator:
    """The integrator's queue and exchange as its account has them, without the account."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        row = accounts.with_secret(
            accounts.new_row(NAME, "acme", ["#"], None, False, "bench", wall_clock()),
            new_secret(),
            "bench",
            None,
            wall_clock(),
        )
        self.row = row
        self._account = accounts.account(row, wall_clock())

    def declare(self, bound: bool) -> None:
        """Make the queues; ``bound`` to all events or only to its own exchange."""
        channel = self._bench.channel
        for (kind, *_), each in (wanted(self._account, VHOST) | first_bindings(self._account, VHOST)).items():
            if kind == "exchanges":
                channel.exchange_declare(each["name"], each["type"], durable=True, auto_delete=False)
            elif kind == "queues":
                channel.queue_declare(each["name"], durable=True, auto_delete=False, arguments=each["arguments"])
            elif kind == "bindings" and (bound or each["source"] != EVENTS):
                channel.queue_bind(each["destination"], each["source"], each["routing_key"])

    def delete(self) -> None:
        """Unmake them."""
        for queue in (QUEUE, f"{QUEUE}.dead"):
            self._bench.channel.queue_delete(queue)
        for exchange in (exchange_of(NAME), DEAD_LETTERS_OF_INTEGRATORS):
            self._bench.channel.exchange_delete(exchange)

    def fill(self, count: int) -> None:
        """Have ``count`` events wait."""
        event = arrival(1)
        body = encode(event)
        for start in range(0, count, PAGE):
            self._bench.publisher.publish(
                [
                    Outgoing(
                        "", QUEUE, body, {"content_type": CONTENT_TYPE, "delivery_mode": 2, "message_id": new_id()}
                    )
                    for _ in range(min(PAGE, count - start))
                ]
            )


class Reader:
    """A consumer on a thread of its own, which counts and notes when; ``acknowledging`` in batches, or never."""

    def __init__(self, amqp_uri: str, acknowledging: bool) -> None:
        self.count = 0
        self.first_at = self.last_at = 0.0
        self._acknowledging = acknowledging
        self._connection = Connection(amqp_uri)
        self._connection.connect()
        self._channel = self._connection.connection.channel()
        self._channel.auto_decode = False
        self._channel.basic_qos(0, HELD, False)
        self._channel.basic_consume(QUEUE, callback=self._on_message)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _on_message(self, message: Any) -> None:
        self.count += 1
        self.last_at = time.monotonic()
        self.first_at = self.first_at or self.last_at
        if self._acknowledging and self.count % 500 == 0:
            self._channel.basic_ack(message.delivery_tag, multiple=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                self._connection.connection.drain_events(timeout=0.2)

    def wait_for(self, count: int, seconds: float) -> float:
        """Events a second from the first to the last of ``count``."""
        limit = time.monotonic() + seconds
        while self.count < count:
            if time.monotonic() > limit:
                raise TimeoutError(f"{self.count} of {count} came within {seconds:g} s")
            time.sleep(0.01)
        return (count - 1) / (self.last_at - self.first_at)

    def close(self) -> None:
        """Read no more."""
        self._stopping.set()
        self._thread.join()
        self._connection.close()


def waiting(bench: Bench, count: int, backlog: int, rounds: int) -> dict[str, Any]:
    """The services alone and with a consumer that never acknowledges, in pairs."""
    figures: dict[str, list[dict[str, float]]] = {"alone": [], "stuck": []}
    integrator = Integrator(bench)
    for number in range(rounds):
        for name in ("alone", "stuck") if number % 2 == 0 else ("stuck", "alone"):
            with contextlib.ExitStack() as stack:
                if name == "stuck":
                    integrator.declare(bound=True)
                    stack.callback(integrator.delete)
                    integrator.fill(backlog)
                    stack.callback(Reader(bench.amqp_uri, acknowledging=False).close)
                purge_log(bench)
                latency = bench.latency(RATE, SECONDS)
                purge_log(bench)
                effects = bench.throughput("ours", 0, count)["per_second"]
            figures[name].append({"effects_per_second": effects, **latency})
            print(f"{name:6} {effects:6.0f} effects/s, p99 {latency['p99_ms']:.1f} ms", file=sys.stderr)
    return {
        "events_waiting": backlog,
        "runs": figures,
        "effects_ratio": ratio(figures, "alone", "stuck", "effects_per_second"),
        "p50_ratio": ratio(figures, "stuck", "alone", "p50_ms"),
        "p99_ratio": ratio(figures, "stuck", "alone", "p99_ms"),
    }


def replaying(bench: Bench, infrastructure: Infrastructure, folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Replays to one consumer against the plain way, and the services' latency with and without, in pairs."""
    integrator = Integrator(bench)
    uri = infrastructure.mongo_uri("integrations")
    environment = infrastructure.environment("integrations") | {"AMQP_URI": bench.amqp_uri, "MONGO_URI": uri}
    environment.pop("BROKER_ADMIN_URI", None)
    rates: dict[str, list[float]] = {"replay": [], "plain": []}
    latencies: dict[str, list[dict[str, float]]] = {"alone": [], "replaying": []}
    with MongoClient[dict[str, Any]](uri, tz_aware=True) as client:
        database = client.get_default_database()
        client.drop_database(database.name)
        write_log(database, count)
        accounts.insert(database, integrator.row)  # type: ignore[arg-type]
        integrator.declare(bound=False)
        for number in range(rounds):
            for name in ("replay", "plain") if number % 2 == 0 else ("plain", "replay"):
                way = replayer(environment, folder) if name == "replay" else plain(bench.amqp_uri, uri)
                reader = Reader(bench.amqp_uri, acknowledging=True)
                try:
                    with way:
                        if name == "replay":
                            ask(database)
                        rates[name].append(reader.wait_for(count, 600))
                finally:
                    reader.close()
                bench.channel.queue_purge(QUEUE)
                print(f"{name:9} {rates[name][-1]:6.0f} events/s", file=sys.stderr)
        for number in range(rounds):
            for name in ("alone", "replaying") if number % 2 == 0 else ("replaying", "alone"):
                with contextlib.ExitStack() as stack:
                    if name == "replaying":
                        stack.callback(Reader(bench.amqp_uri, acknowledging=True).close)
                        stack.enter_context(replayer(environment, folder))
                        stack.enter_context(without_end(database))
                    purge_log(bench)
                    latencies[name].append(bench.latency(RATE, SECONDS))
                bench.channel.queue_purge(QUEUE)
                print(f"{name:9} p99 {latencies[name][-1]['p99_ms']:.1f} ms", file=sys.stderr)
        integrator.delete()
    medians = {name: statistics.median(runs) for name, runs in rates.items()}
    return {
        "events": count,
        "events_per_second": medians,
        "runs": rates,
        "times_the_plain_way": medians["replay"] / medians["plain"],
        "latencies": latencies,
        "p50_ratio": ratio(latencies, "replaying", "alone", "p50_ms"),
        "p99_ratio": ratio(latencies, "replaying", "alone", "p99_ms"),
    }


def ratio(figures: dict[str, list[dict[str, float]]], above: str, below: str, name: str) -> float:
    """The quotient of the medians."""
    return statistics.median(each[name] for each in figures[above]) / statistics.median(
        each[name] for each in figures[below]
    )


def purge_log(bench: Bench) -> None:
    """Forget what waits for the log."""
    declare(bench.connection)
    bench.channel.queue_purge(subscription("integrations", "log").queue)


def write_log(database: Any, count: int) -> None:
    """Fill the log with ``count`` events, as the service writes it."""
    store.prepare(database)
    work = UnitOfWork(database, SystemClock())
    work.prepare()
    queue = subscription("integrations", "log").queue
    for start in range(0, count, PAGE):
        events = [decode(encode(arrival(start + number))) for number in range(min(PAGE, count - start))]
        work.consume(queue, events, hear)


def ask(database: Any) -> str:
    """Have all of the log replayed to the integrator; returns the id of the replay."""
    now, replay_id = wall_clock(), new_id()
    row = {
        "_id": replay_id,
        "to": NAME,
        "org": "acme",
        "types": [],
        "asked_at": now,
        "after": 0,
        "until": head(database).position,
        "position": 0,
        "sent": 0,
        "state": replays.RUNNING,
        "why": None,
        "token": None,
        "ended_at": None,
    }
    replays.insert(database, row)  # type: ignore[arg-type]
    return replay_id


@contextmanager
def without_end(database: Any) -> Iterator[None]:
    """One replay after the other; from the first one's start until the end of the block."""
    stopping = threading.Event()

    def go_on() -> None:
        while not stopping.is_set():
            if replays.running_to(database, NAME) is None:
                ask(database)
            stopping.wait(0.05)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        limit = time.monotonic() + 30
        while (row := replays.running_to(database, NAME)) is None or not row["sent"]:
            if time.monotonic() > limit:
                raise TimeoutError("no replay has begun")
            time.sleep(0.05)
        yield
    finally:
        stopping.set()
        thread.join()
        database[replays.COLLECTION].delete_many({})


@contextmanager
def replayer(environment: dict[str, str], folder: Path) -> Iterator[None]:
    """The process that replays."""
    with process("replayer", environment, folder):
        yield


@contextmanager
def plain(amqp_uri: str, mongo_uri: str) -> Iterator[None]:
    """The plain way, in a process of its own."""
    started = subprocess.Popen([sys.executable, "-m", "bench.consumers", "--plain", amqp_uri, mongo_uri])
    try:
        yield
        started.wait(60)
    finally:
        started.kill()
        started.wait()


@contextmanager
def process(name: str, environment: dict[str, str], folder: Path) -> Iterator[None]:
    """``bench.replica`` as ``name``."""
    started = subprocess.Popen(
        [sys.executable, "-m", "bench.replica", name],
        env={**os.environ, **environment},
        stdout=(folder / f"{name}.log").open("ab"),
        stderr=subprocess.STDOUT,
    )
    try:
        yield
    finally:
        end(started)


def send_plainly(amqp_uri: str, mongo_uri: str) -> None:
    """Pages by position from the database, and one event after the other published, its confirm awaited."""
    with (
        MongoClient[dict[str, Any]](mongo_uri) as client,
        Connection(amqp_uri, transport_options={"confirm_publish": True}) as connection,
    ):
        connection.connect()
        channel = connection.connection.channel()
        database = client.get_default_database()
        (month,) = (
            each
            for each in database.list_collection_names()
            if each.startswith("events_") and database[each].estimated_document_count()
        )
        after = 0
        while rows := list(database[month].find({"_id": {"$gt": after}}, sort=[("_id", ASCENDING)], limit=PAGE)):
            for row in rows:
                properties = {"content_type": CONTENT_TYPE, "delivery_mode": 2}
                channel.basic_publish_confirm(
                    Message(bytes(row["body"]), **properties), exchange_of(NAME), f"speedmentor.{row['type']}.v1"
                )
            after = rows[-1]["_id"]


def main() -> None:
    """Measure and write ``bench/out/consumers.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000, help="for effects a second")
    parser.add_argument("--waiting", type=int, default=200_000)
    parser.add_argument("--replayed", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--plain", nargs=2, metavar=("AMQP", "MONGO"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.plain:
        send_plainly(*given.plain)
        return
    with tempfile.TemporaryDirectory(prefix="speedmentor-bench-") as folder:
        infrastructure = Infrastructure(Path(folder))
        infrastructure.up()
        try:
            uris = {"AMQP_URI": infrastructure.amqp_uri(), "MONGO_URI": infrastructure.mongo_uri("matching")}
            environment = infrastructure.environment("matching") | uris
            bench = Bench(uris["AMQP_URI"], uris["MONGO_URI"], Path(folder), environment)
            bench.prepare("ours", [])
            result = {
                "never_acknowledged": waiting(bench, given.events, given.waiting, given.rounds),
                "replay": replaying(bench, infrastructure, Path(folder), given.replayed, given.rounds),
                "cores": os.cpu_count(),
                "load_average": os.getloadavg(),
            }
        finally:
            infrastructure.down()
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
