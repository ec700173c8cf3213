"""Why somebody meets nobody: in English in the plan file, and as messages for those who read another language."""

from services.matching.planner import read_input, solve
from shared.messages import Message
from shared.translation import spoken

EVENT = {
    "format": "speedmentor.plan-input/1",
    "rounds": 1,
    "mentors": [{"id": "m1", "site": "jkt", "languages": ["en"]}],
    "mentees": [
        {"id": "e1", "site": "jkt", "languages": ["id"]},
        {"id": "e2", "site": "jkt", "languages": ["en"], "max_meetings": 0},
    ],
}


def test_a_reason_can_be_said_in_every_language() -> None:
    plan = solve(read_input(EVENT))
    told = {
        each["mentee"]: [Message.from_document(said) for said in each["messages"]] for each in plan.unmet_document()
    }
    assert {mentee: "; ".join(map(str, said)) for mentee, said in told.items()} == {
        "e1": "no mentor shares a language; one more mentor who speaks id at jkt in round 1 would serve one person",
        "e2": "wants no meetings",
    }
    assert "; ".join(spoken(each, "id") for each in told["e1"]) == (
        "tidak ada mentor dengan bahasa yang sama; "
        "satu mentor lagi yang berbahasa id di jkt pada ronde 1 akan melayani satu orang"
    )


def test_the_plan_file_has_the_reason_in_english_and_nothing_more() -> None:
    plan = solve(read_input(EVENT))
    bare = [{name: value for name, value in each.items() if name != "messages"} for each in plan.unmet_document()]
    assert plan.to_document()["unmet"] == bare
    assert [list(each) for each in bare] == [["mentee", "meetings", "reason"]] * 2
