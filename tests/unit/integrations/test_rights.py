"""Given scopes, when keys are held against the expressions made of them, then none reaches beyond its scope."""

import re
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.integrations.domain.rights import bindable, binding_keys, canonical, check, may_bind
from services.integrations.domain.scope import Scope
from shared.events import short_name
from shared.events.catalogue import TYPES

NAMES = sorted(short_name(each) for each in TYPES)

SERVICES = ("registration", "matching", "session-timer")
THINGS = ("mentor-registered", "round-ended", "plan-published")

services = st.sampled_from((*SERVICES, "*"))
things = st.sampled_from((*THINGS, "*"))
patterns = st.one_of(
    st.just("#"),
    services.map("{}.#".format),
    st.builds("{}.{}".format, services, things),
    st.builds("{}.{}.{}".format, services, things, st.sampled_from(("#", "v1", "v2", "v13"))),
)
scopes = st.lists(patterns, min_size=1, max_size=4).map(tuple)

words = st.sampled_from(("speedmentor", *SERVICES, *THINGS, "v1", "v2", "*", "#", "#x", "x*", "", "other"))
#: Keys like ours, and any.
keys = st.one_of(
    st.lists(words, min_size=1, max_size=7).map(".".join),
    st.builds(
        lambda *parts: ".".join(part for part in parts if part is not None),
        st.sampled_from(("speedmentor", "*", "#")),
        st.sampled_from((*SERVICES, "*", "#")),
        st.sampled_from((*THINGS, "*", "#", None)),
        st.sampled_from(("v1", "v2", "*", "#", None)),
        st.sampled_from(("v1", "#", "*", None, None)),
    ),
)
types = st.builds(
    "speedmentor.{}.{}.v{}".format,
    st.sampled_from((*SERVICES, "feedback", "newcomer")),
    st.sampled_from((*THINGS, "other")),
    st.sampled_from((1, 2, 13)),
)


def matches(key: str, routing_key: str) -> bool:
    """A topic exchange as AMQP 0-9-1, 3.1.3.3 has it: an automaton over words, written without a regular expression."""
    pattern, of = key.split("."), routing_key.split(".")

    @cache
    def at(i: int, j: int) -> bool:
        if i == len(pattern):
            return j == len(of)
        if pattern[i] == "#":
            return at(i + 1, j) or (j < len(of) and at(i, j + 1))
        return j < len(of) and pattern[i] in ("*", of[j]) and at(i + 1, j + 1)

    return at(0, 0)


def in_scope(scope: tuple[str, ...], event_type: str) -> bool:
    """By what the log and HTTP go by."""
    return Scope(scope).takes(short_name(event_type), None)


@given(scopes, keys, types)
@example(("registration.#",), "speedmentor.#", "speedmentor.matching.plan-published.v1")
@example(("registration.#",), "#", "speedmentor.matching.plan-published.v1")
@example(("*.round-ended",), "speedmentor.#.round-ended.v1", "speedmentor.session-timer.round-ended.v1")
def test_no_key_that_may_be_bound_matches_a_type_outside_the_scope(
    scope: tuple[str, ...], key: str, event_type: str
) -> None:
    if may_bind(scope, key) and matches(key, event_type):
        assert in_scope(tuple(canonical(each) for each in scope), event_type)


@given(scopes, types)
def test_the_keys_we_bind_match_what_is_in_the_scope_and_only_that(scope: tuple[str, ...], event_type: str) -> None:
    bound = binding_keys(scope)
    assert all(may_bind(scope, key) for key in bound)
    assert any(matches(key, event_type) for key in bound) == in_scope(
        tuple(canonical(each) for each in scope), event_type
    )


@given(scopes, types)
def test_every_type_in_the_scope_may_be_bound_by_its_name(scope: tuple[str, ...], event_type: str) -> None:
    assert may_bind(scope, event_type) == in_scope(tuple(canonical(each) for each in scope), event_type)


#: Words that stand for all others too: what a key with wildcards can match is tried with these, to this length.
ALPHABET = ("speedmentor", "registration", "round-ended", "v1", "z")


