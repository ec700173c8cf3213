"""What is dispatched is to the letter what anybody works out of the claim, whichever way its frames were made."""

import re
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.session_timer.domain.bells import next_bell_at
from services.session_timer.domain.claims import Claim, StoredSession, changes_timetable
from services.session_timer.leases.shard_leases import ShardLease
from services.session_timer.publishing.amqp_frames import FrameEncoder
from services.session_timer.ringing.dispatching import Dispatcher
from services.session_timer.ringing.preparing import Preparer
from services.session_timer.ringing.shard_state import ClaimBatch, PreparedSession, ShardState
from shared.clock import FastClock
from shared.events import encode
from shared.trace import Trace

TRACE = Trace("c-1", "00-11111111111111111111111111111111-2222222222222222-01")
BODY = re.compile(rb'\{"specversion".*?\}(?=\xce)', re.DOTALL)
"""An event in frames: each ends with an octet that is in no text."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    begun=st.integers(0, 2_400),
    overdue=st.integers(0, 120_000),
    lead=st.sampled_from([400, 2_200]),
    on_outage=st.sampled_from(["catch-up", "hold"]),
    is_prepared=st.booleans(),
)
def test_what_is_dispatched_is_what_the_claim_says(session_of, at, begun, overdue, lead, on_outage, is_prepared):
    stored, _ = StoredSession(session_of(on_outage=on_outage), 0, 0, TRACE).after(Claim(1, at(begun), at(begun)), 0)
    next_at = next_bell_at(stored.session)
    if next_at is None:
        return
    claimed_at = next_at + timedelta(milliseconds=overdue - lead + 200)
    claim = Claim(2, claimed_at, claimed_at + timedelta(milliseconds=lead))
    after, events = stored.after(claim, 7)
    encoder = FrameEncoder(1, 131_072)
    dispatcher = Dispatcher(FastClock(at(0), at(0), 1.0), lambda batch: None, lambda: None)
    preparer = Preparer(None, dispatcher)  # type: ignore[arg-type] - nothing of the session waits in the outbox
    state = ShardState(ShardLease(0, 1, 0.0))
    prepared = PreparedSession(stored, 7, None, next_at)
    if is_prepared:
        preparer.prepare(encoder, prepared)
    state.put(prepared)
    batch = ClaimBatch(0, claim)
    preparer.dispatch(encoder, state, batch)
    sent = [BODY.findall(timed.data) for _, _, timed in sorted(dispatcher._heap, key=lambda each: each[:2])]
    # A session that has to wait is told of by the outbox, when that is written down.
    expected = [] if changes_timetable(stored, after) else [encode(event) for event in events]
    assert [body for bodies in sent for body in bodies] == expected
    assert [(each.before, each.ordinal, each.after) for each in batch.sessions] == [(stored, 7, after)]
