"""That the accounts find what is wrong: a fault test that cannot fail proves nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.demo.observer import gaps
from shared.events import Event, NewEvent, seal
from shared.ids import new_id
from shared.messaging.topology import SERVICES
from tests.faults.event.accounts import made_up, told_twice, unheard
from tests.faults.event.fault_injection import drawn

NOW = datetime(2026, 12, 5, tzinfo=UTC)
STAGES = {"importing the files": 0.1, "holding the rounds": 6.0, "collecting feedback": 0.5}


def event(name: str, subject: str, ordinal: int, **data: Any) -> Event:
    return seal(NewEvent(name, subject, data), id=new_id(), ordinal=ordinal, time=NOW)


@pytest.fixture
def told() -> list[Event]:
    bells = [event("session-timer.round-started", "s", number, round=number, revision=2) for number in (1, 2, 3)]
    sides = [
        event("feedback.feedback-submitted", "m", 1 + n, by_role=role) for n, role in enumerate(("mentor", "mentee"))
    ]
    return [*bells, *sides]


def test_what_was_heard_as_it_was_committed_balances(told: list[Event]) -> None:
    assert unheard(told, reversed(told)) == made_up(told, told) == told_twice(told) == gaps(told) == []


def test_an_event_that_nobody_heard_or_heard_otherwise_is_lost(told: list[Event]) -> None:
    changed = replace(told[1], data={**told[1].data, "round": 3})
    assert unheard(told, [told[0], changed, *told[3:]]) == [
        f"session-timer.round-started {told[1].id} of s was changed on its way",
        f"session-timer.round-started {told[2].id} of s was never heard",
    ]


def test_an_event_that_nobody_committed_is_made_up(told: list[Event]) -> None:
    assert made_up(told[1:], told) == [f"session-timer.round-started {told[0].id} of s was never committed"]


def test_a_fact_under_two_ids_is_doubled_also_in_another_revision(told: list[Event]) -> None:
    again = event("session-timer.round-started", "s", 4, round=2, revision=3)
    assert told_twice([*told, again]) == ["session-timer.round-started s round=2 is told by 2 events"]
    again = event("feedback.feedback-submitted", "m", 3, by_role="mentee")
    assert told_twice([*told, again]) == ["feedback.feedback-submitted m by_role=mentee is told by 2 events"]


def test_a_seed_draws_the_same_strikes_within_their_stages() -> None:
    outcome = {each.what for seed in range(200) for each in drawn(seed, STAGES)}
    assert outcome == set(SERVICES)
    for seed in range(200):
        injected = drawn(seed, STAGES)
        assert injected == drawn(seed, STAGES)
        assert 1 <= len(injected) <= 4
        assert all(0 <= each.after <= STAGES[each.stage] for each in injected)
    assert len({tuple(drawn(seed, STAGES)) for seed in range(200)}) == 200
