"""Three readings of one schema, marshmallow's, the fast check's and JSON Schema's, accept the same documents."""

import copy
import json
import math
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from marshmallow import EXCLUDE, RAISE, Schema, ValidationError

from shared.events.catalogue import TYPES, EventType
from shared.events.composites import event_fields
from shared.events.times import is_time

types = pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES.keys())

formats = FormatChecker(formats=())
formats.checks("date-time")(lambda value: not isinstance(value, str) or is_time(value))

MENTEE = TYPES["speedmentor.registration.mentee-registered.v1"]
PROGRAM = TYPES["speedmentor.registration.program-published.v1"]
CHECKED_IN = TYPES["speedmentor.registration.participant-checked-in.v1"]
REPORT = TYPES["speedmentor.feedback.program-report-ready.v1"]

# Values on and beyond the borders of every kind, and what people take for such values.
HOSTILE = st.sampled_from(
    [
        None, True, False, 0, 1, -1, 5, 6, 100, 101, 900, 901, 2**31 - 1, 2**31, 2**53 - 1, 2**53, 2**64, -(10**30),
        0.0, -0.0, 1.0, 2.5, 1e308, math.nan, math.inf, -math.inf,
        "", " ", "a", "A", "0", "1", "true", "mentor", "Mentor", "mentor\n", "id", "id\n", "ID", "zh-Hant", "a@b.org",
        "a" * 64, "a" * 65, "a" * 128, "a" * 129, "-a", ".", "é", "١", "\u0000", "\ud800", "a b",
        "Asia/Jakarta", "Asia/Jakarta/", "UTC", "utc", "Etc/GMT+7", "America/Argentina/Buenos_Aires",
        "2026-11-24T09:30:00.000Z", "2026-11-24T09:30:00.000Z\n", "2026-11-24T09:30:00Z", "2026-11-24t09:30:00.000z",
        "2026-11-24T09:30:00.000+00:00", "2026-02-29T00:00:00.000Z", "2028-02-29T00:00:00.000Z",
        "2026-11-24T24:00:00.000Z", "2026-12-31T23:59:60.000Z", "0000-01-01T00:00:00.000Z", "٢٠٢٦-11-24T09:30:00.000Z",
        [], {}, [[]], [{}], [None], [1], ["a"], {"a": 1}, {"a": None}, {"A": 1}, {"": 1}, ["a"] * 11, [1] * 101,
    ]
)  # fmt: skip


@cache
def valid_for(kind: EventType) -> st.SearchStrategy[Any]:
    return valid(kind.json_schema())


