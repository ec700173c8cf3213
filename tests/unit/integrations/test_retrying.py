"""When a webhook is tried again, and when its endpoint rests or is disabled."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.integrations.domain.retrying import (
    DELAYS,
    FAILING_LIMIT,
    FAILURES_BEFORE_PAUSE,
    GIVEN_UP_LIMIT,
    JITTER,
    LONGEST_PAUSE,
    LONGEST_RETRY_AFTER,
    Outcome,
    Reason,
    Standing,
    Verdict,
    next_attempt,
    parse_retry_after,
    pause,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
chances = st.floats(0, 1, exclude_max=True)
waits = st.none() | st.timedeltas(timedelta(), timedelta(days=30))
failures = st.sampled_from([None, 199, 301, 400, 404, 500, 502, 503, 429]).map(Outcome)


@given(chance=st.lists(chances, min_size=len(DELAYS), max_size=len(DELAYS)))
def test_an_event_is_tried_over_more_than_three_days_and_then_given_up(chance: list[float]) -> None:
    at, attempts, dice = NOW, 1, iter(chance)
    while (following := next_attempt(attempts, at, None, lambda: next(dice))) is not None:
        assert following > at
        at, attempts = following, attempts + 1
    assert attempts == len(DELAYS) + 1
    assert timedelta(hours=75, minutes=35, seconds=5) <= at - NOW <= timedelta(hours=75, minutes=36) * (1 + JITTER)


@given(attempts=st.integers(1, len(DELAYS)), wait=waits, chance=chances)
def test_a_wait_that_was_asked_for_is_kept_within_a_day_and_never_makes_it_sooner(
    attempts: int, wait: timedelta | None, chance: float
) -> None:
    plain, asked = (next_attempt(attempts, NOW, each, lambda: chance) for each in (None, wait))
    assert plain is not None
    assert asked is not None
    assert asked == max(plain, NOW + min(wait or timedelta(), LONGEST_RETRY_AFTER))


@given(status=st.integers(100, 599))
def test_only_two_hundreds_are_a_success(status: int) -> None:
    verdict = Outcome(status).verdict
    assert (verdict is Verdict.DELIVERED) == (200 <= status < 300)
    assert (verdict is Verdict.GONE) == (status == 410)
    assert (verdict is Verdict.BUSY) == (status in (429, 502, 503, 504))
    assert Outcome(status, "timeout").verdict is Verdict.FAILED


def test_gone_disables_at_once() -> None:
    standing = Standing().after(Outcome(410), NOW)
    assert standing.disabling(Outcome(410), 0, NOW) is Reason.GONE


@given(
    outcomes=st.lists(st.tuples(failures, st.timedeltas(timedelta(seconds=1), timedelta(hours=30))), max_size=12),
    success_at=st.none() | st.integers(0, 11),
)
def test_it_is_disabled_when_nothing_has_succeeded_for_three_days_and_not_before(
    outcomes: list[tuple[Outcome, timedelta]], success_at: int | None
) -> None:
    standing, at, first = Standing(), NOW, None
    for number, (outcome, gap) in enumerate(outcomes):
        at += gap
        if number == success_at:
            standing, first = standing.after(Outcome(204), at), None
            assert standing == Standing()
            continue
        standing = standing.after(outcome, at)
        first = first or at
        expected = Reason.FAILING if at - first >= FAILING_LIMIT else None
        assert standing.disabling(outcome, 0, at) is expected
        assert standing.is_probed == (outcome.verdict is Verdict.BUSY or standing.failures >= FAILURES_BEFORE_PAUSE)


def test_it_is_disabled_when_too_many_events_were_given_up() -> None:
    standing = Standing().after(Outcome(500), NOW)
    assert standing.disabling(Outcome(500), GIVEN_UP_LIMIT - 1, NOW) is None
    assert standing.disabling(Outcome(500), GIVEN_UP_LIMIT, NOW) is Reason.GIVEN_UP


def test_a_few_failures_do_not_hold_up_other_subjects_and_many_in_a_row_do_for_five_minutes_at_most() -> None:
    standing = Standing()
    for _ in range(FAILURES_BEFORE_PAUSE - 1):
        standing = standing.after(Outcome(500), NOW)
    assert not standing.rests(NOW)
    assert not standing.is_probed
    assert [pause(FAILURES_BEFORE_PAUSE + each).seconds for each in range(10)] == [
        1,
        2,
        4,
        8,
        16,
        32,
        64,
        128,
        256,
        300,
    ]
    assert pause(10**9) == LONGEST_PAUSE
    standing = standing.after(Outcome(500), NOW)
    assert standing.rests(NOW)
    assert standing.is_probed
    assert not standing.rests(NOW + LONGEST_PAUSE)
    assert standing.after(Outcome(200), NOW) == Standing()


def test_who_is_busy_rests_for_as_long_as_it_asks_and_is_not_disturbed_by_what_fails_after_that() -> None:
    standing = Standing().after(Outcome(503, retry_after=timedelta(hours=2)), NOW)
    assert standing.rests(NOW + timedelta(minutes=119))
    assert standing.is_probed
    later = standing.after(Outcome(500), NOW + timedelta(minutes=1))
    assert later.rests(NOW + timedelta(minutes=119))
    assert not later.rests(NOW + timedelta(hours=2))
    assert Standing().after(Outcome(500, retry_after=timedelta(hours=2)), NOW).rests_until is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("0", timedelta()),
        (" 120 ", timedelta(minutes=2)),
        ("9" * 5000, LONGEST_RETRY_AFTER),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        (format_datetime(NOW + timedelta(hours=1), usegmt=True), timedelta(hours=1)),
        ("Sun, 01 Mar 2026 13:00:00 -0000", timedelta(hours=1)),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), timedelta()),
        ("Sun, 01 Mar 9999 12:00:00 GMT", LONGEST_RETRY_AFTER),
        ("Sun, 01 Mar 99999999999 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str | None, expected: timedelta | None) -> None:
    assert parse_retry_after(value, NOW) == expected


@given(value=st.text())
def test_no_retry_after_is_too_strange(value: str) -> None:
    found = parse_retry_after(value, NOW)
    assert found is None or timedelta() <= found <= LONGEST_RETRY_AFTER
