"""A fault in every part in the middle of an event, one after the other: the event comes out whole every time."""

from collections.abc import Iterator

import pytest

from tests.faults.event.fault_injection import BROKER, DATABASE, RESTART, STEP_DOWN, InjectedFault
from tests.faults.event.ground import EventOutcome, Ground, grounds

pytestmark = pytest.mark.fault

#: Slow enough that a service that is started again finds rounds still to be held.
SPEED = 180

ARRIVING, PLANNING_AGAIN = "checking people in", "planning again without those who did not come"
ROUNDS, FEEDBACK = "holding the rounds", "collecting feedback"

#: When each is in the middle of its work.
KILLS = {
    "registration": InjectedFault("registration", ARRIVING, 0.1),
    "matching": InjectedFault("matching", PLANNING_AGAIN, 0.1),
    "session_timer": InjectedFault("session_timer", ROUNDS, 4.5),
    "feedback": InjectedFault("feedback", FEEDBACK, 0.2),
    "gateway": InjectedFault("gateway", ROUNDS, 4.5),
}


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    yield from grounds("killed-in-turn", SPEED)


def assert_whole(outcome: EventOutcome, injected: list[InjectedFault]) -> None:
    """Nothing lost, nothing doubled, all held; and the faults were really carried out."""
    assert outcome.wrong == []
    assert outcome.report["clean"]
    meetings = outcome.report["meetings"]
    assert meetings["held"] == meetings["planned"] > 0
    assert outcome.account.events == sum(outcome.report["events"].values()) > 100
    assert sorted(map(str, outcome.injected)) == sorted(map(str, injected))


@pytest.mark.parametrize("service", KILLS)
def test_a_service_killed_in_the_middle_of_the_event_costs_nothing(ground: Ground, service: str) -> None:
    outcome = ground.hold([KILLS[service]])
    assert_whole(outcome, [KILLS[service]])


def test_a_broker_restarted_and_killed_in_the_middle_of_the_event_costs_nothing(ground: Ground) -> None:
    injected = [InjectedFault(BROKER, ARRIVING, 0.1, RESTART), InjectedFault(BROKER, ROUNDS, 4.0)]
    assert_whole(ground.hold(injected), injected)


def test_a_database_that_steps_down_or_is_killed_costs_nothing(ground: Ground) -> None:
    injected = [
        InjectedFault(DATABASE, ARRIVING, 0.1, STEP_DOWN),
        InjectedFault(DATABASE, ROUNDS, 4.0, STEP_DOWN),
        InjectedFault(DATABASE, FEEDBACK, 0.2),
    ]
    assert_whole(ground.hold(injected), injected)
