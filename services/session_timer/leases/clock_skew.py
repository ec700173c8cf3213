"""How far this replica's clock is from the database's: replicas whose clocks differ ring and count differently.

No replica is stopped for it, since the database's clock may be the wrong one; operators are told. But the database
is the witness to whether a step of this machine's clock is to be followed (:mod:`shared.steady_clock`).
"""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from prometheus_client import Gauge

log = structlog.get_logger()

APART = Gauge("speedmentor_clock_apart_seconds", "This replica's wall clock minus the database's")

TOLERATED = 0.5
"""Real seconds by which they may differ without a warning."""
UNSTEADY = 0.05
"""Real seconds by which the length of a call may differ between wall and monotonic clock, or a step was in it."""


class ClockSkew:
    """Compares the two clocks whenever the database has told what time it is there.

    ``tell`` gets the seconds that this clock is ahead (negative: behind) for certain: the length of the call excuses
    the rest.
    """

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell = tell
        self._warned = False

    def note(self, asked: datetime, there: datetime, answered: datetime, took: float) -> None:
        """The database showed ``there`` at some time from ``asked`` to ``answered`` by the wall clock here.

        ``took`` is how long the call was by the monotonic clock, in seconds.
        """
        if abs((answered - asked).total_seconds() - took) > UNSTEADY:
            return
        ahead, behind = (asked - there).total_seconds(), (there - answered).total_seconds()
        apart = ahead if ahead > 0 else -behind if behind > 0 else 0.0
        self._tell(apart)
        APART.set(apart)
        if abs(apart) > TOLERATED and not self._warned:
            log.warning("clocks-apart", seconds=round(apart, 3), remedy="keep replicas and database by NTP")
        self._warned = abs(apart) > TOLERATED


def wall() -> datetime:
    """What the wall clock of this machine shows, also in a rehearsal."""
    return datetime.now(UTC)
