"""How late bells ring: from a round's planned end to the event's arrival at an outside consumer on the bus.

The real service runs as one and as two processes on a real broker and database; sessions come about as always, by a
program and its plan being published. All rounds end within one second: spread over it evenly (``spread``), or all
at its first millisecond (``burst``, where the broker alone needs a while). In the same run the same bells ring from
APScheduler with its MongoDB job store and from Celery with an ETA, and straight from a loop that has all messages
ready (``broker``: nobody can be faster).

Run it with ``make bench-timer``; the figures go to ``bench/out/timer.json``. ``--quick`` takes under a minute.
"""

import argparse
import itertools
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kombu import Connection
from pymongo import MongoClient

from deploy.local import Deployment, Infrastructure, LaunchError
from deploy.local.waiting import eventually
from shared.events import CONTENT_TYPE, NewEvent, encode, seal, write_time
from shared.events.catalogue import TYPES
from shared.ids import new_id
from shared.messaging.publisher import ConfirmedPublisher, Outgoing
from shared.messaging.topology import EVENTS, SUBSCRIPTIONS, declare

OUT = Path(__file__).parent / "out" / "timer.json"
ROOT = Path(__file__).resolve().parents[1]
BELL = "speedmentor.session-timer.round-ended.v1"
ROUND_SECONDS = 15
SITES = 100
"""Sites of one program."""
TARGETS = {1_000: (100, 50), 5_000: (400, 250)}
"""Milliseconds that the 99th percentile must stay under with so many sessions: at first, and wished for."""
PEERS = ("apscheduler", "celery")
WORKERS = {"apscheduler": 10, "celery": 2}


