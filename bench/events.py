"""How many effects a second one replica has, and how soon: this backbone against stock nameko, in one run.

An effect is an event taken in, its transaction committed and the event that comes of it published. All events
wait in the queue before a replica starts; the clock runs from the first event out to the last, read off the
broker's count of an outside queue, so that nothing of the measuring competes for the two cores.

Run it with ``make bench-events``; the figures go to ``bench/out/events.json``.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from amqp import Message
from kombu import Connection
from pymongo import MongoClient

from deploy.local import Infrastructure
from shared.events import CONTENT_TYPE, Event, NewEvent, encode, seal
from shared.ids import new_id
from shared.messaging.publisher import ConfirmedPublisher, Outgoing
from shared.messaging.topology import EVENTS, declare, subscription

OUT = Path(__file__).parent / "out" / "events.json"
OUTSIDE = "bench-outside"
STOCK_QUEUE = "evt-bench-mentee-registered--stock.seat"
STOCK_EXCHANGE = "bench.events"


def arrival(number: int) -> Event:
    """The event that is taken in."""
    program, mentee = new_id(), new_id()
    new = NewEvent(
        "registration.mentee-registered",
        mentee,
        {
            "mentee_id": mentee,
            "program_id": program,
            "site_id": f"site-{number % 50}",
            "remote": False,
            "languages": ["id", "en"],
            "motive": "problem",
            "topics": ["funding", "hiring", "career-change"],
            "rounds": [1, 2, 3, 4, 5, 6],
            "max_meetings": 6,
            "questions": 3,
        },
        org="acme",
        program=program,
        site=f"site-{number % 50}",
    )
    return seal(new, id=new_id(), ordinal=1, time=datetime.now(UTC), correlationid=new_id())


def outgoing(event: Event, exchange: str, routing_key: str) -> Outgoing:
    """``event`` as a message."""
    stock = exchange != EVENTS
    body = encode(event)
    return Outgoing(
        exchange,
        routing_key,
        json.dumps(body.decode()).encode() if stock else body,
        {
            "content_type": "application/json" if stock else CONTENT_TYPE,
            "content_encoding": "utf-8",
            "delivery_mode": 2,
            "message_id": event.id,
            "type": event.type,
        },
    )


class Bench:
    """One broker and database for all measurements, so that they are compared on equal ground."""

    def __init__(self, amqp_uri: str, mongo_uri: str, folder: Path, environment: dict[str, str]) -> None:
        self.amqp_uri = amqp_uri
        self.mongo_uri = mongo_uri
        self.folder = folder
        self.environment = environment
        self.connection = Connection(amqp_uri)
        self.connection.connect()
        self.channel = self.connection.connection.channel()
        self.publisher = ConfirmedPublisher(self.connection)

    def prepare(self, backbone: str, events: list[Event]) -> None:
        """An empty database, empty queues, an outside queue for what comes out, and ``events`` waiting."""
        parts = urlsplit(self.mongo_uri)
        MongoClient(self.mongo_uri).drop_database(parts.path.lstrip("/"))
        declare(self.connection)
        self.channel.queue_delete(OUTSIDE)
        self.channel.queue_declare(OUTSIDE, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        if backbone == "ours":
            self.channel.queue_purge(subscription("matching", "participants").queue)
            self.channel.queue_bind(OUTSIDE, EVENTS, "speedmentor.matching.#")
            target = (EVENTS, "speedmentor.registration.mentee-registered.v1")
        else:
            self.channel.exchange_declare(STOCK_EXCHANGE, "topic", durable=True, auto_delete=False)
            self.channel.exchange_declare("stock.events", "topic", durable=True, auto_delete=False)
            self.channel.queue_declare(STOCK_QUEUE, durable=True, auto_delete=False)
            self.channel.queue_bind(STOCK_QUEUE, STOCK_EXCHANGE, "mentee-registered")
            self.channel.queue_purge(STOCK_QUEUE)
            self.channel.queue_bind(OUTSIDE, "stock.events", "seated")
            target = (STOCK_EXCHANGE, "mentee-registered")
        for start in range(0, len(events), 1000):
            self.publisher.publish([outgoing(e, *target) for e in events[start : start + 1000]])

    def start(self, backbone: str, workers: int) -> subprocess.Popen[bytes]:
        """Start a replica."""
        arguments = ["ours"] if backbone == "ours" else ["stock", self.amqp_uri, self.mongo_uri, str(workers)]
        return subprocess.Popen(
            [sys.executable, "-m", "bench.replica", *arguments],
            env={**os.environ, **self.environment},
            stdout=(self.folder / f"{backbone}.log").open("ab"),
            stderr=subprocess.STDOUT,
        )

    def seen_outside(self) -> int:
        """How many events have come out."""
        return int(self.channel.queue_declare(OUTSIDE, passive=True).message_count)

    def throughput(self, backbone: str, workers: int, count: int, deadline: float = 300) -> dict[str, Any]:
        """Effects a second of one replica over ``count`` events."""
        self.prepare(backbone, [arrival(number) for number in range(count)])
        replica = self.start(backbone, workers)
        try:
            started, seen_first = 0.0, 0
            limit = time.monotonic() + deadline
            while time.monotonic() < limit:
                now, seen = time.monotonic(), self.seen_outside()
                if seen and not started:
                    started, seen_first = now, seen
                if seen >= count:
                    return {
                        "events": count,
                        "seconds": now - started,
                        "per_second": (seen - seen_first) / (now - started),
                    }
                time.sleep(0.02)
            raise TimeoutError(f"{backbone}: {self.seen_outside()} of {count} came out; see {self.folder}")
        finally:
            end(replica)

    def latency(self, rate: int, seconds: int) -> dict[str, float]:
        """Milliseconds from publishing an event to its answer's arrival outside, at ``rate`` events a second."""
        self.prepare("ours", [])
        replica = self.start("ours", 0)
        outside = Outside(self.amqp_uri)
        try:
            warm = [arrival(number) for number in range(200)]
            self.publisher.publish([outgoing(e, EVENTS, e.type) for e in warm])
            outside.wait_for(len(warm), 60)
            sent: dict[str, float] = {}
            late = 0.0
            events = [arrival(number) for number in range(rate * seconds)]
            messages = [outgoing(event, EVENTS, event.type) for event in events]
            start = time.monotonic() + 0.2
            for number, (event, message) in enumerate(zip(events, messages, strict=True)):
                time.sleep(max(0.0, start + number / rate - time.monotonic()))
                sent[event.id] = time.monotonic()
                late = max(late, sent[event.id] - start - number / rate)
                # Not awaiting the confirm: a slow one must not lower the rate.
                self.channel.basic_publish(Message(message.body, **message.properties), EVENTS, event.type)
            outside.wait_for(len(warm) + len(events), 60)
            took = [(outside.came[event.id] - sent[event.id]) * 1000 for event in events]
            cuts = statistics.quantiles(took, n=100)
            return {
                "rate": rate,
                "p50_ms": cuts[49],
                "p99_ms": cuts[98],
                "max_ms": max(took),
                "publisher_late_ms": late * 1000,
            }
        finally:
            outside.close()
            end(replica)


