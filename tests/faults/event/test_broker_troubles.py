"""A broker that takes nothing for a minute during the rounds: calls are answered, and nothing is lost or doubled."""

from collections.abc import Iterator

import pytest

from tests.faults.event.fault_injection import BROKER
from tests.faults.event.ground import Ground, grounds
from tests.faults.event.test_killed_in_turn import ROUNDS, assert_whole
from tests.faults.event.troubles import REASONS, Lasting

pytestmark = pytest.mark.fault

SPEED = 60

#: Real seconds: how long the trouble lasts, the deadline of calls, and what a busy machine may add to it.
LASTS, DEADLINE, MARGIN = 60.0, 10.0, 3.0


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    yield from grounds("broker-troubles", SPEED)


@pytest.mark.parametrize("how", REASONS)
def test_a_broker_that_takes_nothing_for_a_minute_costs_the_minute_and_nothing_else(ground: Ground, how: str) -> None:
    trouble = Lasting(BROKER, ROUNDS, 3.0, how, LASTS)
    outcome = ground.hold([trouble])
    met = trouble.met
    met.keep(how)
    assert met.wrong == []
    assert met.longest_answer < DEADLINE + MARGIN
    assert set(met.answers) <= {200, 503}
    assert met.answers[503] > 0
    # None was carried out when the trouble was over: the event would not have come to its end.
    assert set(met.pauses) == {503}
    assert_whole(outcome, [trouble])
