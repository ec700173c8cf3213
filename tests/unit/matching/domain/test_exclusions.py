"""Who is kept apart holds between persons, whichever roles they take part in."""

from typing import Any

import pytest

from services.matching.domain.exclusions import kept_apart
from services.matching.domain.groups import question
from services.matching.domain.roster import Card


def card(participant_id: str, **fields: Any) -> Card:
    """A card whose id says who it is and in which role, such as ``ann-mentee``."""
    person, role = participant_id.split("-")
    more = {name: fields.pop(name) for name in ("never", "team_id", "manager_id") if name in fields}
    data = {"remote": False, "languages": ["id"], "rounds": [1, 2], "max_meetings": 2, "person_id": person, **more}
    if role == "mentor":
        data |= {"topics": {}, "motives": [], "storytelling": 3, "seats": 2}
    else:
        data |= {"motive": "career", "topics": [], "questions": 1}
    return Card(participant_id, "program", role, "jkt", **{"data": data, **fields})


def people(**said: Any) -> list[Card]:
    """Ann and Bob are both mentors and mentees; Cid is a mentee."""
    ids = ("ann-mentee", "ann-mentor", "bob-mentee", "bob-mentor", "cid-mentee")
    return [card(each, avoids=tuple(said.get(each.replace("-", "_"), ()))) for each in ids]


SELVES = {("ann-mentee", "ann-mentor"), ("bob-mentee", "bob-mentor")}
EACH_OTHER = {("ann-mentee", "bob-mentor"), ("bob-mentee", "ann-mentor")}


@pytest.mark.parametrize(
    ("said", "apart"),
    [
        ({}, set()),
        ({"ann_mentee": ["bob-mentor"]}, EACH_OTHER),
        ({"ann_mentor": ["bob-mentee"]}, EACH_OTHER),
        ({"ann_mentor": ["cid-mentee"]}, {("cid-mentee", "ann-mentor")}),
        # Somebody without a card here, at another site say.
        ({"ann_mentee": ["dan-mentor"]}, {("ann-mentee", "dan-mentor")}),
    ],
)
def test_whoever_avoids_somebody_avoids_the_person(said: dict[str, Any], apart: set[tuple[str, str]]) -> None:
    assert kept_apart(people(**said)) == SELVES | apart


def test_who_is_avoided_in_a_role_at_another_site_is_avoided_in_this_one() -> None:
    elsewhere = Card("bob-mentor", "program", "mentor", "upg", {"person_id": "bob"})
    here = [each for each in people(ann_mentee=["bob-mentor"]) if each.id != "bob-mentor"]
    asked = question(("jkt",), 2, here, (), {}, revised=False, others=[elsewhere])
    assert ["bob-mentee", "ann-mentor"] in asked["never"]
    assert "bob-mentor" not in {each["id"] for each in asked["mentors"]}


def test_the_planner_is_told_persons_teams_and_managers_and_a_team_is_not_listed_pair_by_pair() -> None:
    mentor = card("ann-mentor", team_id="t1", never=["bob-mentee", "cid-mentee", "dan-mentee"])
    mentees = [
        card("bob-mentee", team_id="t1"),
        card("cid-mentee", team_id="t2"),
        card("dan-mentee", manager_id="ann-mentor"),
        card("eve-mentee", manager_id="somebody-else"),
    ]
    met = [("cid-mentee", "ann-mentor"), ("gone", "ann-mentor")]
    asked = question(("jkt",), 2, [mentor, *mentees], (), {}, revised=False, met_before=met)
    assert [(each["person"], each.get("team"), each.get("manager")) for each in asked["mentees"]] == [
        ("bob", "t1", None),
        ("cid", "t2", None),
        ("dan", None, "ann-mentor"),
        ("eve", None, None),
    ]
    assert asked["never"] == [["cid-mentee", "ann-mentor"], ["dan-mentee", "ann-mentor"]]
    assert asked["met_before"] == [["cid-mentee", "ann-mentor"]]
