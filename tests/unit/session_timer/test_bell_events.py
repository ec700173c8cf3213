"""Bells as events that anybody works out alike, from the session and a claim."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.session_timer.domain.bell_events import bell_event_id, ring_claimed
from services.session_timer.domain.bells import bells_between, next_bell_at
from services.session_timer.domain.claims import Claim, StoredSession
from services.session_timer.publishing.amqp_frames import TIME_PLACEHOLDER, FrameEncoder
from shared.events import decode, encode, write_time
from shared.trace import Trace

TRACE = Trace("c-1", "00-11111111111111111111111111111111-2222222222222222-01")


@pytest.fixture
def stored(session_of):
    return StoredSession(session_of(), 0, 0, TRACE)


def test_whoever_works_a_claim_out_gets_the_same_events(stored, at):
    claim = Claim(1, at(599.8), at(600.2))
    first = stored.after(claim, 4)
    again = replace(stored).after(claim, 4)
    assert [encode(event) for event in first[1]] == [encode(event) for event in again[1]]
    assert first[0] == again[0]


def test_a_bell_ahead_rings_at_its_instant_and_an_overdue_one_when_it_was_claimed(stored, at):
    _, events = stored.after(Claim(1, at(599.8), at(600.2)), 0)
    assert [(event.ordinal, event.time) for event in events] == [
        (1, at(599.8)),
        (2, at(599.8)),
        (3, at(599.8)),
        (4, at(600)),
    ]
    assert [event.data["late"] for event in events] == [True, True, True, False]


def test_a_claim_that_a_session_has_in_it_rings_nothing_again(stored, at):
    claim = Claim(1, at(0), at(0.2))
    after, events = stored.after(claim, 0)
    assert len(events) == 1
    assert after.after(claim, 1) == (after, [])
    assert after.catch_up([claim, Claim(2, at(0.2), at(0.4))], 1)[1] == []


def test_a_claim_marks_nothing_as_rung_beyond_its_last_bell(stored, at):
    after, _ = stored.after(Claim(1, at(-0.1), at(0.3)), 0)
    assert after.session.rung_until == at(0)
    nothing, events = stored.after(Claim(1, at(100), at(100.4)), 0)
    assert events[-1].type.endswith("round-started.v1")
    quiet, events = nothing.after(Claim(2, at(101), at(101.4)), 1)
    assert (quiet.session, quiet.applied_claims, events) == (nothing.session, 2, [])


@pytest.fixture
def holding(session_of):
    return StoredSession(session_of(on_outage="hold"), 0, 0, TRACE)


def test_a_session_that_has_to_wait_stands_still_from_the_moment_the_timer_is_back(holding, at):
    after, events = holding.after(Claim(1, at(800), at(1400)), 4)
    assert [event.ordinal for event in events] == list(range(5, 5 + len(events)))
    assert [event.type.split(".")[2] for event in events][-2:] == ["round-started", "session-paused"]
    assert {event.time for event in events} == {at(800)}
    assert all(event.data["late"] for event in events[:-1])
    paused = events[-1].data
    assert (paused["cause"], paused["round"], paused["at"]) == ("outage", 2, write_time(at(800)))
    assert (after.session.held, after.session.paused_at, after.session.revision) == (True, at(800), 2)
    assert after.after(Claim(2, at(1400), at(1800)), 9)[1] == []


def test_whoever_finds_again_that_a_session_has_to_wait_means_the_same_event(holding, at):
    first = holding.after(Claim(1, at(800), at(801)), 0)[1]
    again = holding.after(Claim(1, at(900), at(900)), 0)[1]
    assert [event.id for event in first] == [event.id for event in again]
    assert first[-1].type.endswith("session-paused.v1")


def test_a_session_that_is_over_or_little_late_does_not_wait(holding, at):
    over, events = holding.after(Claim(1, at(90_000), at(90_000)), 0)
    assert events[-1].type.endswith("session-finished.v1")
    assert not over.session.held
    late, events = holding.after(Claim(1, at(59), at(59)), 0)
    assert events[-1].type.endswith("round-started.v1")
    assert not late.session.held


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lefts=st.lists(st.integers(0, 2_400), min_size=1, max_size=3, unique=True),
    away=st.integers(1, 2_400),
    on_outage=st.sampled_from(["catch-up", "hold"]),
)
def test_what_was_left_is_made_up_for_in_order_and_without_gaps(session_of, at, lefts, away, on_outage):
    """Claims of which nothing was written down, and one that whoever finds them makes of all that is due since."""
    stored = StoredSession(session_of(on_outage=on_outage), 0, 0, TRACE)
    left = [Claim(number, at(end - 0.2), at(end + 0.2)) for number, end in enumerate(sorted(lefts), start=1)]
    back = max(lefts) + away
    before, sent = stored.catch_up(left, 0)
    after, events = stored.catch_up([*left, Claim(len(left) + 1, at(back), at(back))], 0)
    # What was claimed before stays what it was.
    assert events[: len(sent)] == sent
    assert after.session.paused_at or next_bell_at(after.session) is None or next_bell_at(after.session) > at(back)
    assert [event.ordinal for event in events] == list(range(1, len(events) + 1))
    told = [event.type.split(".")[2] for event in events if "scheduled_at" in event.data or "rounds_held" in event.data]
    through = before.session.paused_at or at(back)
    assert told == [bell.name for bell in bells_between(stored.session, stored.session.rung_until, through)]


def test_a_bell_of_another_revision_is_another_event(session_of, at):
    session = session_of()
    bell = next(bells_between(session, at(1)))
    ids = {bell_event_id(replace(session, revision=revision), bell) for revision in (1, 2)}
    ids |= {bell_event_id(session, replace(bell, round=2)), bell_event_id(session, replace(bell, seconds_left=7))}
    assert len(ids) == 4
    assert {UUID(each).version for each in ids} == {7}


def test_frames_say_when_they_ring_and_hold_the_event_to_the_letter(stored, at):
    session = stored.session
    bell = next(bells_between(session, at(130)))
    event = ring_claimed(session, at(0), bell.at, 0, TRACE)[1][-1]
    frames = FrameEncoder(1, 131072).frames(
        [replace(event, time=TIME_PLACEHOLDER, data={**event.data, "actual_at": "0001-01-01T00:00:00.000Z"})], bell.at
    )
    written = frames.at(bell.at)
    assert encode(event) in written
    later = frames.at(bell.at + timedelta(seconds=3))
    body = later[later.index(b'{"specversion"') : later.rindex(b"}") + 1]
    assert decode(body).time == bell.at + timedelta(seconds=3)