class Bench:
    """One broker and database for all, so that all are compared on equal ground."""

    def __init__(self, infrastructure: Infrastructure, folder: Path) -> None:
        self.infrastructure = infrastructure
        self.amqp_uri = infrastructure.amqp_uri()
        self.folder = folder
        self.client: MongoClient[dict[str, Any]] = MongoClient(infrastructure.mongo_uri("admin"))
        with Connection(self.amqp_uri) as connection:
            declare(connection)

    def measure(self, contestant: str, replicas: int, count: int, pattern: str) -> dict[str, Any]:
        """Ring ``count`` bells within one second and say how late they came."""
        self._empty_queues()
        load = os.getloadavg()[0]
        ring = {"speedmentor": self._speedmentor, "broker": self._broker}.get(contestant, self._peer)
        scheduled, arrived = ring(contestant, replicas, count, offsets(count, pattern))
        result = {
            "contestant": contestant,
            "replicas": replicas,
            "sessions": count,
            "pattern": pattern,
            **lateness(scheduled, arrived),
            "load_average_before": round(load, 2),
        }
        print(
            f"{contestant:12} x{replicas} {count:6} {pattern:7}"
            f" p50 {result['p50_ms']:8.1f}  p99 {result['p99_ms']:8.1f}"
            f"  max {result['max_ms']:8.1f} ms   load {load:.1f}",
            file=sys.stderr,
        )
        return result

    # The session timer

    def _speedmentor(
        self, _: str, replicas: int, count: int, after: list[float]
    ) -> tuple[dict[str, float], list[tuple[float, dict[str, Any]]]]:
        database = f"timer-bench-{uuid.uuid4().hex[:8]}"
        deployment = Deployment(self.infrastructure, {"LOG_LEVEL": "WARNING"})
        names: list[str] = []
        try:
            names = deployment.start("session_timer", replicas, {"MONGO_URI": self.infrastructure.mongo_uri(database)})
            deployment.wait_ready(*names)
            with outside(self.amqp_uri) as consumer:
                starts_at = int(time.time()) + 8 + count // 250
                ends_at = starts_at + ROUND_SECONDS
                self._publish_programs(starts_at, after)
                sessions = self.client[database]["sessions"]
                eventually(lambda: sessions.count_documents({}) == count, 60 + count / 50, f"{count} sessions", 0.5)
                if time.time() > ends_at - 5:
                    raise TimeoutError("the sessions were there too late to measure; the machine is busy")
                ids = {row["site_id"]: row["_id"] for row in sessions.find({}, {"site_id": 1})}
                scheduled = {ids[f"s-{number}"]: ends_at + each for number, each in enumerate(after)}
                # The first look takes in whatever comes; what counts is asked for by its own time.
                return scheduled, consumer.hear(count, ends_at + 1)
        finally:
            deployment.stop_all()
            self.client.drop_database(database)
            for name in names:
                warnings(name, self.infrastructure.space.log(name))

    def _publish_programs(self, starts_at: int, after: list[float]) -> None:
        events = []
        for first in range(0, len(after), SITES):
            program_id, plan_id = new_id(), new_id()
            sites = [
                {
                    "site_id": f"s-{first + place}",
                    "time_zone": "Asia/Jakarta",
                    "starts_at": write_time(datetime.fromtimestamp(starts_at + each, UTC)),
                }
                for place, each in enumerate(after[first : first + SITES])
            ]
            times = {"rounds": 2, "round_seconds": ROUND_SECONDS, "break_seconds": 600, "warning_seconds": []}
            for name, subject, data in (
                ("registration.program-published", program_id, {"sites": sites, **times}),
                ("matching.plan-published", plan_id, {"plan_id": plan_id}),
            ):
                whole = {**TYPES[f"speedmentor.{name}.v1"].example(), **data, "program_id": program_id}
                new = NewEvent(name, subject, whole, "bench", program_id)
                events.append(seal(new, id=new_id(), ordinal=1, time=datetime.now(UTC)))
        with Connection(self.amqp_uri) as connection:
            connection.connect()
            ConfirmedPublisher(connection).publish(
                [
                    Outgoing(
                        EVENTS, e.type, encode(e), {"content_type": CONTENT_TYPE, "message_id": e.id, "type": e.type}
                    )
                    for e in events
                ]
            )

    # The others

    def _peer(
        self, contestant: str, _: int, count: int, after: list[float]
    ) -> tuple[dict[str, float], list[tuple[float, dict[str, Any]]]]:
        database = queue = f"{contestant}-bench-{uuid.uuid4().hex[:8]}"
        environment = {**os.environ, "BENCH_AMQP_URI": self.amqp_uri, "BENCH_QUEUE": queue}
        settings = {
            "amqp_uri": self.amqp_uri,
            "mongo_uri": self.infrastructure.mongo_uri("admin"),
            "database": database,
            "type": BELL,
            "workers": WORKERS[contestant],
        }
        started = []
        try:
            if contestant == "celery":
                flags = ["-c", str(WORKERS[contestant]), "-P", "prefork", "-l", "WARNING"]
                flags += ["--without-gossip", "--without-mingle", "--without-heartbeat", "-n", queue]
                worker = [sys.executable, "-m", "celery", "-A", "bench.peers:celery", "worker", *flags]
                started.append(self._start(worker, environment, contestant))
                eventually(lambda: self._consumers(queue) > 0, 60, "the Celery worker is ready", 0.2)
            with outside(self.amqp_uri) as consumer:
                at = int(time.time()) + 10 + count // 125
                bells = [(at + each, bell(f"s-{number}", at + each)) for number, each in enumerate(after)]
                scheduler = self._start([sys.executable, "-m", "bench.peers", contestant], environment, contestant)
                started.append(scheduler)
                assert scheduler.stdin
                assert scheduler.stdout
                scheduler.stdin.write(json.dumps(settings) + "\n" + json.dumps(bells) + "\n")
                scheduler.stdin.flush()
                if scheduler.stdout.readline() != "ready\n":
                    raise RuntimeError(f"{contestant} ended; see {self.folder}")
                if contestant == "celery":
                    eventually(lambda: self._waiting(queue) == 0, 60, "the worker has all tasks", 0.2)
                if time.time() > at - 2:
                    raise TimeoutError(f"{contestant} was ready too late to measure; the machine is busy")
                scheduled = {f"s-{number}": at + each for number, each in enumerate(after)}
                return scheduled, consumer.hear(count, at + 1)
        finally:
            for process in reversed(started):
                end(process)
            self.client.drop_database(database)
            with Connection(self.amqp_uri) as connection, suppress(Exception):
                connection.channel().queue_delete(queue)

    def _broker(
        self, _: str, __: int, count: int, after: list[float]
    ) -> tuple[dict[str, float], list[tuple[float, dict[str, Any]]]]:
        with outside(self.amqp_uri) as consumer, Connection(self.amqp_uri) as connection:
            connection.connect()
            channel = connection.connection.channel()
            at = int(time.time()) + 5
            order = sorted(range(count), key=after.__getitem__)
            messages = [
                channel.prepare_message(bell(f"s-{each}", at + after[each]).encode(), properties={"delivery_mode": 2})
                for each in order
            ]
            consumer.ask(count, at + 1)
            for each, message in zip(order, messages, strict=True):
                while (left := at + after[each] - time.time()) > 0:
                    time.sleep(left)
                channel.basic_publish(message, EVENTS, BELL)
            return {f"s-{number}": at + each for number, each in enumerate(after)}, consumer.answer()

    # Looking after broker and processes

    def _start(self, command: list[str], environment: dict[str, str], name: str) -> "subprocess.Popen[str]":
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if "bench.peers" in command else log,
                stderr=log,
                text=True,
            )

    def _queue(self, queue: str) -> Any:
        with Connection(self.amqp_uri) as connection:
            try:
                return connection.channel().queue_declare(queue, passive=True)
            except Exception:
                return None

    def _consumers(self, queue: str) -> int:
        found = self._queue(queue)
        return int(found.consumer_count) if found else 0

    def _waiting(self, queue: str) -> int:
        found = self._queue(queue)
        return int(found.message_count) if found else 0

    def _empty_queues(self) -> None:
        """Other services' queues are there as always; nobody takes out of them here."""
        with Connection(self.amqp_uri) as connection:
            channel = connection.channel()
            for each in SUBSCRIPTIONS:
                channel.queue_purge(each.queue)


