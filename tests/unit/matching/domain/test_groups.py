"""Which sites are planned together, and which anew."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain.groups import Seat, fewest_met, groups_of, question, touched_groups
from services.matching.domain.roster import Card
from services.matching.planner import read_input, solve

SITES = [
    {"site_id": "jkt", "starts_at": "2026-12-05T02:00:00.000Z"},
    {"site_id": "sub", "starts_at": "2026-12-05T02:00:00.000Z"},
    {"site_id": "upg", "starts_at": "2026-12-05T01:00:00.000Z"},
]


def test_without_remote_people_every_site_is_planned_apart() -> None:
    assert groups_of(SITES, set()) == [("jkt",), ("sub",), ("upg",)]


def test_sites_with_remote_people_that_begin_together_are_one_group() -> None:
    assert groups_of(SITES, {"jkt", "sub", "upg"}) == [("jkt", "sub"), ("upg",)]


def test_only_the_touched_group_is_planned_anew() -> None:
    groups = groups_of(SITES, {"jkt", "sub"})
    assert touched_groups(groups, {"sub"}, groups) == [("jkt", "sub")]


def test_groups_that_have_parted_are_both_planned_anew() -> None:
    planned_as = groups_of(SITES, {"jkt", "sub"})
    assert touched_groups(groups_of(SITES, {"sub"}), {"sub"}, planned_as) == [("jkt",), ("sub",)]


names = st.sampled_from("abcdefgh")


@given(
    st.dictionaries(names, st.integers(0, 2), min_size=1),
    st.sets(names),
    st.sets(names),
    st.sets(names),
)
def test_old_parts_left_and_new_parts_never_share_a_site(
    starts: dict[str, int], remote: set[str], once_remote: set[str], touched: set[str]
) -> None:
    sites = [{"site_id": name, "starts_at": str(start)} for name, start in starts.items()]
    planned, groups = groups_of(sites, once_remote), groups_of(sites, remote)
    anew = touched_groups(groups, touched & set(starts), planned)
    covered = {site for group in anew for site in group}
    assert touched & set(starts) <= covered
    assert all(covered.isdisjoint(part) or covered.issuperset(part) for part in planned)
    left = [part for part in planned if covered.isdisjoint(part)]
    assert sorted(site for group in [*left, *anew] for site in group) == sorted(starts)


def card(participant: str, role: str, **other: Any) -> Card:
    data = {
        "site_id": "jkt",
        "remote": False,
        "languages": ["id"],
        "rounds": [1, 2, 3],
        "max_meetings": 3,
        "motive": "career",
        "motives": ["career"],
        "topics": {} if role == "mentor" else [],
        "storytelling": 3,
        "seats": 1,
    }
    return Card(participant, "p", role, **{"site_id": "jkt", "data": data, "ordinal": 1, **other})


MET = Seat("e1", "m1", 1, "jkt-1", "jkt", 500, {})


@pytest.mark.parametrize(("begun", "asked_of"), [({}, ["e2"]), ({"jkt": 1}, ["e1", "e2"])])
def test_who_comes_to_no_round_is_not_asked_about_unless_already_met(
    begun: dict[str, int], asked_of: list[str]
) -> None:
    cards = [card("m1", "mentor"), card("e1", "mentee", presence=((2, 1),)), card("e2", "mentee")]
    asked = question(("jkt",), 3, cards, [MET], begun, revised=True)
    assert [mentee["id"] for mentee in asked["mentees"]] == asked_of
    assert [mentee["mentee"] for mentee in asked["current"]] == [each for each in asked_of if each == "e1"]
    read_input(asked)


def test_a_meeting_with_somebody_who_is_erased_counts_for_the_other_one() -> None:
    """One seat is left, and goes to whoever has met nobody."""
    cards = [card("m1", "mentor"), card("e1", "mentee"), card("e2", "mentee")]
    cards[0] = replace(cards[0], data={**(cards[0].data or {}), "rounds": [2]})
    met = replace(MET, mentor_id="erased", table="jkt-9")
    asked = question(("jkt",), 3, cards, [met], {"jkt": 1}, revised=True)
    plan = solve(read_input(asked)).to_document()
    assert {(each["mentee"], each["round"]) for each in plan["meetings"]} == {("e1", 1), ("e2", 2)}
    assert plan["unmet"] == []


def test_whoever_stands_for_the_erased_meets_nobody_any_more() -> None:
    cards = [card("m1", "mentor", data=None), card("m2", "mentor"), card("e2", "mentee")]
    pairs = [("e2", "erased"), ("erased", "erased"), ("erased", "m2")]
    held = [replace(MET, mentee_id=mentee, mentor_id=mentor) for mentee, mentor in pairs]
    asked = question(("jkt",), 3, cards, held, {"jkt": 1}, revised=True)
    plan = solve(read_input(asked)).to_document()
    assert fewest_met(asked, plan) == 2
    later = [each for each in plan["meetings"] if each["round"] > 1]
    assert {(each["mentee"], each["mentor"]) for each in later} == {("e2", "m2")}
    assert len(plan["meetings"]) == 3


@given(st.booleans(), st.integers(0, 3), st.sets(st.sampled_from(["m1", "e1", "e2"])))
def test_the_planner_takes_every_question(revised: bool, begun: int, gone: set[str]) -> None:
    cards = [
        card("m1", "mentor", wants=("e2", "nobody"), avoids=("e1",), withdrawn="m1" in gone),
        card("e1", "mentee", avoids=("m9",), withdrawn="e1" in gone),
        card("e2", "mentee", presence=((2, 2),), withdrawn="e2" in gone),
    ]
    asked = question(("jkt",), 3, cards, [MET], {"jkt": begun}, revised=revised)
    if asked["mentors"] and asked["mentees"]:
        read_input(asked)
