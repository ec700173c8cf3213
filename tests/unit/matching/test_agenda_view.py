"""What a participant is told of the plan: the meetings without what they are worth, or why there are none."""

import ast
from pathlib import Path

from services.matching.domain.roster import Card
from services.matching.domain.why_no_meeting import reason_for, told_reason
from services.matching.planner.answer import reasons
from services.matching.views import agenda_view
from shared.messages import say

MENTEE = Card("e1", "p1", "mentee", "jkt")
MEETING = {
    "_id": "x",
    "round": 1,
    "table": "jkt-1",
    "site_id": "jkt",
    "mentor_id": "m1",
    "mentee_id": "e1",
    "score": 460,
    "because": {"topics": 360, "motive": 100},
}


def plan(*unmet, **more):
    return {"revision": 2, "requested": 2, "due": False, "parts": [{"unmet": list(unmet)}], **more}


def unmet(reason, mentee="e1"):
    messages = [
        say(reason).to_document(),
        say("one more mentor in round {rounds} would serve one person").to_document(),
    ]
    return {"mentee": mentee, "meetings": 0, "reason": reason, "messages": messages}


def test_a_meeting_is_told_of_without_its_score_and_what_speaks_for_it():
    view = agenda_view(MENTEE, plan(), [MEETING])
    assert view["meetings"] == [
        {
            "meeting_id": "x",
            "round": 1,
            "table": "jkt-1",
            "site_id": "jkt",
            "role_of_other": "mentor",
            "other_id": "m1",
        }
    ]
    assert view["reason"] is None
    assert not {"score", "because", "460", "360"} & set(str(view).replace("'", " ").replace(":", " ").split())


def test_who_has_no_meeting_is_told_why_and_not_what_would_help_the_organizer():
    view = agenda_view(MENTEE, plan(unmet("no mentor shares a language")), [])
    assert view["state"] == "planned"
    assert view["reason"] == say("no mentor speaks a language of yours").to_document()


def test_before_there_is_a_plan_there_is_no_reason():
    assert agenda_view(MENTEE, None, [])["reason"] is None
    first = agenda_view(MENTEE, plan(revision=0, due=True), [])
    assert (first["state"], first["reason"]) == ("planning", None)


def test_who_has_withdrawn_or_is_absent_is_told_that():
    gone = Card("e1", "p1", "mentee", "jkt", withdrawn=True)
    away = Card("e1", "p1", "mentee", "jkt", presence=((2, 1),))
    assert str(reason_for(gone)) == "you have withdrawn"
    assert str(reason_for(away)) == "you are marked as absent"
    assert agenda_view(gone, None, [])["reason"] == say("you have withdrawn").to_document()


#: Told in the same words, or a participant could read who is kept apart by others.
KEPT_BACK = {
    "every mentor who shares a language is excluded",
    "the given scores allow no mentor who shares a language",
    "no mentor whom the mentee may meet is available in the same round",
    "no mentor whom the mentee may meet is available and wants more meetings",
    "no mentor who is available wants more meetings",
    "every mentor whom the mentee could meet is taken by others who had no more meetings",
    "every mentor is taken by others who had no more meetings",
}


def test_every_reason_of_the_planner_is_told_in_words_of_its_own_or_kept_back_on_purpose():
    source = ast.parse(Path(reasons.__file__).read_text(encoding="utf-8"))
    bodies = [
        each
        for each in source.body
        if getattr(each, "name", "") in ("_unmet", "_own_reason", "_why_none_of")
        or (isinstance(each, ast.AnnAssign) and each.target.id == "ALL_EXCLUDED")
    ]
    assert len(bodies) == 4
    calls = [call for body in bodies for call in ast.walk(body) if isinstance(call, ast.Call)]
    said = {call.args[0].value for call in calls if getattr(call.func, "id", "") == "say"}
    said -= {"check the teams: a mentor of another team would help too"}
    assert said >= KEPT_BACK
    assert {each for each in said if told_reason(each) == told_reason("")} == KEPT_BACK
    assert len({str(told_reason(each)) for each in said}) == len(said - KEPT_BACK) + 1