class Consumer:
    """The outside consumer, in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def hear(self, expected: int, after: float) -> list[tuple[float, dict[str, Any]]]:
        """What arrives until there are ``expected`` messages and ``after`` (wall seconds) has passed."""
        self.ask(expected, after)
        return self.answer()

    def ask(self, expected: int, after: float, seconds: float = 60) -> None:
        """Begin to listen; see :meth:`hear`."""
        assert self._process.stdin
        request = {"expected": expected, "after": after, "until": after + seconds}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def answer(self) -> list[tuple[float, dict[str, Any]]]:
        """What has arrived since :meth:`ask`, once it is enough."""
        assert self._process.stdout
        return [(at, body) for at, body in json.loads(self._process.stdout.readline())]


@contextmanager
def outside(amqp_uri: str) -> Iterator[Consumer]:
    """A consumer that measures, listening to bells."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.outside"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps({"amqp_uri": amqp_uri, "types": [BELL]}) + "\n")
        process.stdin.flush()
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the outside consumer did not start")
        yield Consumer(process)
    finally:
        end(process)


def warnings(name: str, log: Path) -> None:
    """Say what a replica has warned of, for nobody measures well what does not run well; and begin a new log."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    if told := Counter(line.get("message") for line in lines):
        print(f"  {name} warned: {dict(told)}", file=sys.stderr)
    log.unlink()


def end(process: "subprocess.Popen[str]") -> None:
    """End a process, by request or by force."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def offsets(count: int, pattern: str) -> list[float]:
    """When within the second each bell is due, in seconds with whole milliseconds; the same in every run."""
    chance = random.Random(count)
    return [0.0 if pattern == "burst" else chance.randrange(1000) / 1000 for _ in range(count)]


def bell(session_id: str, at: float) -> str:
    """What the other schedulers publish: the same event, made beforehand."""
    when = write_time(datetime.fromtimestamp(at, UTC))
    data = {
        "session_id": session_id,
        "program_id": new_id(),
        "site_id": session_id,
        "revision": 1,
        "round": 1,
        "scheduled_at": when,
        "actual_at": when,
        "ends_at": when,
        "late": False,
    }
    new = NewEvent("session-timer.round-ended", session_id, data, "bench", data["program_id"], session_id)
    sealed = seal(new, id=new_id(), ordinal=3, time=datetime.fromtimestamp(at, UTC), correlationid=new_id())
    return encode(sealed).decode()


