"""Where a replay begins: a cursor or a time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.integrations.domain.beginnings import first_at, read_beginning

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0", 0),
        ("17", 17),
        ("2026-11-24T12:00:00Z", NOON),
        ("2026-11-24T19:00:00+07:00", NOON),
        ("2026-11-24T12:00:00.250Z", NOON + timedelta(milliseconds=250)),
        ("2026-11-24", NOON - timedelta(hours=12)),
        # Which noon?
        ("2026-11-24T12:00:00", None),
        ("-1", None),
        ("٣", None),
        ("noon", None),
        ("", None),
        ("9" * 19, None),
    ],
)
def test_a_beginning_is_a_cursor_or_a_time_that_is_one_moment(text: str, meant: object) -> None:
    assert read_beginning(text) == meant


@given(st.lists(st.integers(0, 20), max_size=40), st.sets(st.integers(1, 40)), st.integers(-1, 21), st.integers(0, 5))
def test_everything_from_a_time_on_and_nothing_before_it_comes_after_its_position(
    gaps: list[int], erased: set[int], wanted: int, forgotten: int
) -> None:
    # Positions from `forgotten` on, with times that do not go back, and holes where events were erased.
    minutes = sorted(gaps)
    rows = {
        position: NOON + timedelta(minutes=minute)
        for position, minute in enumerate(minutes, start=forgotten + 1)
        if position not in erased
    }
    high = forgotten + len(minutes)
    moment = NOON + timedelta(minutes=wanted)

    def time_after(position: int) -> tuple[int, datetime] | None:
        later = [each for each in rows if each > position]
        return (min(later), rows[min(later)]) if later else None

    after = first_at(moment, forgotten, high, time_after)
    assert forgotten <= after <= high
    assert [each for each in rows if each > after] == [each for each, at in rows.items() if at >= moment]