def reach(key: str) -> set[str]:
    """All keys of up to five words of the alphabet that ``key`` matches."""

    def grown(rest: tuple[str, ...], left: int) -> set[tuple[str, ...]]:
        if not rest:
            return {()}
        if rest[0] == "#":
            more = {(word, *end) for word in ALPHABET for end in grown(rest, left - 1)} if left else set()
            return grown(rest[1:], left) | more
        if not left:
            return set()
        heads = ALPHABET if rest[0] == "*" else (rest[0],)
        return {(head, *end) for head in heads for end in grown(rest[1:], left - 1)}

    return {".".join(each) for each in grown(tuple(key.split(".")), 5)}


@given(
    st.sampled_from(
        ("registration.#", "registration.round-ended", "registration.*", "*.round-ended", "*.round-ended.#", "*.*.v1")
    ),
    st.lists(st.sampled_from((*ALPHABET, "*", "#")), min_size=1, max_size=5).map(".".join),
)
def test_exactly_the_keys_whose_whole_reach_is_in_the_scope_may_be_bound(pattern: str, key: str) -> None:
    (ours,) = binding_keys((pattern,))
    # An empty reach within the alphabet says nothing: such a key is longer than what is tried here.
    if reach(key):
        assert may_bind((pattern,), key) == (reach(key) <= reach(ours))


@pytest.mark.parametrize(
    ("scope", "key", "allowed"),
    [
        ("registration.#", "speedmentor.registration.#", True),
        ("registration.#", "speedmentor.registration.*.v1", True),
        ("registration.#", "speedmentor.registration.mentor-registered.v1", True),
        ("registration.#", "speedmentor.registration.mentor-registered.v2", True),
        ("registration.#", "speedmentor.#", False),
        ("registration.#", "#", False),
        ("registration.#", "", False),
        ("registration.#", "*.registration.#", False),
        ("registration.#", "speedmentor.registrations.#", False),
        ("registration.#", "xspeedmentor.registration.#", False),
        ("registration.#", "speedmentorxregistration.#", False),
        ("registration.#", "speedmentor.*.mentor-registered.v1", False),
        ("matching.plan-published", "speedmentor.matching.plan-published.v1", True),
        ("matching.plan-published", "speedmentor.matching.plan-published.*", False),
        ("matching.plan-published.#", "speedmentor.matching.plan-published.*", True),
        ("*.round-ended", "speedmentor.*.round-ended.v1", True),
        ("*.round-ended", "speedmentor.#.round-ended.v1", False),
        ("*.round-ended.#", "speedmentor.#.round-ended.#", False),
        ("#", "#", True),
        ("#", "", True),
    ],
)
def test_what_is_and_what_is_not_in_a_scope(scope: str, key: str, allowed: bool) -> None:
    assert may_bind((scope,), key) is allowed


@pytest.mark.parametrize(
    ("pattern", "same"),
    [
        ("*.#", "#"),
        ("*.*.#", "#"),
        ("registration.*.#", "registration.#"),
        ("matching.plan-published.v1", "matching.plan-published"),
        ("matching.plan-published.v2", "matching.plan-published.v2"),
        ("*.round-ended.#", "*.round-ended.#"),
    ],
)
def test_what_can_be_said_in_several_ways_is_said_in_one(pattern: str, same: str) -> None:
    assert canonical(pattern) == same
    assert (bindable((pattern,)), binding_keys((pattern,))) == (bindable((same,)), binding_keys((same,)))


def test_the_expression_has_nothing_in_braces_that_the_broker_would_fill_in() -> None:
    """RabbitMQ puts values in place of ``{username}`` and ``{vhost}``."""
    assert not re.search(r"\{[a-z]", bindable(tuple(NAMES)))


@pytest.mark.parametrize("pattern", ["#", "registration.#", "*.round-ended", *NAMES])
def test_what_there_is_may_be_asked_for(pattern: str) -> None:
    assert check([pattern], NAMES) == []


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("registraton.#", "write registration.#"),
        ("registration.mentor-registred", "write registration.mentor-registered"),
        ("*.round-endet", "write session-timer.round-ended"),
        ("Registration.#", "write # for all"),
        ("speedmentor.registration.mentor-registered.v1", "write # for all"),
        ("registration", "write # for all"),
        ("", "write # for all"),
        ("registration.#.v1", "write # for all"),
        ("nobody.#", "the services are"),
    ],
)
def test_what_there_is_not_is_named_with_what_was_probably_meant(pattern: str, said: str) -> None:
    (unknown,) = check([pattern], NAMES)
    assert unknown.pattern == pattern
    assert said in str(unknown.remedy)
