"""What the ringing replica has in memory: sessions with their next bells, shard by shard, and claims under way."""

import heapq
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from services.session_timer.domain.claims import Claim, StoredSession
from services.session_timer.leases.shard_leases import ShardLease
from services.session_timer.publishing.amqp_frames import Frames


@dataclass(slots=True)
class ClaimedSession:
    """One session's part of a claim: as it was before, and as it is now.

    ``sent`` are on the bus straight; the others go there through the outbox, behind what waits in it.
    """

    before: StoredSession
    ordinal: int
    after: StoredSession
    sent: bool


@dataclass(slots=True, eq=False)
class ClaimBatch:
    """What one claim on one shard rings, on its way to be settled."""

    shard: int
    claim: Claim
    sessions: list[ClaimedSession] = field(default_factory=list)
    #: Whether some of it goes on the bus only when this is settled, through the outbox.
    queued: bool = False
    #: What is still to be sent or to be confirmed; one more while the batch is being made.
    outstanding: int = 1
    #: When everything was confirmed (monotonic).
    confirmed_at: float | None = None
    #: The position in the outbox of the last event that settling it has put there.
    settled_to: int | None = None

    def add(self, claimed: ClaimedSession) -> None:
        """One more session that rings."""
        self.sessions.append(claimed)
        self.queued |= not claimed.sent

    def confirm_one(self) -> bool:
        """One of these was sent or confirmed; whether that was the last."""
        self.outstanding -= 1
        if self.outstanding == 0:
            self.confirmed_at = time.monotonic()
        return self.outstanding == 0


@dataclass(slots=True)
class PreparedSession:
    """A session in memory, and the frames of the bells that it rings next, once they are made."""

    stored: StoredSession
    ordinal: int
    #: Its last event's position in the outbox while that may not have been relayed yet, else None.
    behind: int | None
    next_at: datetime
    #: What it last rang through the outbox, until that is settled.
    behind_batch: ClaimBatch | None = None
    #: When it rings after that: ``frames`` are all there is to send before then.
    after_at: datetime | None = None
    frames: Frames | None = None

    def look_behind(self, pending_from: int | None) -> None:
        """Note when the session's earlier events are all on the bus, so that its next may go there straight."""
        if self.behind_batch is not None:
            if self.behind_batch.settled_to is None:
                return
            self.behind, self.behind_batch = self.behind_batch.settled_to, None
        if self.behind is not None and (pending_from is None or self.behind < pending_from):
            self.behind = None

    @property
    def must_queue(self) -> bool:
        """Whether its next event has to go through the outbox, behind those that wait there."""
        return self.behind is not None or self.behind_batch is not None


@dataclass(eq=False)
class ShardState:
    """A shard as the ringing replica has it in memory. ``changes`` is the last change in it that is known here."""

    lease: ShardLease
    changes: int = -1
    claimed: int = 0
    loaded_until: datetime | None = None
    stale: bool = True
    sessions: dict[str, PreparedSession] = field(default_factory=dict)
    due_heap: list[tuple[datetime, str]] = field(default_factory=list)
    #: Sessions whose frames are still to be made, by when they ring.
    unprepared: list[tuple[datetime, str]] = field(default_factory=list)
    #: Numbers of the claims that this replica rings.
    own: set[int] = field(default_factory=set)

    def put(self, prepared: PreparedSession) -> None:
        """Keep a session, in the place of what was known of it."""
        session_id = prepared.stored.session.session_id
        self.sessions[session_id] = prepared
        heapq.heappush(self.due_heap, (prepared.next_at, session_id))
        if prepared.frames is None:
            heapq.heappush(self.unprepared, (prepared.next_at, session_id))

    def next_at(self) -> datetime | None:
        """When the shard rings next."""
        return _first(self.due_heap, self.sessions)

    def count_due(self, by: datetime) -> int:
        """About how many sessions ring by then; one that was changed lately may be counted twice."""
        return sum(at <= by for at, _ in self.due_heap)

    def take_due(self, by: datetime) -> list[PreparedSession]:
        """Take out the sessions that ring by then, in the order in which they do."""
        found = []
        while (at := self.next_at()) is not None and at <= by:
            _, session_id = heapq.heappop(self.due_heap)
            found.append(self.sessions.pop(session_id))
        return found

    def take_unprepared(self, by: datetime) -> PreparedSession | None:
        """The next session that rings by then and has no frames yet."""
        while (at := _first(self.unprepared, self.sessions)) is not None and at <= by:
            _, session_id = heapq.heappop(self.unprepared)
            if self.sessions[session_id].frames is None:
                return self.sessions[session_id]
        return None


def _first(heap: list[tuple[datetime, str]], prepared: dict[str, PreparedSession]) -> datetime | None:
    while heap:
        at, session_id = heap[0]
        known = prepared.get(session_id)
        if known is not None and known.next_at == at:
            return at
        heapq.heappop(heap)
    return None


def earliest(instants: Iterable[datetime | None]) -> datetime | None:
    """The first of them, or None if there is none."""
    return min((at for at in instants if at is not None), default=None)
