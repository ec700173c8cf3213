"""Whatever an organizer does, and whenever the timer looks: what must always hold of a session."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.session_timer.domain.bells import bells_between, ring
from services.session_timer.domain.scheduling import schedule
from services.session_timer.domain.session import Session
from services.session_timer.domain.timetable import MEETING_LIMIT
from shared.faults import Fault

START = datetime(2026, 11, 24, 9, tzinfo=UTC)
COMMANDS = {
    "look": lambda session, now, _: ring(session, now),
    "pause": lambda session, now, _: session.pause(now),
    "resume": lambda session, now, _: session.resume(now),
    "extend": lambda session, now, seconds: session.extend(seconds, now),
    "skip-break": lambda session, now, _: session.skip_break(now),
    "end-round": lambda session, now, _: session.end_round(now),
    "restart-round": lambda session, now, _: session.restart_round(now),
    "shift-start": lambda session, now, seconds: session.shift_start(timedelta(seconds=seconds), now),
    "hold": lambda session, now, _: session.hold(now),
    "choose-hold": lambda session, now, _: session.choose_policy("hold", now),
    "cancel": lambda session, now, _: session.cancel("venue", now),
}
waits = st.one_of(st.integers(0, 40_000), st.integers(0, 2_000_000))
steps = st.lists(st.tuples(st.sampled_from(sorted(COMMANDS)), waits, st.integers(-60, 400)), max_size=30)


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    return schedule(
        session_id="s",
        program_id="p",
        site_id="jkt",
        plan_id="plan",
        org=None,
        time_zone="Asia/Jakarta",
        starts_at=START.isoformat(),
        rounds=draw(st.integers(1, 6)),
        round_seconds=draw(st.integers(1, 900)),
        break_seconds=draw(st.integers(0, 300)),
        warning_seconds=draw(st.lists(st.integers(1, 900), max_size=3)),
        now=START - timedelta(seconds=draw(st.integers(0, 600))),
    )[0]


def play(session, given_steps):
    """Every state on the way, with the events that led to it and the time."""
    now = START - timedelta(seconds=60)
    yield session, [], now
    for name, wait, seconds in given_steps:
        now += timedelta(milliseconds=wait)
        with suppress(Fault):
            session, events = COMMANDS[name](session, now, seconds)
            yield session, events, now


@given(sessions(), steps)
def test_nobody_meets_longer_than_the_limit(session, given_steps):
    for state, _, _ in play(session, given_steps):
        assert all(slot.meeting <= MEETING_LIMIT for slot in state.slots)


@given(sessions(), steps)
def test_rounds_stay_in_order_and_apart(session, given_steps):
    for state, _, _ in play(session, given_steps):
        ends = [each for slot in state.slots for each in (slot.starts_at, slot.ends_at)]
        assert ends == sorted(ends)


@given(sessions(), steps)
def test_a_bell_rings_once_for_each_revision_in_order_and_never_early(session, given_steps):
    seen, revision = set(), 0
    for state, events, now in play(session, given_steps):
        for event in events:
            assert event.data["revision"] >= revision
            revision = event.data["revision"]
            if "scheduled_at" in event.data:
                assert datetime.fromisoformat(event.data["scheduled_at"]) <= now
                bell = (event.type, event.data["round"], event.data.get("seconds_left"), revision)
                assert bell not in seen
                seen.add(bell)
        assert not list(bells_between(state, state.rung_until, min(now, state.rung_until)))


@given(sessions(), steps)
def test_every_round_that_starts_ends_unless_the_session_is_cancelled(session, given_steps):
    events = []
    for state, more, now in play(session, given_steps):
        session, events, last = state, events + more, now
    if session.paused_at and not session.cancelled_at:
        session, more = session.resume(last)
        events += more
    _, more = ring(session, last + timedelta(days=7))
    names = [(event.type, event.data.get("round")) for event in events + more]
    if session.cancelled_at is None:
        for number in range(1, len(session.slots) + 1):
            assert ("session-timer.round-started", number) in names
            assert names.count(("session-timer.round-ended", number)) == 1
        assert names[-1] == ("session-timer.session-finished", None)


@given(sessions(), steps, waits)
def test_however_seldom_the_timer_looks_the_same_bells_ring(session, given_steps, wait):
    for state, _, now in play(session, given_steps):
        at_once, later = [], now + timedelta(milliseconds=wait)
        once, events = ring(state, later)
        twice, first = ring(state, now + (later - now) / 3)
        twice, second = ring(twice, later)
        at_once = [(e.type, e.data.get("round"), e.data.get("scheduled_at")) for e in events]
        assert [(e.type, e.data.get("round"), e.data.get("scheduled_at")) for e in first + second] == at_once
        assert once.slots == twice.slots == state.slots
