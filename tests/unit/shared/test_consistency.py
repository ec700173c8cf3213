"""Ledgers that agree have no differences; whatever is changed in one of them is found and named."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.consistency import SERVICES, compare, meetings_held

Ledgers = dict[str, dict[str, Any]]

SITES = ("jkt", "sby")


@st.composite
def agreeing(draw: st.DrawFn) -> Ledgers:
    """Ledgers of a program in the middle of its rounds, all events arrived."""
    mentors = {f"mentor-{number}": draw(st.sampled_from(SITES)) for number in range(draw(st.integers(1, 5)))}
    mentees = {f"mentee-{number}": draw(st.sampled_from(SITES)) for number in range(draw(st.integers(1, 8)))}
    status = st.sampled_from(["registered", "absent:2", "withdrawn"])
    participants = {who: f"{who.partition('-')[0]}/{site}/{draw(status)}" for who, site in (mentors | mentees).items()}
    checked_in = sorted(draw(st.sets(st.sampled_from(sorted(participants)))))
    meetings, held = {}, 0
    rounds = {site: draw(st.integers(0, 3)) for site in SITES}
    for number in range(draw(st.integers(0, 10))):
        mentor, mentee = draw(st.sampled_from(sorted(mentors))), draw(st.sampled_from(sorted(mentees)))
        at = draw(st.integers(1, 3))
        meetings[f"meeting-{number}"] = f"{at}/{mentors[mentor]}-1/{mentor}/{mentee}"
        held += at <= rounds[mentors[mentor]]
    program = {"program": "published"}
    return {
        "registration": {
            "programs": program,
            "participants": participants,
            "checked-in": checked_in,
            "outbox-pending": 0,
        },
        "matching": {
            "programs": dict(program),
            "participants": dict(participants),
            "checked-in": list(checked_in),
            "plans": {"plan": 1},
            "meetings": meetings,
            "outbox-pending": 0,
        },
        "session_timer": {"sessions": {}, "rounds-held": rounds, "outbox-pending": 0},
        "feedback": {
            "programs": dict(program),
            "meetings": dict(meetings),
            # A site where nothing was held may be there or not.
            "rounds-held": {site: count for site, count in rounds.items() if count},
            "held": held,
            "outbox-pending": 0,
        },
    }


@given(agreeing())
def test_ledgers_that_agree_have_no_differences(ledgers: Ledgers) -> None:
    assert compare(ledgers) == []


@given(agreeing())
def test_comparing_changes_nothing(ledgers: Ledgers) -> None:
    before = copy.deepcopy(ledgers)
    compare(ledgers)
    assert ledgers == before


@given(agreeing(), st.sampled_from(SERVICES), st.integers(1, 1000))
def test_an_outbox_that_is_not_empty_is_named_with_its_service(ledgers: Ledgers, service: str, count: int) -> None:
    ledgers[service]["outbox-pending"] = count
    (found,) = compare(ledgers)
    assert found.kind == "outbox"
    assert service in str(found)
    assert str(count) in str(found)


@given(agreeing(), st.sampled_from(SERVICES))
def test_a_service_that_says_nothing_is_named(ledgers: Ledgers, service: str) -> None:
    found = compare({**ledgers, service: None})
    assert [each.kind for each in found] == ["no-ledger"]
    assert service in str(found[0])


def _lose_participant(ledgers: Ledgers) -> str:
    return ledgers["matching"]["participants"].popitem()[0]


def _change_participant(ledgers: Ledgers) -> str:
    who = min(ledgers["registration"]["participants"])
    ledgers["matching"]["participants"][who] += "?"
    return who


def _invent_participant(ledgers: Ledgers) -> str:
    ledgers["matching"]["participants"]["stranger"] = "mentee/jkt/registered"
    return "stranger"


def _check_in_elsewhere(ledgers: Ledgers) -> str:
    ledgers["matching"]["checked-in"].append("somebody")
    return "somebody"


def _miss_check_in(ledgers: Ledgers) -> str:
    ledgers["registration"]["checked-in"].append("somebody")
    return "somebody"


def _cancel(ledgers: Ledgers) -> str:
    ledgers["registration"]["programs"]["program"] = "cancelled"
    return "cancelled"


def _keep_released_meeting(ledgers: Ledgers) -> str:
    ledgers["feedback"]["meetings"]["old"] = "1/jkt-1/mentor-0/mentee-0"
    return "old"


def _miss_round(ledgers: Ledgers) -> str:
    ledgers["session_timer"]["rounds-held"]["mks"] = 2
    return "mks"


def _miscount_held(ledgers: Ledgers) -> str:
    ledgers["feedback"]["held"] += 1
    return str(ledgers["feedback"]["held"])


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (_lose_participant, "participants"),
        (_change_participant, "participants"),
        (_invent_participant, "participants"),
        (_check_in_elsewhere, "checked-in"),
        (_miss_check_in, "checked-in"),
        (_cancel, "programs"),
        (_keep_released_meeting, "meetings"),
        (_miss_round, "rounds-held"),
        (_miscount_held, "held"),
    ],
)
@given(ledgers=agreeing())
def test_each_difference_is_found_once_and_named(spoil: Callable[[Ledgers], str], kind: str, ledgers: Ledgers) -> None:
    name = spoil(ledgers)
    (found,) = compare(ledgers)
    assert found.kind == kind
    assert name in str(found)


def test_a_meeting_over_a_screen_is_held_with_its_mentors_site() -> None:
    ledgers: Ledgers = {
        "registration": {"participants": {"a": "mentor/jkt/registered", "b": "mentee/sby/registered"}},
        "matching": {"meetings": {"one": "1/jkt-1/a/b", "two": "2/jkt-1/a/b"}},
        "session_timer": {"rounds-held": {"jkt": 1, "sby": 2}},
    }
    assert list(meetings_held(ledgers)) == ["one"]
