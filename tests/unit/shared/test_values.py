"""What no database, no bus and no screen can hold is named by its place, however deep it lies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import INCLUDE, Schema

from shared.arguments import load
from shared.faults import Invalid
from shared.values import problems_in

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
GOOD = st.recursive(
    st.none()
    | st.booleans()
    | TEXT
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)
BAD = st.one_of(
    st.integers(min_value=2**63),
    st.integers(max_value=-(2**63) - 1),
    st.sampled_from([float("nan"), float("inf"), float("-inf"), "a\0b", "\ud800", "\udfff\ud800"]),
)


@given(GOOD)
def test_what_can_be_kept_has_no_problem(value):
    assert list(problems_in(value)) == []


@given(GOOD, BAD)
def test_what_cannot_be_kept_is_named_by_its_place(good, bad):
    value = {"good": good, "a/b": [good, {"~": bad}]}
    assert [problem.field for problem in problems_in(value)] == ["/a~1b/1/~0"]


def test_a_name_can_be_at_fault_too():
    (problem,) = problems_in([{"a\0": 1}])
    assert problem.field == "/0/a\N{REPLACEMENT CHARACTER}"


def test_the_depth_of_a_value_is_no_matter():
    value = 2**72
    for _ in range(50_000):
        value = [value]
    assert len(list(problems_in(value))) == 1


def test_a_service_takes_no_such_value_either():
    class Anything(Schema):
        class Meta:
            unknown = INCLUDE

    assert load(Anything, {"revision": 2**63 - 1}) == {"revision": 2**63 - 1}
    with pytest.raises(Invalid) as caught:
        load(Anything, {"revision": 2**72, "name": "a\ud800"})
    assert {problem.field for problem in caught.value.problems} == {"/revision", "/name"}
