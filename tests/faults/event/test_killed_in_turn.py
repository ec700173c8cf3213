"""Every part struck in the middle of an event, one after the other: the event comes out whole every time."""

from collections.abc import Iterator

import pytest

from tests.faults.event.ground import Ground, Struck, grounds
from tests.faults.event.strikes import BROKER, DATABASE, RESTART, STEP_DOWN, Strike

pytestmark = pytest.mark.fault

#: Slow enough that a service that is started again finds rounds still to be held.
SPEED = 180

ARRIVING, PLANNING_AGAIN = "checking people in", "planning again without those who did not come"
ROUNDS, FEEDBACK = "holding the rounds", "collecting feedback"

#: When each is in the middle of its work.
KILLS = {
    "registration": Strike("registration", ARRIVING, 0.1),
    "matching": Strike("matching", PLANNING_AGAIN, 0.1),
    "session_timer": Strike("session_timer", ROUNDS, 4.5),
    "feedback": Strike("feedback", FEEDBACK, 0.2),
    "gateway": Strike("gateway", ROUNDS, 4.5),
}


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    yield from grounds("killed-in-turn", SPEED)


def assert_whole(struck: Struck, strikes: list[Strike]) -> None:
    """Nothing lost, nothing doubled, all held; and the strikes were really carried out."""
    assert struck.wrong == []
    assert struck.report["clean"]
    meetings = struck.report["meetings"]
    assert meetings["held"] == meetings["planned"] > 0
    assert struck.account.events == sum(struck.report["events"].values()) > 100
    assert sorted(map(str, struck.strikes)) == sorted(map(str, strikes))


@pytest.mark.parametrize("service", KILLS)
def test_a_service_killed_in_the_middle_of_the_event_costs_nothing(ground: Ground, service: str) -> None:
    struck = ground.hold([KILLS[service]])
    assert_whole(struck, [KILLS[service]])


def test_a_broker_restarted_and_killed_in_the_middle_of_the_event_costs_nothing(ground: Ground) -> None:
    strikes = [Strike(BROKER, ARRIVING, 0.1, RESTART), Strike(BROKER, ROUNDS, 4.0)]
    assert_whole(ground.hold(strikes), strikes)


def test_a_database_that_steps_down_or_is_killed_costs_nothing(ground: Ground) -> None:
    strikes = [
        Strike(DATABASE, ARRIVING, 0.1, STEP_DOWN),
        Strike(DATABASE, ROUNDS, 4.0, STEP_DOWN),
        Strike(DATABASE, FEEDBACK, 0.2),
    ]
    assert_whole(ground.hold(strikes), strikes)
