"""What a plan tells of itself once somebody in it is erased."""

from typing import Any

from services.matching.domain.leaving import ERASED
from services.matching.storage.plans import change_without, part_without
from shared.messages import say


def change(mentor_instead: str) -> dict[str, Any]:
    why = say("the mentee meets {mentor} in round {round}", mentor=mentor_instead, round=1)
    sides = {"mentee": "e1", "mentor": "m1"}
    return {"kind": "moved", "round": 2, **sides, "why": str(why), "message": why.to_document()}


def test_the_erased_are_blanked_where_they_meet_and_where_they_are_the_reason() -> None:
    left = change_without(change("m2"), {"m1", "m2"})
    assert (left["kind"], left["round"], left["mentee"], left["mentor"]) == ("moved", 2, "e1", ERASED)
    assert left["message"]["params"] == {"mentor": ERASED, "round": 1}
    assert left["why"] == f"the mentee meets {ERASED} in round 1"


def test_a_change_that_names_nobody_erased_stays_as_it_is() -> None:
    assert change_without(change("m2"), {"m3", "e2"}) == change("m2")


def test_the_erased_are_not_unmet_any_more() -> None:
    unmet = [{"mentee": mentee, "meetings": 0, "reason": "is absent", "messages": []} for mentee in ("e1", "e2")]
    part = {"sites": ["jkt"], "mentors": 0, "mentees": 2, "quality": {}, "unmet": unmet}
    assert part_without(part, {"e1"}) == {**part, "unmet": unmet[1:]}
