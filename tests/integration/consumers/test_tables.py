"""The example that keeps tables, on the real broker."""

import json
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest

from deploy.local import Infrastructure
from shared.events import Event, encode
from tests.histories import PROGRAM, example, history
from tests.integration.consumers.conftest import DEAD, RESTART, Consumer

pytestmark = pytest.mark.integration

MEETINGS = 400


def happened() -> list[Event]:
    people = [
        example("registration.mentor-registered", "mentor-1", site_id="jkt"),
        *(example("registration.mentee-registered", f"mentee-{number}", site_id="jkt") for number in range(MEETINGS)),
    ]
    meetings = [
        example(
            "matching.meeting-assigned",
            f"meeting-{number}",
            site_id="jkt",
            round=1 + number % 3,
            table="jkt-1",
            mentor_id="mentor-1",
            mentee_id=f"mentee-{number}",
        )
        for number in range(MEETINGS)
    ]
    rounds = [example("session-timer.round-ended", "session-1", site_id="jkt", round=number) for number in (1, 2)]
    connections = [
        example(
            "feedback.connection-formed", f"connection-{number}", mentor_id="mentor-1", mentee_id=f"mentee-{number}"
        )
        for number in range(3)
    ]
    erased = [example("registration.participant-erased", "mentee-1", role="mentee")]
    return history(chain(people, meetings, rounds, connections, erased))


def expected() -> dict[str, Any]:
    mentees = [f"mentee-{number}" for number in range(MEETINGS)]
    names = ["erased" if each == "mentee-1" else each for each in mentees]
    return {
        "state": "published",
        "closed": False,
        "participants": {
            "mentor-1": "mentor/jkt/registered",
            **{each: "mentee/jkt/registered" for each in mentees if each != "mentee-1"},
        },
        "checked_in": [],
        "starts": {},
        "meetings": {
            f"meeting-{number}": f"{1 + number % 3}/jkt-1/mentor-1/{name}" for number, name in enumerate(names)
        },
        "rounds_held": {"jkt": 2},
        "pairs": {},
        "connections": {"connection-0": "mentor-1/mentee-0", "connection-2": "mentor-1/mentee-2"},
    }


@pytest.fixture
def tables(consumer: Callable[..., Consumer]) -> Consumer:
    return consumer("tables/tables.py")


def state_of(tables: Consumer) -> Any:
    return json.loads(tables.run("--export"))["programs"].get(PROGRAM)


def test_the_state_is_whole_though_it_is_killed_and_the_broker_restarts(
    tables: Consumer, infrastructure: Infrastructure, eventually: Callable[..., Any]
) -> None:
    events = happened()
    half = len(events) // 2
    # All of the first half twice, as after a crash of the publisher.
    tables.publish(events[:half] + events[:half])
    process = tables.start()
    eventually(lambda: (state_of(tables) or {}).get("participants"), 30, "something is in the tables")
    process.kill()
    process.wait()
    process = tables.start()
    try:
        infrastructure.restart_broker()
        eventually(lambda: tables.published(events[half:]), RESTART, "all queues are back")
        eventually(lambda: state_of(tables) == expected(), RESTART, "the state is whole")
        eventually(lambda: tables.waiting() == 0, 30, "nothing waits")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert tables.waiting(DEAD) == 0


def test_an_event_it_cannot_hold_goes_to_the_dead_letters_and_stops_no_other(tables: Consumer) -> None:
    events = happened()
    spoilt = json.loads(encode(events[1]))
    del spoilt["data"]
    tables.publish([events[0], json.dumps({**spoilt, "id": "spoilt"}).encode(), *events[1:]])
    tables.run("--idle", "1")
    assert state_of(tables) == expected()
    assert (tables.waiting(), tables.waiting(DEAD)) == (0, 1)
