"""Local times of sites, on ordinary days and on both days a year that are odd."""

from datetime import UTC, datetime, timedelta

import pytest

from services.session_timer.domain.zones import instant_of, local_of
from shared.faults import Invalid


def test_a_time_with_an_offset_is_an_instant_already():
    assert instant_of("2026-11-24T09:00:00.000Z", "Asia/Jakarta") == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert instant_of("2026-11-24T09:00:00+07:00", "Europe/Berlin") == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_a_time_without_an_offset_is_local():
    assert instant_of("2026-11-24T09:00:00", "Asia/Jakarta") == datetime(2026, 11, 24, 2, tzinfo=UTC)


def test_an_hour_that_the_clocks_skip_is_read_as_if_they_had_not_changed():
    # Berlin, 29 March 2026: 02:00 becomes 03:00.
    assert instant_of("2026-03-29T02:30:00", "Europe/Berlin") == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert local_of(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "Europe/Berlin") == "2026-03-29T03:30:00+02:00"


def test_of_an_hour_that_the_clocks_repeat_the_first_is_meant():
    # Berlin, 25 October 2026: 03:00 becomes 02:00.
    assert instant_of("2026-10-25T02:30:00", "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("starts_at", "zone", "last_local"),
    [
        ("2026-03-29T01:50:00", "Europe/Berlin", "2026-03-29T03:24:00+02:00"),
        ("2026-10-25T02:50:00", "Europe/Berlin", "2026-10-25T02:24:00+01:00"),
        ("2026-11-01T01:50:00", "America/New_York", "2026-11-01T01:24:00-05:00"),
        ("2026-03-08T01:50:00", "America/New_York", "2026-03-08T03:24:00-04:00"),
    ],
)
def test_rounds_keep_their_length_over_a_change_of_the_clocks(session_of, starts_at, zone, last_local):
    session = session_of(starts_at=starts_at, time_zone=zone)
    assert {slot.ends_at - slot.starts_at for slot in session.slots} == {timedelta(seconds=600)}
    assert session.slots[-1].ends_at - session.slots[0].starts_at == timedelta(seconds=2040)
    assert local_of(session.slots[-1].ends_at, zone) == last_local


def test_a_zone_nobody_knows_is_refused():
    with pytest.raises(Invalid):
        instant_of("2026-11-24T09:00:00", "Atlantis/Center")
