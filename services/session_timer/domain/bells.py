"""The bells of a session: the instants at which its timetable has something published.

Bells are derived, never stored. Which have rung is one instant per session, ``rung_until``: everything at or
before it has been published, everything after it has not (but for what has been claimed since, see ``claims``).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.session_timer.domain.timetable import NOTHING
from shared.events import NewEvent, write_time
from shared.events.times import to_milliseconds

if TYPE_CHECKING:
    from services.session_timer.domain.session import Session

STARTED, WARNED, ENDED, FINISHED = "round-started", "round-warned", "round-ended", "session-finished"
_ORDER = {WARNED: 0, ENDED: 1, STARTED: 2, FINISHED: 3}


@dataclass(frozen=True)
class Bell:
    """Something the timetable has published at an instant: ``name`` is the event's, without the service."""

    at: datetime
    name: str
    round: int
    seconds_left: int = 0


def bells_between(session: "Session", after: datetime, through: datetime | None = None) -> Iterator[Bell]:
    """The bells later than ``after`` and not later than ``through``, in the order in which they ring.

    A paused or cancelled session has none: while it is paused nobody knows when it goes on.
    """
    if session.paused_at or session.cancelled_at:
        return
    for slot in session.slots:
        if through is not None and slot.starts_at > through:
            return
        if slot.ends_at <= after:
            continue
        for bell in _bells_of(session, slot.round):
            if after < bell.at and (through is None or bell.at <= through):
                yield bell


def _bells_of(session: "Session", round_: int) -> list[Bell]:
    slot = session.slot(round_)
    found = [Bell(slot.starts_at, STARTED, round_), Bell(slot.ends_at, ENDED, round_)]
    for seconds in session.warnings:
        at = slot.ends_at - timedelta(seconds=seconds)
        if at > slot.starts_at:
            found.append(Bell(at, WARNED, round_, seconds))
    if round_ == session.slots[-1].round:
        found.append(Bell(slot.ends_at, FINISHED, round_))
    return sorted(found, key=lambda bell: (bell.at, bell.name != STARTED, _ORDER[bell.name]))


def next_bell_at(session: "Session") -> datetime | None:
    """When the session has to ring next, or None if nothing is ahead."""
    first = next(bells_between(session, session.rung_until), None)
    return first.at if first else None


def event_of(session: "Session", bell: Bell, actual_at: datetime) -> NewEvent:
    """What a bell publishes when it rings at ``actual_at``."""
    data: dict[str, Any] = {**session.ids(), "revision": session.revision}
    if bell.name == FINISHED:
        data["rounds_held"] = bell.round
    else:
        data |= {
            "round": bell.round,
            "scheduled_at": write_time(bell.at),
            "actual_at": write_time(actual_at),
            "ends_at": write_time(session.slot(bell.round).ends_at),
            "late": actual_at - bell.at > session.on_time,
        }
    if bell.name == WARNED:
        data["seconds_left"] = bell.seconds_left
    return session.event(bell.name, data)


def due(session: "Session", now: datetime) -> list[Bell]:
    """The bells that have to ring at ``now``, in their order."""
    return list(bells_between(session, session.rung_until, to_milliseconds(now)))


def rung(session: "Session", now: datetime) -> "Session":
    """The session once everything due at ``now`` has rung. The timetable stays as it is, however late this comes.

    A ``now`` before what has rung already (a clock that stepped back, a replica that was away) changes nothing,
    and neither does any for a session that stands still.
    """
    now = to_milliseconds(now)
    if now <= session.rung_until or session.paused_at or session.cancelled_at:
        return session
    return replace(session, rung_until=now)


def ring(session: "Session", now: datetime) -> tuple["Session", list[NewEvent]]:
    """Ring everything due at ``now``: the session that has rung, and the events in their order."""
    actual_at = to_milliseconds(now)
    return rung(session, now), [event_of(session, bell, actual_at) for bell in due(session, now)]


def lateness(session: "Session", now: datetime) -> timedelta:
    """How late the earliest bell that is due and has not rung is."""
    first = next(bells_between(session, session.rung_until, now), None)
    return now - first.at if first else NOTHING
