"""Sends what has been claimed, each bell at its instant and never before."""

import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Event as Flag

import structlog
from prometheus_client import Counter, Histogram

from services.session_timer.leases.shard_leases import LEASE_SECONDS
from services.session_timer.publishing.channel_pool import ChannelPool
from services.session_timer.ringing.shard_state import ClaimBatch
from shared.clock import Clock

log = structlog.get_logger()

LATENESS = Histogram(
    "speedmentor_bell_lateness_seconds",
    "Real seconds from a bell's instant to its being sent",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 60),
)
RUNG = Counter("speedmentor_bells_total", "Bells rung by this replica")

LONGEST_WAIT = 0.25
"""Real seconds after which an idle dispatcher looks at the clock: it may have stepped."""
STALLED = LEASE_SECONDS * 0.75
"""Real seconds without a turn after which this replica may have lost its shards without knowing."""
AT_ONCE = 64
"""Sends made before the clock is looked at again."""


@dataclass(slots=True)
class TimedSend:
    """The bytes of ``count`` events of a batch that are sent at the same instant, and were due at ``bell_at``."""

    batch: ClaimBatch
    data: bytes
    count: int
    bell_at: datetime


class SendPlan:
    """All that a batch has sent, with what goes at the same instant in one piece.

    At that instant every call for a single bell would make the last ones of thousands later.
    """

    def __init__(self, batch: ClaimBatch) -> None:
        self.batch = batch
        self._parts: dict[tuple[datetime, datetime], tuple[list[bytes], int]] = {}

    def add(self, at: datetime, data: bytes, count: int, bell_at: datetime) -> None:
        """Have the bytes of ``count`` events sent at that instant; with none of either, only know that it has come."""
        parts, counted = self._parts.setdefault((at, bell_at), ([], 0))
        parts.append(data)
        self._parts[at, bell_at] = parts, counted + count

    def sends(self) -> Iterator[tuple[datetime, TimedSend]]:
        """What to send when; the batch is told how much there is to wait for."""
        for (at, bell_at), (parts, count) in self._parts.items():
            self.batch.outstanding += 1 + count
            yield at, TimedSend(self.batch, b"".join(parts), count, bell_at)


class Dispatcher:
    """One loop that waits for the next instant and sends. ``stalled()`` is called after having been away."""

    def __init__(self, clock: Clock, sent: Callable[[ClaimBatch], None], stalled: Callable[[], None]) -> None:
        self._clock = clock
        self._sent = sent
        self._stalled = stalled
        self._numbers = itertools.count()
        self._heap: list[tuple[datetime, int, TimedSend]] = []
        self._wake = Flag()
        #: How late and how many: sent, and not counted yet.
        self._unobserved: list[tuple[float, int]] = []

    def put(self, plan: SendPlan) -> None:
        """Have all of it sent, each part at its instant."""
        for at, timed in plan.sends():
            if not self._heap or at < self._heap[0][0]:
                self._wake.set()
            heapq.heappush(self._heap, (at, next(self._numbers), timed))

    def clear(self) -> None:
        """Forget all that is waiting."""
        self._heap.clear()

    def real_seconds_left(self) -> float | None:
        """How long it is to the next send; None if nothing is waiting."""
        if not self._heap:
            return None
        return self._clock.real_seconds((self._heap[0][0] - self._clock.now()).total_seconds())

    def run(self, channels: ChannelPool, stopping: Flag) -> None:
        """Send over ``channels`` until ``stopping``.

        Raises:
            OSError: the connection is lost.
        """
        turn = time.monotonic()
        while not stopping.is_set():
            before, turn = turn, time.monotonic()
            if turn - before > STALLED:
                log.warning("stalled", seconds=round(turn - before, 3))
                self.clear()
                self._stalled()
            self._wake.clear()
            if self._send_due(channels):
                continue
            self._observe()
            left = self.real_seconds_left()
            self._wake.wait(LONGEST_WAIT if left is None else min(max(left, 0), LONGEST_WAIT))

    def _send_due(self, channels: ChannelPool) -> bool:
        now = self._clock.now()
        due: list[TimedSend] = []
        while self._heap and self._heap[0][0] <= now and len(due) < AT_ONCE:
            due.append(heapq.heappop(self._heap)[2])
        if not due:
            return False
        channels.send((timed.batch, timed.data, timed.count) for timed in due)
        for timed in due:
            self._sent(timed.batch)
            if timed.count:
                late = self._clock.real_seconds((now - timed.bell_at).total_seconds())
                self._unobserved.append((late, timed.count))
        return True

    def _observe(self) -> None:
        """Count what has been sent; it is nobody's hurry, so it waits until nothing is due."""
        for late, count in self._unobserved:
            RUNG.inc(count)
            for _ in range(count):
                LATENESS.observe(late)
        self._unobserved.clear()
