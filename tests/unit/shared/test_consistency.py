"""Ledgers that agree have no differences; whatever is changed in one of them is found and named."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.consistency import SERVICES, compare, meetings_held, was_told

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
    meetings, places, held = {}, {}, 0
    erased = draw(st.sets(st.sampled_from(sorted(mentors | mentees))))
    participants = {who: told for who, told in participants.items() if who not in erased}
    checked_in = [who for who in checked_in if who not in erased]
    rounds = {site: draw(st.integers(0, 3)) for site in SITES}
    for number in range(draw(st.integers(0, 10))):
        mentor, mentee = draw(st.sampled_from(sorted(mentors))), draw(st.sampled_from(sorted(mentees)))
        at = draw(st.integers(1, 3))
        sides = "/".join("erased" if who in erased else who for who in (mentor, mentee))
        meetings[f"meeting-{number}"] = f"{at}/{mentors[mentor]}-1/{sides}"
        places[f"meeting-{number}"] = mentors[mentor]
        held += at <= rounds[mentors[mentor]]
    program = {"program": "published"}
    starts, closed = dict.fromkeys(SITES, "2026-12-05T02:00:00.000Z"), draw(st.booleans())
    return {
        "registration": {
            "programs": program,
            "participants": participants,
            "checked-in": checked_in,
            "starts": starts,
            "closed": closed,
            "outbox-pending": 0,
        },
        "matching": {
            "programs": dict(program),
            "participants": dict(participants),
            "checked-in": list(checked_in),
            "plans": {"plan": 1},
            "meetings": meetings,
            "meeting-sites": places,
            "outbox-pending": 0,
        },
        "session_timer": {"sessions": {}, "rounds-held": rounds, "starts": dict(starts), "outbox-pending": 0},
        "feedback": {
            "programs": dict(program),
            "meetings": dict(meetings),
            # A site where nothing was held may be there or not.
            "rounds-held": {site: count for site, count in rounds.items() if count},
            "held": held,
            "closed": closed,
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
    ledgers["registration"]["participants"]["lost"] = "mentee/jkt/registered"
    return "lost"


def _change_participant(ledgers: Ledgers) -> str:
    for service in ("registration", "matching"):
        ledgers[service]["participants"]["changed"] = f"mentee/jkt/known to {service}"
    return "changed"


def _miss_a_moved_start(ledgers: Ledgers) -> str:
    ledgers["session_timer"]["starts"]["jkt"] = "2026-12-08T02:30:00.000Z"
    return "2026-12-08T02:30:00.000Z"


def _miss_the_closing(ledgers: Ledgers) -> str:
    ledgers["feedback"]["closed"] ^= True
    return "closed"


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
        (_miss_a_moved_start, "starts"),
        (_miss_the_closing, "closed"),
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
    ledgers["matching"]["meeting-sites"] = {"one": "sby", "two": None}
    assert list(meetings_held(ledgers)) == ["one", "two"], "what matching says itself counts"


def test_what_is_not_said_in_a_release_before_is_not_compared() -> None:
    ledgers: Ledgers = {
        "registration": {"participants": {}, "checked-in": [], "programs": {}, "outbox-pending": 0},
        "matching": {"participants": {}, "checked-in": [], "programs": {}, "meetings": {}, "outbox-pending": 0},
        "session_timer": {"rounds-held": {}, "starts": {"jkt": "2026-12-05T02:00:00.000Z"}, "outbox-pending": 0},
        "feedback": {"meetings": {}, "held": 0, "closed": True, "outbox-pending": 0},
    }
    assert compare(ledgers) == []
    assert was_told(ledgers)


def test_nothing_is_compared_of_a_program_that_nobody_was_told_of() -> None:
    own = {"told": False, "participants": {}, "checked-in": [], "programs": {"p": "draft"}, "outbox-pending": 0}
    assert compare({"registration": own}) == []
    assert not was_told({"registration": own})
    assert [each.kind for each in compare({"registration": {**own, "outbox-pending": 1}})] == ["outbox"]
