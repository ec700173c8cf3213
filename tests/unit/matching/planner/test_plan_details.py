"""Tables, reasons and sizes of plans that are out of the ordinary."""

import pytest
from plan_rules import broken_rules

from services.matching.planner import read_input, solve
from services.matching.planner.flow.min_cost_flow import TooLarge


def event(rounds, mentors, mentees, **fields):
    return {"format": "speedmentor.plan-input/1", "rounds": rounds, "mentors": mentors, "mentees": mentees, **fields}


def planned(document):
    plan = solve(read_input(document)).to_document()
    assert not broken_rules(document, plan)
    return plan


def sat(number, mentee, mentor, table=None):
    meeting = {"round": number, "mentee": mentee, "mentor": mentor}
    return meeting if table is None else {**meeting, "table": table}


TWO = ([{"id": "m1"}, {"id": "m2"}], [{"id": "e1"}, {"id": "e2"}])


class TestTables:
    @pytest.mark.parametrize(
        "current",
        [
            # m1 has moved on from the table that the first number would name.
            [sat(1, "e1", "m1", "table-1"), sat(1, "e2", "m2"), sat(2, "e2", "m1", "table-9")],
            # m1 moves to the table where m2 sat beside her.
            [sat(1, "e1", "m1"), sat(1, "e2", "m2", "X"), sat(2, "e2", "m1", "X")],
            [sat(1, "e1", "m1", "A"), sat(1, "e2", "m2", "B"), sat(2, "e2", "m1", "B")],
        ],
    )
    def test_two_mentors_never_share_one_in_a_round(self, current):
        plan = planned(event(3, *TWO, current=current, frozen_through=1))
        at = {}
        for each in plan["meetings"]:
            assert at.setdefault((each["round"], each["table"]), each["mentor"]) == each["mentor"]
        assert len(at) >= 4

    def test_a_mentor_whose_table_was_named_to_one_of_two_stays_there(self):
        mentors = [{"id": "m1", "seats": 2}, {"id": "m2"}]
        current = [sat(1, "e1", "m1", "T"), sat(1, "e2", "m1")]
        plan = planned(event(3, mentors, TWO[1], current=current, frozen_through=1))
        assert {each["table"] for each in plan["meetings"] if each["mentor"] == "m1"} == {"T"}


def reasons(document):
    return {each["mentee"]: each["reason"].split(";")[0] for each in planned(document)["unmet"]}


class TestReasons:
    def test_where_no_mentor_wants_meetings_nobody_else_took_them(self):
        document = event(2, [{"id": "m1", "max_meetings": 0}], [{"id": "e1"}])
        assert reasons(document) == {"e1": "no mentor who is available wants more meetings"}

    def test_where_mentors_wanted_no_more_than_they_had_nobody_took_a_later_one(self):
        document = event(
            2,
            [{"id": "m1", "max_meetings": 1}],
            [{"id": "e1"}, {"id": "e2"}],
            current=[sat(1, "e1", "m1")],
            frozen_through=1,
        )
        assert reasons(document) == {"e2": "no mentor who is available wants more meetings"}

    def test_who_was_there_in_rounds_that_are_over_was_available(self):
        document = event(2, [{"id": "m1"}], [{"id": "e1"}, {"id": "e2", "rounds": []}], frozen_through=2)
        assert reasons(document) == {
            "e1": "every round in which the mentee is available is over",
            "e2": "is available in no round",
        }

    def test_who_leaves_before_the_rounds_to_come_is_absent(self):
        document = event(3, [{"id": "m1"}], [{"id": "e1"}, {"id": "e2"}], absent=[{"id": "e2"}])
        assert reasons(document) == {"e2": "is absent"}

    def test_a_long_row_of_people_who_wait_for_one_another_is_told_how_many_one_mentor_would_serve(self):
        # In the order of the last to the first, each takes the round that the one before could have.
        count = 999
        mentees = [{"id": f"e{number}", "site": "a", "rounds": [number, number + 1]} for number in range(1, count + 1)]
        plan = planned(event(count + 1, [{"id": "m1", "site": "b"}], [*mentees, {**mentees[0], "id": "e0"}]))
        assert len(plan["unmet"]) == count + 1
        assert all(each["reason"].endswith(f"would serve {count + 1} people") for each in plan["unmet"])


class TestSizes:
    def test_many_rounds_for_few_mentors_are_planned_whatever_a_change_costs(self):
        mentors = [{"id": f"m{number}", "seats": 1000} for number in range(3)]
        mentees = [{"id": f"e{number}"} for number in range(300)]
        plan = planned(event(1000, mentors, mentees, current=[sat(5, "e1", "m1")]))
        assert plan["quality"]["certified"]
        assert plan["quality"]["least"] == 3

    def test_what_whole_numbers_cannot_hold_is_a_fault_of_the_input(self, monkeypatch):
        monkeypatch.setattr("services.matching.planner.flow.min_cost_flow._LARGEST", 1000)
        with pytest.raises(TooLarge) as fault:
            planned(event(3, *TWO))
        assert [each.field for each in fault.value.problems] == [""]
