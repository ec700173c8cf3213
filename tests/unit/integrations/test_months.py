"""The months of the log, by positions and real time."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from services.integrations.domain.months import (
    Month,
    collection_of,
    entered,
    following,
    holding,
    month_in,
    month_of,
    past,
)

moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(moments)
def test_a_month_is_by_utc_and_names_its_collection(at: datetime) -> None:
    month = month_of(at)
    assert month == month_of(at.astimezone(timezone(timedelta(hours=9))))
    assert month_in(collection_of(month)) == month
    assert month_of(at.replace(day=1) + timedelta(days=31)) == following(month)


def test_another_collection_is_no_month() -> None:
    for name in ("events", "2026_11", "events_2026_13", "events_2026_11_x", "heads", "events_٢٠٢٦_11"):
        assert month_in(name) is None


@given(st.integers(-50, 50), st.integers(-50, 50), moments)
def test_months_are_counted_over_the_ends_of_years(one: int, other: int, at: datetime) -> None:
    month = month_of(at)
    assert following(following(month, one), other) == following(month, one + other)
    assert (following(month, one) < month) == (one < 0)


@given(st.lists(moments, min_size=1, max_size=30), st.integers(0, 30))
def test_a_position_is_found_in_the_months_from_which_one_reads(times: list[datetime], after: int) -> None:
    months: tuple[Month, ...] = ()
    placed: dict[int, str] = {}
    for position, at in enumerate(times, start=1):
        months = entered(months, at, position)
        placed[position] = months[-1].name
    assert [each.name for each in months] == sorted({each.name for each in months})
    read = [each.name for each in holding(months, after)]
    needed = sorted({name for position, name in placed.items() if position > after})
    assert read[len(read) - len(needed) :] == needed
    # And not a month more than the one that the cursor is in.
    assert len(read) <= len(needed) + 1


def test_only_whole_months_before_those_that_are_kept_are_past() -> None:
    months = tuple(Month(name, first) for first, name in enumerate(("2025_11", "2025_12", "2026_01", "2026_02"), 1))
    assert [each.name for each in past(months, datetime(2026, 2, 1, tzinfo=UTC), 2)] == ["2025_11"]
    assert past(months, datetime(2026, 1, 31, 23, 59, tzinfo=UTC), 2) == ()
    assert [each.name for each in past(months, datetime(2026, 2, 1, tzinfo=UTC), 0)] == [
        each.name for each in months[:3]
    ]
