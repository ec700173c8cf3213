"""Bells as events, worked out ahead: the same bell is the same event whoever rings it.

An id made anew at each ringing would make two events of one bell where a replica dies between publishing and
writing that down. Here the id follows from the session, the revision and the bell, so the second one is a
duplicate that every consumer drops.
"""

import hashlib
from datetime import datetime
from uuid import UUID

from services.session_timer.domain.bells import Bell, bells, event_of
from services.session_timer.domain.session import Session
from shared.events import Event, seal
from shared.trace import Trace


def chimes(session: Session, since: datetime, through: datetime, ordinal: int, trace: Trace) -> list[Event]:
    """The events of everything that rings up to ``through``, numbered from after ``ordinal``.

    Each bell rings at its instant, and one whose instant was before ``since`` rings then.
    """
    due = bells(session, session.rung_until, through)
    return [
        chime(session, bell, max(bell.at, since), ordinal + place, trace) for place, bell in enumerate(due, start=1)
    ]


def chime(session: Session, bell: Bell, at: datetime, ordinal: int, trace: Trace) -> Event:
    """The event of ``bell`` if it rings at ``at``."""
    return seal(
        event_of(session, bell, at),
        id=chime_id(session, bell),
        ordinal=ordinal,
        time=at,
        correlationid=trace.correlationid,
        traceparent=trace.traceparent,
    )


def chime_id(session: Session, bell: Bell) -> str:
    """A UUIDv7 (RFC 9562) of the instant the bell is due, whose other bits are a digest of what bell it is."""
    named = f"{session.session_id}|{session.revision}|{bell.name}|{bell.round}|{bell.seconds_left}"
    digest = int.from_bytes(hashlib.sha256(named.encode()).digest()[:10])
    milliseconds = int(bell.at.timestamp() * 1000)
    rand_a, rand_b = digest >> 68, digest & ((1 << 62) - 1)
    return str(UUID(int=milliseconds << 80 | 7 << 76 | rand_a << 64 | 2 << 62 | rand_b))
