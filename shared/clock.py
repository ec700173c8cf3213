"""Event time, injected.

Everything that decides by time asks a :class:`Clock`. In production it is the system's; a rehearsal or a
demonstration runs the same services on a clock that starts at the day of the event and runs faster. Leases,
back-off and network time-outs are about machines, not about the event, and use real time.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where a service takes the time of the event from."""

    def now(self) -> datetime:
        """The time of the event, aware, in UTC."""
        ...

    def real_seconds(self, seconds: float) -> float:
        """How many real seconds go by while ``seconds`` of event time do."""
        ...


@dataclass(frozen=True)
class SystemClock:
    """The wall clock of this machine."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)

    def real_seconds(self, seconds: float) -> float:
        """The same: one second is one second."""
        return seconds


@dataclass(frozen=True)
class FastClock:
    """A clock that stood at ``event_origin`` when the wall clock showed ``real_origin``, and runs ``speed`` times.

    The mapping is fixed, so every process given the same three values agrees, and a restarted one does too.
    """

    real_origin: datetime
    event_origin: datetime
    speed: float

    def now(self) -> datetime:
        """The time of the event, in UTC."""
        return self.event_origin + (datetime.now(UTC) - self.real_origin) * self.speed

    def real_seconds(self, seconds: float) -> float:
        """Event seconds divided by the speed."""
        return seconds / self.speed


def event_time(clock: Clock, real_seconds: float) -> timedelta:
    """How much time of the event goes by while so many real seconds do."""
    return timedelta(seconds=real_seconds / clock.real_seconds(1))


def clock_from(origin: str, speed: float) -> Clock:
    """The clock that the settings ``CLOCK_ORIGIN`` (``<real RFC 3339>/<event RFC 3339>``) and ``CLOCK_SPEED`` name.

    Without an origin and with speed 1 it is the system's.

    Raises:
        ValueError: the origin is not two instants with offsets, or the speed is not above 0.
    """
    if speed <= 0:
        raise ValueError("the speed must be above 0")
    if not origin:
        if speed != 1:
            raise ValueError("a speed other than 1 needs an origin")
        return SystemClock()
    parts = [datetime.fromisoformat(part) for part in origin.split("/")]
    if len(parts) != 2 or any(part.tzinfo is None for part in parts):
        raise ValueError("expected two instants with offsets, joined by a slash")
    return FastClock(parts[0].astimezone(UTC), parts[1].astimezone(UTC), speed)


def wall_clock() -> datetime:
    """The real present, whatever the time of the event; for what the database forgets after a while.

    Its index counts the days by the database's own clock, so a rehearsal's time would keep or drop things at once.
    """
    return datetime.now(UTC)


def monotonic() -> float:
    """Real seconds that never step; for leases, back-off and time-outs only."""
    return time.monotonic()