class Outside:
    """Notes when the answer to each event comes, on a thread of its own."""

    def __init__(self, amqp_uri: str) -> None:
        #: When the answer came, by the id of the event that it answers.
        self.came: dict[str, float] = {}
        self._connection = Connection(amqp_uri)
        self._connection.connect()
        self._connection.connection.channel().basic_consume(OUTSIDE, no_ack=True, callback=self._on_message)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _on_message(self, message: Any) -> None:
        now = time.monotonic()
        self.came[orjson.loads(message.body)["causationid"]] = now

    def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                self._connection.connection.drain_events(timeout=0.2)

    def wait_for(self, count: int, seconds: float) -> None:
        """Wait until ``count`` answers have come."""
        limit = time.monotonic() + seconds
        while len(self.came) < count:
            if time.monotonic() > limit:
                raise TimeoutError(f"{len(self.came)} of {count} answers came out")
            time.sleep(0.005)

    def close(self) -> None:
        """Listen no more."""
        self._stopping.set()
        self._thread.join()
        self._connection.close()


def end(replica: subprocess.Popen[bytes]) -> None:
    """Stop a replica for good."""
    replica.send_signal(signal.SIGTERM)
    try:
        replica.wait(10)
    except subprocess.TimeoutExpired:
        replica.kill()
        replica.wait()


def measure(bench: Bench, count: int, rounds: int) -> dict[str, Any]:
    """All contestants in turn, ``rounds`` times; medians, and the ratio to the better of the stock ones."""
    figures: dict[str, list[float]] = {"ours": [], "stock-10": [], "stock-50": []}
    for _ in range(rounds):
        for name, runs in figures.items():
            backbone, _, workers = name.partition("-")
            size = count if backbone == "ours" else count // 5
            runs.append(bench.throughput(backbone, int(workers or 0), size)["per_second"])
            print(f"{name:10} {runs[-1]:8.0f} effects/s", file=sys.stderr)
    load = os.getloadavg()
    medians = {name: statistics.median(runs) for name, runs in figures.items()}
    latencies = [bench.latency(rate=200, seconds=10) for _ in range(rounds)]
    for each in latencies:
        print(f"200/s: p50 {each['p50_ms']:.1f} ms, p99 {each['p99_ms']:.1f} ms", file=sys.stderr)
    return {
        "effects_per_second": medians,
        "runs": figures,
        "ratio_to_better_stock": medians["ours"] / max(medians["stock-10"], medians["stock-50"]),
        "latency": sorted(latencies, key=lambda each: each["p99_ms"])[rounds // 2],
        "latency_runs": latencies,
        "events": count,
        "cores": os.cpu_count(),
        # Above the number of cores, others wanted them too: the figures are then worse than the machine's.
        "load_average": {"before_latency": load, "after": os.getloadavg()},
    }


def main() -> None:
    """Measure and write ``bench/out/events.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="speedmentor-bench-") as folder:
        infrastructure = Infrastructure(Path(folder))
        infrastructure.up()
        try:
            # One account for all contestants, which may also declare what stock nameko wants.
            uris = {"AMQP_URI": infrastructure.amqp_uri(), "MONGO_URI": infrastructure.mongo_uri("matching")}
            environment = infrastructure.environment("matching") | uris
            bench = Bench(uris["AMQP_URI"], uris["MONGO_URI"], Path(folder), environment)
            result = measure(bench, arguments.events, arguments.rounds)
        finally:
            infrastructure.down()
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
