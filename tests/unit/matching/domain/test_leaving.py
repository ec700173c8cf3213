"""Whoever loses a meeting because somebody is gone reads why."""

from services.matching.change_reasons import ADDED, NOTHING_AHEAD, RELEASED
from services.matching.domain.groups import Seat
from services.matching.domain.leaving import ERASED, with_those_gone
from services.matching.domain.roster import Card


def seat(mentee: str, mentor: str, number: int) -> Seat:
    return Seat(mentee, mentor, number, "jkt-1", "jkt", 0, {})


def change(kind: str, mentee: str, mentor: str, number: int) -> dict:
    why = NOTHING_AHEAD
    return {
        "kind": kind,
        "round": number,
        "mentee": mentee,
        "mentor": mentor,
        "why": str(why),
        "message": why.to_document(),
    }


CARDS = {
    card.id: card
    for card in (
        Card("m1", "p", "mentor", withdrawn=True),
        Card("m2", "p", "mentor", presence=((2, 2),)),
        Card("m3", "p", "mentor"),
        *(Card(f"e{number}", "p", "mentee") for number in range(1, 6)),
        Card("e6", "p", "mentee", presence=((2, 1),)),
    )
}


def test_each_release_that_the_planner_cannot_know_of_has_its_reason() -> None:
    removed = [
        seat("e1", "m1", 3),
        seat("e2", "m2", 2),
        seat("gone", "m3", 1),
        seat("e3", "other", 1),
        seat("e6", "m3", 2),
    ]
    told = {(each["mentee"], each["mentor"]): each["why"] for each in with_those_gone([], removed, CARDS)}
    assert told == {
        ("e1", "m1"): "mentor m1 has withdrawn",
        ("e2", "m2"): "mentor m2 is absent from round 2 on",
        (ERASED, "m3"): "the mentee's data have been erased",
        ("e3", ERASED): "the mentor's data have been erased",
        ("e6", "m3"): "mentee e6 is absent from round 1 on",
    }


def test_what_the_planner_says_stands_and_comes_in_the_order_of_the_rounds() -> None:
    known = change(RELEASED, "e4", "m3", 2)
    found = with_those_gone([known], [seat("e4", "m3", 2), seat("e1", "m1", 1)], CARDS)
    assert [(each["round"], each["mentee"]) for each in found] == [(1, "e1"), (2, "e4")]
    assert found[1] == known


def test_who_gets_another_meeting_for_one_that_was_lost_is_told_so() -> None:
    added = [change(ADDED, "e1", "m3", 2), change(ADDED, "e5", "m3", 1)]
    found = with_those_gone(added, [seat("e1", "m1", 3), seat("e1", "m2", 2)], CARDS)
    told = {(each["kind"], each["mentee"]): each["why"] for each in found if each["kind"] == ADDED}
    assert told == {
        (ADDED, "e1"): "takes the place of the meeting with m2 in round 2",
        (ADDED, "e5"): str(NOTHING_AHEAD),
    }
