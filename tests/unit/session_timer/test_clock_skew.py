"""Whether a replica's clock is apart from the database's."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from services.session_timer.leases.clock_skew import ClockSkew

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def note(check, there, took, monotonic=None):
    """The call begins at noon here; the database says that it is ``there`` seconds later there."""
    moment = timedelta(seconds=1)
    check.note(NOON, NOON + there * moment, NOON + took * moment, took if monotonic is None else monotonic)


@pytest.mark.parametrize(
    ("there", "took", "apart"), [(0.2, 0.4, 0), (0, 0.01, 0), (-3, 0.01, 3), (3, 0.01, -2.99), (3, 3.5, 0)]
)
def test_a_clock_is_apart_by_what_the_length_of_the_call_does_not_excuse(there, took, apart):
    told = []
    note(ClockSkew(told.append), there, took)
    assert told == [pytest.approx(apart)]


def test_a_call_in_which_the_clock_was_set_says_nothing():
    told = []
    note(ClockSkew(told.append), there=0, took=3600, monotonic=0.01)
    assert told == []


def test_operators_are_warned_once_each_time_that_the_clocks_part():
    check = ClockSkew(lambda ahead: None)
    with capture_logs() as logs:
        for there in (2, 2, 0, -2):
            note(check, there, 0.01)
    assert [(line["event"], line["seconds"]) for line in logs] == [("clocks-apart", -1.99), ("clocks-apart", 2.0)]
