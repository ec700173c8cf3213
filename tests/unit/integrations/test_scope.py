"""A scope takes what a topic exchange would route, by the words of the type; what the database is asked is the same."""

import re
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.integrations.domain.scope import LONGEST, Scope, is_pattern

words = st.sampled_from(["a", "b", "ab", "a-b", "v2"])
names = st.lists(words, min_size=1, max_size=4).map(".".join)
patterns = st.lists(st.one_of(words, st.sampled_from(["*", "#"])), min_size=1, max_size=5).map(".".join)


def routes(pattern: Sequence[str], name: Sequence[str]) -> bool:
    """Written down from the specification, word by word."""

    @cache
    def from_(at: int, of: int) -> bool:
        if at == len(pattern):
            return of == len(name)
        if pattern[at] == "#":
            return from_(at + 1, of) or (of < len(name) and from_(at, of + 1))
        return of < len(name) and pattern[at] in ("*", name[of]) and from_(at + 1, of + 1)

    return from_(0, 0)


@given(patterns, names)
def test_a_pattern_takes_what_a_topic_exchange_routes(pattern: str, name: str) -> None:
    assert is_pattern(pattern)
    taken = routes(pattern.split("."), name.split("."))
    assert Scope((pattern,)).takes(name, None) == taken
    # What the database is asked is a regular expression that says the same.
    (condition,) = Scope((pattern,)).query().get("$and", [{"type": {"$in": [re.compile("")]}}])
    assert any(each.search(name) for each in condition["type"]["$in"]) == taken


@given(st.lists(patterns, max_size=3), st.lists(st.sampled_from("pqr"), max_size=2), names, st.sampled_from("pqrs"))
def test_a_narrowed_scope_takes_what_both_take(types: list[str], programs: list[str], name: str, program: str) -> None:
    wide = Scope(("a.#", "#.b"), ("p", "q"), "acme")
    taken = (
        wide.takes(name, program, "acme")
        and (not types or Scope(tuple(types)).takes(name, program))
        and (not programs or program in programs)
    )
    assert wide.narrowed(types, programs).takes(name, program, "acme") == taken


def test_what_belongs_to_no_program_or_organization_is_in_no_scope_with_one() -> None:
    assert Scope().takes("registration.log-in-ended", None)
    assert not Scope(programs=("p",)).takes("registration.log-in-ended", None)
    assert not Scope(org="acme").takes("registration.log-in-ended", None)
    assert Scope(types=()).query() == {"$and": [{"type": {"$in": []}}]}
    assert not Scope(types=()).takes("a", None)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a*", "A", "a b", "##", "a" * (LONGEST + 1), "a_b", "ä"])
def test_what_is_no_pattern_is_none(text: str) -> None:
    assert not is_pattern(text)
