from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import FastClock, SystemClock, clock_from

moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


def test_without_an_origin_it_is_the_systems() -> None:
    clock = clock_from("", 1)
    assert clock == SystemClock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.real_seconds(7) == 7


@given(moments, moments, st.floats(0.01, 1000))
def test_a_setting_names_the_same_clock_in_every_process(real: datetime, event: datetime, speed: float) -> None:
    assert clock_from(f"{real.isoformat()}/{event.isoformat()}", speed) == FastClock(real, event, speed)


def test_a_fast_clock_runs_as_many_times_as_it_says() -> None:
    began = datetime.now(UTC) - timedelta(seconds=10)
    event = datetime(2027, 3, 1, 9, tzinfo=UTC)
    clock = FastClock(began, event, 60)
    assert timedelta(seconds=600) <= clock.now() - event <= timedelta(seconds=900)
    assert clock.real_seconds(60) == 1


def test_instants_may_have_any_offset() -> None:
    clock = clock_from("2026-01-01T08:00:00+01:00/2026-06-01T09:00:00+07:00", 2)
    assert clock == FastClock(datetime(2026, 1, 1, 7, tzinfo=UTC), datetime(2026, 6, 1, 2, tzinfo=UTC), 2)


@pytest.mark.parametrize(
    ("origin", "speed"),
    [
        ("", 0),
        ("", -1),
        ("", 2),
        ("2026-01-01T00:00:00+00:00", 1),
        ("2026-01-01T00:00:00/2026-01-01T00:00:00", 1),
        ("yesterday/today", 1),
        ("a/b/c", 1),
    ],
)
def test_what_names_no_clock_is_refused(origin: str, speed: float) -> None:
    with pytest.raises(ValueError, match=r".+"):
        clock_from(origin, speed)
