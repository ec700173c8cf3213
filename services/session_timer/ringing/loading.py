"""Loading a shard: what has changed in it, what comes into sight, and what was claimed by others and unsettled."""

from datetime import datetime
from typing import Any

import eventlet
import structlog
from pymongo.database import Database

from services.session_timer.domain.bells import next_bell_at
from services.session_timer.domain.claims import Claim, changes_timetable
from services.session_timer.publishing.amqp_frames import FrameEncoder
from services.session_timer.ringing.dispatching import SendPlan
from services.session_timer.ringing.preparing import Preparer
from services.session_timer.ringing.settling import Settler
from services.session_timer.ringing.shard_state import ClaimBatch, ClaimedSession, PreparedSession, ShardState
from services.session_timer.store import Document, claims_of, shard_name, stored_session
from shared.clock import Clock, event_time
from shared.storage.outbox import Outbox, Place

log = structlog.get_logger()

AHEAD = 120.0
"""Real seconds of bells that are kept in memory."""
AT_ONCE = 10
"""Sessions taken in before others in the process get their turn."""


class ShardLoader:
    """Keeps the states of shards up to date with the database."""

    def __init__(
        self, database: Database[dict[str, Any]], outbox: Outbox, clock: Clock, preparer: Preparer, settler: Settler
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._preparer = preparer
        self._settler = settler

    def needs_loading(self, state: ShardState) -> bool:
        """Whether there may be something in the shard that the state does not have, and has to."""
        if state.stale or state.loaded_until is None:
            return True
        return self._clock.now() > state.loaded_until - event_time(self._clock, AHEAD / 2)

    def load(self, state: ShardState, encoder: FrameEncoder) -> bool:
        """Bring a state up to date; False if the shard is another replica's by now."""
        until = self._clock.now() + event_time(self._clock, AHEAD)
        # Before the snapshot is taken: a change that is heard of from now on may not be in it.
        state.stale = False
        with self._database.client.start_session(snapshot=True) as snapshot:
            shard = self._database["shards"].find_one({"_id": shard_name(state.lease.shard)}, session=snapshot)
            if shard is None or shard["token"] != state.lease.token:
                return False
            wanted: list[dict[str, Any]] = [{"next_bell_at": {"$lte": until}}]
            if state.loaded_until is not None:
                wanted[0]["next_bell_at"]["$gt"] = state.loaded_until
                wanted.append({"changed": {"$gt": state.changes}})
            query = {"shard": state.lease.shard, "$or": wanted}
            rows = list(self._database["sessions"].find(query, session=snapshot, batch_size=100_000))
            places = self._outbox.places([row["_id"] for row in rows], snapshot)
        pending_from = self._outbox.oldest_pending() if rows else None
        claims = claims_of(shard)
        unsettled = {
            claim.number: SendPlan(ClaimBatch(state.lease.shard, claim))
            for claim in claims
            if claim.number not in state.own
        }
        for number, row in enumerate(rows):
            if number % AT_ONCE == 0:
                eventlet.sleep(0)
            self._take_in(
                state, encoder, row, places.get(row["_id"], Place(0, 0)), claims, unsettled, pending_from, until
            )
        for number, plan in unsettled.items():
            batch = plan.batch
            log.info("claim-recovered", shard=batch.shard, number=number, sessions=len(batch.sessions))
            state.own.add(number)
            self._settler.add(batch)
            self._preparer.send(plan)
            self._settler.confirm_one(batch)
        state.changes, state.claimed, state.loaded_until = shard["changes"], shard["claimed"], until
        return True

    def _take_in(
        self,
        state: ShardState,
        encoder: FrameEncoder,
        row: Document,
        place: Place,
        claims: list[Claim],
        unsettled: dict[int, SendPlan],
        pending_from: int | None,
        until: datetime,
    ) -> None:
        """Keep one session as it was read; what others have claimed of it and left is sent (again), to the letter."""
        stored, ordinal = stored_session(row), place.ordinal
        before = state.sessions.pop(row["_id"], None)
        behind = place.position if pending_from is not None and place.position >= pending_from else None
        behind_batch = before.behind_batch if before else None
        for claim in claims:
            after, events = stored.after(claim, ordinal)
            plan = unsettled.get(claim.number)
            if events and plan is not None:
                batch = plan.batch
                sent = behind is None and behind_batch is None and not changes_timetable(stored, after)
                batch.add(ClaimedSession(stored, ordinal, after, sent))
                self._preparer.add(plan, encoder, events, sent)
                behind_batch = behind_batch if sent else batch
            stored, ordinal = after, ordinal + len(events)
        next_at = next_bell_at(stored.session)
        if next_at is not None and next_at <= until:
            state.put(PreparedSession(stored, ordinal, behind, next_at, behind_batch))
