"""Somebody who is a mentor and a mentee: one person, in the plan, in the pairs and in who has met whom."""

from collections.abc import Callable
from typing import Any

import pytest

from services.matching.domain.roster import MENTEE, MENTOR, Card
from services.matching.storage import history
from shared.storage.unit_of_work import UnitOfWork
from tests.integration.matching.organizer import Organizer, planned

pytestmark = pytest.mark.integration


def in_both_tables(organizer: Organizer, *places: tuple[str, int]) -> list[tuple[str, str]]:
    """Have the mentors at these places be the mentees there too; the ids of each as mentee and as mentor."""
    for site, number in places:
        organizer.persons["mentee", site, number] = organizer.persons["mentor", site, number]
    return [
        (organizer.people["mentee", site, number], organizer.people["mentor", site, number]) for site, number in places
    ]


def test_nobody_meets_herself_nor_is_at_two_tables_at_once(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    double = in_both_tables(organizer, ("jkt", 0), ("jkt", 1), ("upg", 2))
    meetings = planned(organizer, eventually)["meetings"]
    assert not {(each["mentee_id"], each["mentor_id"]) for each in meetings} & set(double)
    for mentee, mentor in double:
        rounds = [
            {each["round"] for each in meetings if each[field] == who}
            for field, who in (("mentee_id", mentee), ("mentor_id", mentor))
        ]
        assert not rounds[0] & rounds[1]
        assert rounds[0]


def card(participant_id: str, role: str, person_id: str) -> Card:
    return Card(participant_id, "now", role, "jkt", {"person_id": person_id})


def test_who_has_met_has_met_whichever_of_the_two_was_the_mentor(unit_of_work: UnitOfWork) -> None:
    org = "org-of-two-roles"
    row = {"_id": f"{org}|ben|ami", "org": org, "mentor": "ben", "mentee": "ami", "programs": ["earlier"]}
    unit_of_work.database["history"].insert_one(row)
    cards = [
        card("ami-mentor", MENTOR, "ami"),
        card("ami-mentee", MENTEE, "ami"),
        card("ben-mentee", MENTEE, "ben"),
        card("cica-mentee", MENTEE, "cica"),
        card("cica-mentor", MENTOR, "cica"),
    ]
    program = {"_id": "now", "org": org}
    found = unit_of_work.transact(lambda transaction: set(history.met_before(transaction, program, cards)))
    assert found == {("ben-mentee", "ami-mentor")}
