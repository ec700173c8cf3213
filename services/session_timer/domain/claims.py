"""Claims: what the replica that rings a shard has promised to ring, and what each session makes of it.

Everybody who works a claim out gets the same, to the letter and at any time: the replica that rings it, one that takes
the shard over, and a command. So a claim is never changed, however late it is found. What it rings may have been sent
by whoever made it, or may wait in a socket that the broker does not read: with another time it would be a second
content under the same id.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.session_timer.domain.bell_events import ring_claimed
from services.session_timer.domain.bells import rung
from services.session_timer.domain.session import Session
from shared.events import Event
from shared.trace import Trace


@dataclass(frozen=True)
class Claim:
    """A promise on a shard: whatever is due by ``through`` rings, at its instant or, if that is over, at ``since``.

    ``since`` is when it was claimed: a bell that was overdue then says how late it is. Claims of a shard are numbered.
    """

    number: int
    since: datetime
    through: datetime


@dataclass(frozen=True)
class StoredSession:
    """A session as the database keeps it; ``applied_claims`` is the number of the last claim that it has in it."""

    session: Session
    shard: int
    applied_claims: int
    trace: Trace

    def after(self, claim: Claim, ordinal: int) -> tuple["StoredSession", list[Event]]:
        """The session after ``claim``, and the events this rings, numbered from after ``ordinal``."""
        if claim.number <= self.applied_claims:
            return self, []
        session, events = ring_claimed(self.session, claim.since, claim.through, ordinal, self.trace)
        return replace(self, session=session, applied_claims=claim.number), events

    def rung_at(self, at: datetime, claim: Claim) -> "StoredSession":
        """The session after ``claim``, of which ``at`` is the last instant at which it rings."""
        return replace(self, session=rung(self.session, at), applied_claims=claim.number)

    def catch_up(self, claims: Iterable[Claim], ordinal: int) -> tuple["StoredSession", list[Event]]:
        """The session after ``claims``, and the events they rang, numbered from after ``ordinal``."""
        stored: StoredSession = self
        events: list[Event] = []
        for claim in claims:
            stored, more = stored.after(claim, ordinal + len(events))
            events += more
        return stored, events


def changes_timetable(before: StoredSession, after: StoredSession) -> bool:
    """Whether a claim did more than ring: a session that has to wait is told of only once that is written down."""
    return after.session.revision != before.session.revision