def lateness(scheduled: dict[str, float], arrived: list[tuple[float, dict[str, Any]]]) -> dict[str, Any]:
    """Milliseconds from each bell's instant to its first arrival.

    Raises:
        RuntimeError: a bell did not come, or its event names another instant.
    """
    first: dict[str, float] = {}
    for at, event in arrived:
        if event["data"]["round"] == 1:
            named = datetime.fromisoformat(event["data"]["scheduled_at"]).timestamp()
            if abs(named - scheduled[event["subject"]]) > 0.0005:
                raise RuntimeError(f"the bell of {event['subject']} was due at another instant than planned")
            first.setdefault(event["subject"], at)
    if missing := scheduled.keys() - first.keys():
        raise RuntimeError(f"{len(missing)} of {len(scheduled)} bells did not come")
    took = sorted((first[each] - at) * 1000 for each, at in scheduled.items())
    return {
        "p50_ms": round(statistics.median(took), 2),
        "p99_ms": round(took[max(0, -(-99 * len(took) // 100) - 1)], 2),
        "max_ms": round(took[-1], 2),
        "min_ms": round(took[0], 2),
        "early": sum(each < 0 for each in took),
        "repeated": len(arrived) - len(first),
    }


def compare(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Ratios to the peers (theirs over ours: above 1 is better than they), and the targets."""
    found = {(r["contestant"], r["replicas"], r["sessions"], r["pattern"]): r["p99_ms"] for r in results}
    ratios, targets = [], []
    for (contestant, replicas, count, pattern), p99 in found.items():
        if contestant != "speedmentor":
            continue
        against = {peer: found.get((peer, 1, count, pattern)) for peer in (*PEERS, "broker")}
        ratios.append(
            {
                "sessions": count,
                "pattern": pattern,
                "replicas": replicas,
                "p99_ms": p99,
                **{f"{peer}_p99_ratio": round(other / p99, 2) for peer, other in against.items() if other},
                "better_than_both": all(other and other > p99 for peer, other in against.items() if peer in PEERS),
            }
        )
        if count in TARGETS:
            must, wish = TARGETS[count]
            met = {"target_ms": must, "met": p99 < must, "wished_ms": wish, "wish_met": p99 < wish}
            targets.append({"sessions": count, "pattern": pattern, "replicas": replicas, "p99_ms": p99, **met})
    return {"ratios": ratios, "targets": targets}


def machine() -> dict[str, Any]:
    """What it was measured on."""
    cpu = "unknown"
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in ("nameko", "kombu", "pymongo", "apscheduler", "celery")},
    }


def run(bench: Bench, given: argparse.Namespace) -> dict[str, Any]:
    """Measure everything asked for; what there is so far is written after every step."""
    results: list[dict[str, Any]] = []
    load_before = os.getloadavg()
    for count, pattern in itertools.product(given.sizes, given.patterns):
        contestants = [("broker", 1)]
        contestants += [("speedmentor", replicas) for replicas in given.replicas]
        contestants += [(peer, 1) for peer in given.peers]
        for name, replicas in contestants:
            try:
                results.append(bench.measure(name, replicas, count, pattern))
            except (RuntimeError, TimeoutError, LaunchError) as error:
                # On a busy machine one may fail to be ready in time: the others are still worth knowing.
                print(f"{name:12} x{replicas} {count:6} {pattern:7} not measured: {error}", file=sys.stderr)
            report = summary(results, load_before)
            given.out.parent.mkdir(parents=True, exist_ok=True)
            given.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report


def summary(results: list[dict[str, Any]], load_before: tuple[float, float, float]) -> dict[str, Any]:
    """All figures, what they were measured on, and what they mean."""
    return {
        "measured_at": write_time(datetime.now(UTC)),
        "machine": machine(),
        "load_average": {"before": load_before, "after": os.getloadavg()},
        "what": "milliseconds from a round's planned end to the event's arrival at an outside consumer",
        "peers": {"workers": WORKERS, "confirms": False, "message": "made beforehand"},
        "results": results,
        **compare(results),
    }


def main() -> None:
    """Measure and write ``bench/out/timer.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 5_000], help="sessions at once")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2], help="processes of the session timer")
    parser.add_argument("--patterns", nargs="+", choices=("spread", "burst"), default=["spread", "burst"])
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="none: --peers")
    parser.add_argument("--quick", action="store_true", help="one replica, 100 sessions, spread over the second")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    if given.quick:
        given.sizes, given.replicas, given.patterns = [100], [1], ["spread"]
    with tempfile.TemporaryDirectory(prefix="speedmentor-bench-") as folder:
        infrastructure = Infrastructure(Path(folder))
        infrastructure.up()
        try:
            result = run(Bench(infrastructure, Path(folder)), given)
        finally:
            infrastructure.down()
    print(json.dumps({key: result[key] for key in ("ratios", "targets")}, indent=2))


if __name__ == "__main__":
    main()
