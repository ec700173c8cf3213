"""Ratings: whole numbers on the scale, on questions of the side that answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.feedback.domain.ratings import SCALES, faults_in, questions_for

roles = st.sampled_from(["mentor", "mentee"])


@given(role=roles, data=st.data())
def test_what_is_on_the_scale_is_taken(role: str, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(questions_for(role)), unique=True))
    ratings = {name: data.draw(st.integers(SCALES[name].lowest, SCALES[name].highest)) for name in names}
    assert faults_in(ratings, role) == []


@given(
    role=roles,
    value=st.one_of(
        st.integers(max_value=-1),
        st.integers(min_value=11),
        st.booleans(),
        st.none(),
        st.text(),
        st.floats(),
        st.lists(st.integers()),
    ),
)
def test_nothing_else_is(role: str, value: Any) -> None:
    for name in questions_for(role):
        assert [problem.field for problem in faults_in({name: value}, role)] == [f"/ratings/{name}"]


@pytest.mark.parametrize(("name", "role"), [("story", "mentor"), ("prepared", "mentee")])
def test_a_question_is_for_one_side(name: str, role: str) -> None:
    (problem,) = faults_in({name: 3, "time_well_spent": 7}, role)
    assert problem.field == f"/ratings/{name}"
    assert str(problem.remedy) == "leave it out"


def test_every_fault_is_named_and_a_strange_name_is_a_pointer() -> None:
    problems = faults_in({"a/b~c": 1, "story": 0, "would_recommend": 11}, "mentee")
    assert [problem.field for problem in problems] == ["/ratings/a~1b~0c", "/ratings/story", "/ratings/would_recommend"]
    assert "from 0 to 10" in str(problems[2])
