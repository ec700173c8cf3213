"""Preparing bells: the frames of what rings soon, and what is to be sent when of what has been claimed."""

from datetime import datetime
from itertools import groupby

from services.session_timer.domain.bell_events import bell_event
from services.session_timer.domain.bells import bells_between, next_bell_at
from services.session_timer.domain.claims import changes_timetable
from services.session_timer.publishing.amqp_frames import TIME_PLACEHOLDER, FrameEncoder
from services.session_timer.ringing.dispatching import Dispatcher, SendPlan
from services.session_timer.ringing.shard_state import ClaimBatch, ClaimedSession, PreparedSession, ShardState
from shared.events import Event
from shared.storage.outbox import Outbox


class Preparer:
    """Hands to ``dispatcher`` what is to be sent, each at its instant."""

    def __init__(self, outbox: Outbox, dispatcher: Dispatcher) -> None:
        self._outbox = outbox
        self._dispatcher = dispatcher

    def prepare(self, encoder: FrameEncoder, prepared: PreparedSession) -> None:
        """Make the frames of the next bells of a session, ahead of time."""
        session = prepared.stored.session
        events: list[Event] = []
        prepared.after_at = None
        for bell in bells_between(session, session.rung_until):
            if bell.at != prepared.next_at:
                prepared.after_at = bell.at
                break
            ordinal = prepared.ordinal + len(events) + 1
            events.append(bell_event(session, bell, TIME_PLACEHOLDER, ordinal, prepared.stored.trace))
        prepared.frames = encoder.frames(events, prepared.next_at)

    def dispatch(self, encoder: FrameEncoder, state: ShardState, batch: ClaimBatch) -> None:
        """Have all that ``batch`` has claimed sent, and keep the sessions in ``state`` for what they ring next."""
        claim = batch.claim
        due = state.take_due(claim.through)
        plan = SendPlan(batch)
        pending_from = self._outbox.oldest_pending() if any(prepared.must_queue for prepared in due) else None
        for prepared in due:
            session = prepared.stored.session
            prepared.look_behind(pending_from)
            sent = not prepared.must_queue
            late = claim.since - prepared.next_at > session.on_time
            rings_on = prepared.after_at is not None and prepared.after_at <= claim.through
            if late or rings_on or prepared.frames is None:
                after, events = prepared.stored.after(claim, prepared.ordinal)
                sent = sent and not changes_timetable(prepared.stored, after)
                self.add(plan, encoder, events, sent)
                count = len(events)
            else:
                at = max(prepared.next_at, claim.since)
                after = prepared.stored.rung_at(at, claim)
                count = prepared.frames.count
                plan.add(at, prepared.frames.at(at) if sent else b"", count if sent else 0, prepared.next_at)
            batch.add(ClaimedSession(prepared.stored, prepared.ordinal, after, sent))
            next_at = next_bell_at(after.session)
            if next_at is not None:
                behind_batch = None if sent else batch
                state.put(PreparedSession(after, prepared.ordinal + count, prepared.behind, next_at, behind_batch))
        self.send(plan)

    def add(self, plan: SendPlan, encoder: FrameEncoder, events: list[Event], sent: bool) -> None:
        """Have a session's events sent, each at its instant; or, behind the outbox, settled no sooner."""
        for at, group in groupby(events, key=lambda event: event.time):
            frames = encoder.frames(group, at)
            bell_at = datetime.fromisoformat(events[0].data["scheduled_at"]) if at == events[0].time else at
            plan.add(at, frames.data if sent else b"", frames.count if sent else 0, bell_at)

    def send(self, plan: SendPlan) -> None:
        """Have it sent, each part of it at its instant."""
        self._dispatcher.put(plan)
