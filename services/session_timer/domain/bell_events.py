"""Bells as events, worked out ahead: the same bell is the same event whoever rings it.

An id made anew at each ringing would make two events of one bell where a replica dies between publishing and
writing that down. Here the id follows from the session, the revision and the bell, so the second one is a
duplicate that every consumer drops.
"""

import hashlib
from datetime import datetime
from uuid import UUID

from services.session_timer.domain.bells import Bell, bells_between, due, event_of, rung
from services.session_timer.domain.session import Session
from shared.events import Event, NewEvent, seal
from shared.trace import Trace


def ring_claimed(
    session: Session, since: datetime, through: datetime, ordinal: int, trace: Trace
) -> tuple[Session, list[Event]]:
    """The session after everything up to ``through`` has rung, and the events, numbered from after ``ordinal``.

    Each bell rings at its instant, and one whose instant was before ``since`` rings then. If that is so late that the
    session has to wait for its organizer, it stands still from ``since`` on and nothing later rings.
    """
    if session.must_wait(since):
        return _hold(session, since, ordinal, trace)
    found = bells_between(session, session.rung_until, through)
    events = [
        bell_event(session, bell, max(bell.at, since), ordinal + place, trace)
        for place, bell in enumerate(found, start=1)
    ]
    # Not marked as rung any further: a command in the rest of the moment counts from its own time.
    return (rung(session, events[-1].time) if events else session), events


def _hold(session: Session, since: datetime, ordinal: int, trace: Trace) -> tuple[Session, list[Event]]:
    overdue = due(session, since)
    events = [bell_event(session, bell, since, ordinal + place, trace) for place, bell in enumerate(overdue, start=1)]
    held, told = session.hold(since)
    for new in told[len(overdue) :]:
        # By the bell that came too late, and not by when that was found: whoever finds it again means the same.
        id_ = bell_event_id(session, Bell(overdue[0].at, new.type, 0))
        events.append(_sealed(new, id_, ordinal + len(events) + 1, since, trace))
    return held, events


def bell_event(session: Session, bell: Bell, at: datetime, ordinal: int, trace: Trace) -> Event:
    """The event of ``bell`` if it rings at ``at``."""
    return _sealed(event_of(session, bell, at), bell_event_id(session, bell), ordinal, at, trace)


def _sealed(new: NewEvent, id_: str, ordinal: int, at: datetime, trace: Trace) -> Event:
    return seal(new, id=id_, ordinal=ordinal, time=at, correlationid=trace.correlationid, traceparent=trace.traceparent)


def bell_event_id(session: Session, bell: Bell) -> str:
    """A UUIDv7 (RFC 9562) of the instant the bell is due, whose other bits are a digest of what bell it is."""
    named = f"{session.session_id}|{session.revision}|{bell.name}|{bell.round}|{bell.seconds_left}"
    digest = int.from_bytes(hashlib.sha256(named.encode()).digest()[:10])
    milliseconds = int(bell.at.timestamp() * 1000)
    rand_a, rand_b = digest >> 68, digest & ((1 << 62) - 1)
    return str(UUID(int=milliseconds << 80 | 7 << 76 | rand_a << 64 | 2 << 62 | rand_b))
