"""Rounds have begun when their bells were heard, or when their time has come."""

from datetime import UTC, datetime, timedelta

import pytest

from services.matching.domain.rounds_begun import begun_by, begun_now, nothing_ahead
from shared.events import write_time

START = datetime(2026, 12, 5, 2, tzinfo=UTC)


def timetable(paused_at: float | None = None) -> dict:
    """Three rounds, one every ten minutes."""
    starts = [write_time(START + timedelta(minutes=10 * number)) for number in range(3)]
    return {"revision": 1, "starts": starts, "paused_at": None if paused_at is None else write_time(at(paused_at))}


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("minutes", "heard", "begun"),
    [
        (-1, {}, {}),
        (0, {}, {"jkt": 1}),
        (25, {}, {"jkt": 3}),
        (5, {"jkt": 2}, {"jkt": 2}),
        (5, {"upg": 2}, {"upg": 2, "jkt": 1}),
    ],
)
def test_the_more_of_what_was_heard_and_what_is_due_has_begun(minutes, heard, begun) -> None:
    assert begun_by(at(minutes), heard, {"jkt": timetable()}) == begun


@pytest.mark.parametrize(
    ("minutes", "timetables", "begun", "over"),
    [
        (-1, {}, {}, False),
        (12, {}, {"jkt": 2, "upg": 1}, False),
        (25, {}, {"jkt": 3, "upg": 2}, False),
        (31, {}, {"jkt": 3, "upg": 3}, True),
        # What the session timer tells of a site takes the place of what was published.
        (31, {"upg": timetable(paused_at=-5)}, {"jkt": 3}, False),
    ],
)
def test_until_the_session_timer_tells_otherwise_rounds_begin_as_published(minutes, timetables, begun, over) -> None:
    program = {
        "rounds": 3,
        "round_seconds": 540,
        "break_seconds": 60,
        "sites": [{"site_id": site, "starts_at": write_time(at(late))} for site, late in (("jkt", 0), ("upg", 10))],
        "timetables": timetables,
    }
    assert begun_now(at(minutes), program) == begun
    assert nothing_ahead(at(minutes), program) is over


def test_nothing_begins_while_a_session_stands_still() -> None:
    assert begun_by(at(25), {}, {"jkt": timetable(paused_at=5)}) == {"jkt": 1}