def valid(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Documents that follow a JSON Schema, of the parts of JSON Schema that events use."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([_valid_as(kind, schema) for kind in kinds])


def _valid_as(kind: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if kind == "null":
        return st.none()
    if "enum" in schema:
        return st.sampled_from([choice for choice in schema["enum"] if choice is not None])
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.integers(schema["minimum"], schema["maximum"])
    if kind == "number":
        low, high = schema["minimum"], schema["maximum"]
        return st.one_of(st.integers(low, high), st.floats(low, high))
    if kind == "array":
        return st.lists(valid(schema["items"]), max_size=min(4, schema["maxItems"]))
    if kind == "object" and "propertyNames" in schema:
        names = st.from_regex(schema["propertyNames"]["pattern"], fullmatch=True).filter(lambda name: "\n" not in name)
        return st.dictionaries(names, valid(schema["additionalProperties"]), max_size=4)
    if kind == "object":
        parts = {name: valid(part) for name, part in schema["properties"].items()}
        required = {name: parts.pop(name) for name in schema["required"]}
        return st.fixed_dictionaries(required, optional=parts)
    assert kind == "string"
    if schema.get("format") == "date-time":
        return st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z")
    return st.from_regex(schema["pattern"], fullmatch=True).filter(
        lambda text: "\n" not in text and len(text) <= schema["maxLength"]
    )


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a document."""
    children = document.items() if isinstance(document, dict) else enumerate(document)
    for key, child in list(children):
        yield document, key
        if isinstance(child, dict | list):
            yield from places(child)


@st.composite
def mutated(draw: Callable[..., Any], kind: EventType) -> Any:
    """A valid document with up to three things changed anywhere in it."""
    document = copy.deepcopy(draw(valid_for(kind)))
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(list(places(document)) or [(document, "x")]))
        change = draw(st.sampled_from(["replace", "drop", "add"]))
        if change == "replace":
            container[key] = copy.deepcopy(draw(HOSTILE))
        elif change == "drop":
            container.pop(key, None) if isinstance(container, dict) else container.pop(key)
        elif isinstance(container, dict):
            container[draw(st.sampled_from(["x", "Name", "", "site_id", "é"]))] = copy.deepcopy(draw(HOSTILE))
        else:
            container.append(copy.deepcopy(draw(HOSTILE)))
    return document


@cache
def marshmallow_of(kind: EventType, unknown: str) -> Schema:
    return kind.data(unknown=unknown)


@cache
def json_schema_of(kind: EventType) -> Draft202012Validator:
    # In JSON Schema (ECMA 262) $ is the very end; in Python's re, which jsonschema uses, a line break may follow.
    schema = json.loads(json.dumps(kind.json_schema()).replace('$"', '\\\\Z"'))
    return Draft202012Validator(schema, format_checker=formats)


def marshmallow_accepts(kind: EventType, document: Any, unknown: str) -> bool:
    try:
        marshmallow_of(kind, unknown).load(document)
    except ValidationError:
        return False
    return True


def numbers_in(document: Any) -> Iterator[float]:
    if isinstance(document, dict | list):
        for container, key in places(document):
            if isinstance(container[key], float):
                yield container[key]


def agree(kind: EventType, document: Any) -> None:
    assert kind.may_be_read(document) == marshmallow_accepts(kind, document, EXCLUDE)
    assert kind.may_be_published(document) == marshmallow_accepts(kind, document, RAISE)
    # NaN is no JSON; and to JSON Schema 2.0 is a whole number, which we neither write nor read as one.
    if not any(math.isnan(number) or math.isinf(number) or number.is_integer() for number in numbers_in(document)):
        assert kind.may_be_read(document) == json_schema_of(kind).is_valid(document)


@types
@settings(max_examples=20)
@given(data=st.data())
def test_what_follows_the_schema_is_accepted_by_all(kind: EventType, data: st.DataObject) -> None:
    document = data.draw(valid_for(kind))
    assert kind.may_be_published(document)
    assert kind.refusal(document, publishing=False) is None
    told = any(document.get(name) for name, field in event_fields(kind.data).items() if field.withheld)
    assert (kind.refusal(document, publishing=True) is not None) is told
    agree(kind, document)


@types
@settings(max_examples=50)
@given(data=st.data())
def test_they_agree_on_documents_with_something_wrong(kind: EventType, data: st.DataObject) -> None:
    agree(kind, data.draw(mutated(kind)))


ANYTHING = st.recursive(HOSTILE, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(kind=st.sampled_from(list(TYPES.values())), name=st.sampled_from(["topics", "sites", "rounds"]), value=ANYTHING)
def test_they_agree_on_anything_else(kind: EventType, name: str, value: Any) -> None:
    agree(kind, kind.example() | {name: value})
    assert not kind.may_be_read(value) or set(value) >= set(kind.json_schema()["required"])


@types
def test_every_required_field_is_missed_by_name(kind: EventType) -> None:
    for name in kind.json_schema()["required"]:
        document = kind.example()
        del document[name]
        assert f"data.{name}: Missing data for required field." in (kind.refusal(document, publishing=False) or "")


@types
def test_a_list_or_map_may_not_be_longer_than_its_schema_says(kind: EventType) -> None:
    for name, schema in kind.json_schema()["properties"].items():
        example = kind.example().get(name)
        if schema["type"] == "array" and example and schema["maxItems"] <= 1000:
            longest, longer = example[:1] * schema["maxItems"], example[:1] * (schema["maxItems"] + 1)
        elif "maxProperties" in schema:
            value = next(iter(example.values()), 1)
            longer = {f"c{number}": value for number in range(schema["maxProperties"] + 1)}
            longest = dict(list(longer.items())[1:])
        else:
            continue
        agree(kind, kind.example() | {name: longest})
        agree(kind, kind.example() | {name: longer})
        assert kind.may_be_read(kind.example() | {name: longest})
        assert not kind.may_be_read(kind.example() | {name: longer})


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (MENTEE, "questions", True),
        (MENTEE, "questions", 3.0),
        (MENTEE, "questions", "3"),
        (MENTEE, "remote", 1),
        (MENTEE, "remote", "true"),
        (MENTEE, "rounds", {"1": 1}),
        (MENTEE, "motive", "my boss, Siti"),
        (CHECKED_IN, "at", "2026-02-30T09:30:00.000Z"),
        (CHECKED_IN, "at", "2026-11-24T09:30:00Z"),
        (REPORT, "figures", {"mean": math.nan}),
        (REPORT, "figures", {"mean": math.inf}),
        (REPORT, "figures", {"mean": 2**53}),
        (REPORT, "figures", {"Mean": 1}),
    ],
)
def test_what_only_looks_right_is_refused(kind: EventType, field: str, value: Any) -> None:
    refusal = kind.refusal(kind.example() | {field: value}, publishing=False)
    assert refusal is not None
    assert refusal.startswith(f"data.{field}")


def test_a_refusal_names_every_field_and_no_value() -> None:
    document = MENTEE.example() | {"motive": "hates Budi", "rounds": [1, "Siti", 3]}
    refusal = MENTEE.refusal(document, publishing=False)
    assert refusal == "data.motive: Not a code.; data.rounds.1: Not a whole number from 1 to 100."


def test_a_refusal_is_short_whatever_it_refuses() -> None:
    document = MENTEE.example() | {"rounds": ["x"] * 100}
    assert len(MENTEE.refusal(document, publishing=False) or "") == 1000


def test_a_field_that_nobody_knows_is_read_over_and_never_published() -> None:
    document = PROGRAM.example()
    document["sites"][0]["name"] = "Jakarta"
    assert PROGRAM.refusal(document, publishing=False) is None
    assert PROGRAM.refusal(document, publishing=True) == "data.sites.0.name: Unknown field."


def test_a_domain_may_publish_an_enums_member_and_a_tuple() -> None:
    class Motive(StrEnum):
        NETWORK = "network"

    document = MENTEE.example() | {"motive": Motive.NETWORK, "rounds": (1, 2)}
    assert MENTEE.refusal(document, publishing=True) is None
