from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import read_time, write_time
from shared.events.times import is_time, to_milliseconds


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_read_as_it_was_written_to_the_millisecond(moment: datetime) -> None:
    assert read_time(write_time(moment)) == to_milliseconds(moment)
    assert is_time(write_time(moment))


def test_a_time_is_cut_and_never_rounded_into_the_future() -> None:
    assert write_time(datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == "2026-12-31T23:59:59.999Z"


@pytest.mark.parametrize(
    "text", ["", "now", "2026-11-24", "2026-11-24T09:30:00Z", "2026-02-30T09:30:00.000Z", "2026-11-24T09:30:00.000Z "]
)
def test_anything_else_is_no_time(text: str) -> None:
    assert not is_time(text)
    with pytest.raises(ValueError, match=r"not a UTC time|day is out of range"):
        read_time(text)


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="time zone"):
        write_time(datetime(2026, 11, 24, tzinfo=None))
