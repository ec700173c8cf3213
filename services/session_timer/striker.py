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

from services.session_timer.book import Batch
from services.session_timer.shards import LEASE_SECONDS
from services.session_timer.wires import Wires
from shared.clock import Clock

log = structlog.get_logger()

LATENESS = Histogram(
    "speedmentor_bell_lateness_seconds",
    "Real seconds from a bell's instant to its being sent",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 60),
)
RUNG = Counter("speedmentor_bells_total", "Bells rung by this replica")

LONGEST_WAIT = 0.25
"""Real seconds after which an idle striker looks at the clock: it may have stepped."""
STALLED = LEASE_SECONDS * 0.75
"""Real seconds without a turn after which this replica may have lost its shards without knowing."""
AT_ONCE = 64
"""Strikes sent before the clock is looked at again."""


@dataclass(slots=True)
class Strike:
    """The bytes of ``count`` events of a batch that are sent at the same instant, and were due at ``bell_at``."""

    batch: Batch
    data: bytes
    count: int
    bell_at: datetime


class Volley:
    """All that a batch has sent, with what goes at the same instant in one piece.

    At that instant every call for a single bell would make the last ones of thousands later.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._parts: dict[tuple[datetime, datetime], tuple[list[bytes], int]] = {}

    def add(self, at: datetime, data: bytes, count: int, bell_at: datetime) -> None:
        """Have the bytes of ``count`` events sent at that instant; with none of either, only know that it has come."""
        parts, counted = self._parts.setdefault((at, bell_at), ([], 0))
        parts.append(data)
        self._parts[at, bell_at] = parts, counted + count

    def strikes(self) -> Iterator[tuple[datetime, Strike]]:
        """What to send when; the batch is told how much there is to wait for."""
        for (at, bell_at), (parts, count) in self._parts.items():
            self.batch.left += 1 + count
            yield at, Strike(self.batch, b"".join(parts), count, bell_at)


class Striker:
    """One loop that waits for the next instant and sends. ``stalled()`` is called after having been away."""

    def __init__(self, clock: Clock, sent: Callable[[Batch], None], stalled: Callable[[], None]) -> None:
        self._clock = clock
        self._sent = sent
        self._stalled = stalled
        self._numbers = itertools.count()
        self._heap: list[tuple[datetime, int, Strike]] = []
        self._wake = Flag()
        #: How late and how many: sent, and not counted yet.
        self._untold: list[tuple[float, int]] = []

    def put(self, volley: Volley) -> None:
        """Have all of it sent, each part at its instant."""
        for at, strike in volley.strikes():
            if not self._heap or at < self._heap[0][0]:
                self._wake.set()
            heapq.heappush(self._heap, (at, next(self._numbers), strike))

    def clear(self) -> None:
        """Forget all that is waiting."""
        self._heap.clear()

    def real_seconds_left(self) -> float | None:
        """How long it is to the next strike; None if nothing is waiting."""
        if not self._heap:
            return None
        return self._clock.real_seconds((self._heap[0][0] - self._clock.now()).total_seconds())

    def run(self, wires: Wires, stopping: Flag) -> None:
        """Send over ``wires`` until ``stopping``.

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
            if self._strike(wires):
                continue
            self._tell()
            left = self.real_seconds_left()
            self._wake.wait(LONGEST_WAIT if left is None else min(max(left, 0), LONGEST_WAIT))

    def _strike(self, wires: Wires) -> bool:
        now = self._clock.now()
        due: list[Strike] = []
        while self._heap and self._heap[0][0] <= now and len(due) < AT_ONCE:
            due.append(heapq.heappop(self._heap)[2])
        if not due:
            return False
        wires.send((strike.batch, strike.data, strike.count) for strike in due)
        for strike in due:
            self._sent(strike.batch)
            if strike.count:
                late = self._clock.real_seconds((now - strike.bell_at).total_seconds())
                self._untold.append((late, strike.count))
        return True

    def _tell(self) -> None:
        """Count what has been sent; it is nobody's hurry, so it waits until nothing is due."""
        for late, count in self._untold:
            RUNG.inc(count)
            for _ in range(count):
                LATENESS.observe(late)
        self._untold.clear()
