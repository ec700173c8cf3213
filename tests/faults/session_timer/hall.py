"""A hall full of sessions on a fast clock, replicas to do harm to, and an ear on the bus that notes when."""

import json
import random
import signal
import statistics
import threading
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pika
from pymongo.database import Database

from deploy.local import Deployment
from shared.clock import FastClock
from shared.events import write_time
from tests.integration.timer_bus import Program

SHARDS = 8


class Ear(threading.Thread):
    """An outside consumer with a thread of its own: every delivery with its wall time."""

    def __init__(self, uri: str) -> None:
        super().__init__(daemon=True)
        self.deliveries: list[tuple[float, dict[str, Any]]] = []
        #: The bodies that have come under each id: of a repetition too.
        self.bodies: dict[str, set[bytes]] = {}
        self._connection = pika.BlockingConnection(pika.URLParameters(uri))
        self._channel = self._connection.channel()
        queue = self._channel.queue_declare("", exclusive=True).method.queue
        self._channel.queue_bind(queue, "speedmentor.events", "speedmentor.session-timer.#")
        self._channel.basic_consume(queue, self._hear, auto_ack=True)
        self._over = threading.Event()

    def _hear(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        event = json.loads(body)
        self.deliveries.append((time.time(), event))
        self.bodies.setdefault(event["id"], set()).add(body)

    def run(self) -> None:
        while not self._over.is_set():
            self._connection.process_data_events(0.2)
        self._connection.close()

    def stop(self) -> None:
        """End the thread and its connection."""
        self._over.set()
        self.join(10)

    def once(self) -> list[tuple[float, dict[str, Any]]]:
        """The first delivery of each event, in the order of arrival."""
        first: dict[str, tuple[float, dict[str, Any]]] = {}
        for at, event in list(self.deliveries):
            first.setdefault(event["id"], (at, event))
        return list(first.values())


def fast_clock(speed: float) -> FastClock:
    """A clock that shows the present now and runs on at that speed."""
    now = datetime.now(UTC)
    return FastClock(now, now, speed)


def settings(clock: FastClock) -> dict[str, str]:
    """The clock as a service is told of it."""
    return {
        "CLOCK_ORIGIN": f"{clock.real_origin.isoformat()}/{clock.event_origin.isoformat()}",
        "CLOCK_SPEED": str(clock.speed),
    }


def shown(clock: FastClock, wall: float) -> datetime:
    """What the clock showed when the wall clock showed that."""
    return clock.event_origin + (datetime.fromtimestamp(wall, UTC) - clock.real_origin) * clock.speed


def wall_of(clock: FastClock, instant: str) -> float:
    """The wall time at which the clock shows an instant."""
    return (clock.real_origin + (datetime.fromisoformat(instant) - clock.event_origin) / clock.speed).timestamp()


def programs(count: int, begin: datetime, spread: timedelta, chance: random.Random, **timing: Any) -> list[Program]:
    """Programs of ten sites each that begin at random instants within ``spread``."""
    return [
        Program(begin + spread * chance.random(), sites={f"s-{first + n}": "Asia/Jakarta" for n in range(10)}, **timing)
        for first in range(0, count, 10)
    ]


def expected(program: Program) -> list[tuple[str, int, int, str]]:
    """What rings of each of a program's sessions: kind, round, seconds left and instant, in order."""
    found = []
    for number in range(1, program.rounds + 1):
        starts = program.starts_at + (number - 1) * timedelta(seconds=program.round_seconds + program.break_seconds)
        ends = starts + timedelta(seconds=program.round_seconds)
        found.append(("round-started", number, 0, starts))
        found += [("round-warned", number, s, ends - timedelta(seconds=s)) for s in program.warning_seconds]
        found.append(("round-ended", number, 0, ends))
    return [(kind, number, left, write_time(at)) for kind, number, left, at in found]


class Harm:
    """Does harm to one of two replicas at a time, and measures how long their shards stay without one."""

    def __init__(
        self, deployment: Deployment, names: list[str], database: Database[Any], chance: random.Random
    ) -> None:
        self._deployment = deployment
        self._names = names
        self._database = database
        self._chance = chance
        #: Real seconds from a kill -9 until another replica held every shard of the killed one.
        self.takeovers: list[float] = []
        #: (wall time, shards) of every kill.
        self.kills: list[tuple[float, set[int]]] = []
        self.done: list[str] = []

    def once(self, eventually: Callable[..., Any]) -> None:
        """Kill a replica and start it again, or stop it for a while; the other one goes on."""
        name = self._chance.choice(self._names)
        daemon = self._deployment.infrastructure.state.daemons[name]
        shards = self._held_by(daemon.pid)
        if self._chance.random() < 0.5:
            self.done.append("kill")
            killed_at = time.time()
            self._deployment.kill(name)
            self.kills.append((killed_at, shards))
            eventually(lambda: not self._held_by(daemon.pid) & shards, 20, f"the shards of {name} are held", 0.01)
            self.takeovers.append(time.time() - killed_at)
            self._deployment.restart(name)
        else:
            self.done.append("stop")
            daemon.send(signal.SIGSTOP)
            time.sleep(self._chance.uniform(0.2, 3))
            daemon.send(signal.SIGCONT)
        time.sleep(self._chance.uniform(0.2, 1.5))

    def _held_by(self, pid: int) -> set[int]:
        """The shards whose lease names that process; a lease that ran out names it until somebody takes it."""
        rows = self._database["shards"].find({}, {"holder": 1})
        return {int(r["_id"].removeprefix("shard-")) for r in rows if f":{pid}:" in r["holder"]}


def shard_of(session_id: str) -> int:
    """The shard that a session is rung in."""
    return zlib.crc32(session_id.encode()) % SHARDS


def distribution(seconds: list[float]) -> dict[str, float]:
    """Least, median, 90th percentile and most."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    ninety = ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))]
    figures = {"least": ordered[0], "median": statistics.median(ordered), "p90": ninety, "most": ordered[-1]}
    return {name: round(value, 3) for name, value in figures.items()} | {"count": len(ordered)}
