"""The AsyncAPI document: what AsyncAPI's own parser says of it, and that it and its examples say what is checked."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from shared.events import decode
from shared.events.asyncapi import document, example, written
from shared.events.catalogue import PUBLIC, TYPES, json_schema
from shared.events.composites import event_fields
from shared.messaging.topology import EVENTS, INTERNAL, VHOST
from tests.javascript import ask
from tests.readers import FORMATS, assert_all_can_read, whole

DOCUMENT: dict[str, Any] = document()
SAMPLES = sorted(each for each in Path(__file__).with_name("samples").glob("*.json") if each.stem in PUBLIC)

types = pytest.mark.parametrize("event_type", PUBLIC)

#: The parser's severities; it also recommends version 3.1 of AsyncAPI, as information.
ERROR, WARNING = 0, 1


def payload(event_type: str) -> dict[str, Any]:
    """The schema of a whole event. What the catalogue writes means the same in draft 7, which AsyncAPI goes by."""
    return dict(whole(DOCUMENT["components"]["messages"][event_type]["payload"], DOCUMENT))


@pytest.fixture(scope="module")
def parsed() -> dict[str, Any]:
    return dict(ask("asyncapi.cjs", DOCUMENT))


def test_asyncapis_own_parser_has_nothing_against_it(parsed: dict[str, Any]) -> None:
    assert parsed["parsed"]
    assert [each for each in parsed["said"] if each["severity"] <= WARNING] == []
    assert {each["code"] for each in parsed["said"]} <= {"asyncapi-latest-version"}
    assert parsed["addresses"] == [[name, [name]] for name in PUBLIC]


def test_the_parser_would_say_what_is_wrong() -> None:
    spoilt = document()
    spoilt["components"]["schemas"]["ordinal"]["type"] = "whole"
    assert [each for each in ask("asyncapi.cjs", spoilt)["said"] if each["severity"] == ERROR]


@types
def test_its_example_is_an_event_that_we_and_its_schema_take(event_type: str) -> None:
    # The parser checks examples in documents of version 2 only.
    (given,) = DOCUMENT["components"]["messages"][event_type]["examples"]
    assert given["payload"] == example(PUBLIC[event_type])
    assert decode(json.dumps(given["payload"])).type == event_type
    schema = payload(event_type)
    Draft7Validator.check_schema(schema)
    assert list(Draft7Validator(schema, format_checker=FORMATS).iter_errors(given["payload"])) == []


@types
def test_no_attribute_or_field_may_be_missing_that_is_said_to_be_there(event_type: str) -> None:
    event = example(PUBLIC[event_type])
    schema = Draft7Validator(payload(event_type), format_checker=FORMATS)
    for name in schema.schema["required"]:
        assert not schema.is_valid({key: value for key, value in event.items() if key != name}), name
    for name in schema.schema["properties"]["data"]["required"]:
        data = {key: value for key, value in event["data"].items() if key != name}
        assert not schema.is_valid({**event, "data": data}), name


@types
def test_the_schema_of_its_data_is_the_one_that_is_served_by_itself(event_type: str) -> None:
    by_itself = json_schema(event_type)
    del by_itself["$schema"], by_itself["$id"], by_itself["title"]
    assert DOCUMENT["components"]["schemas"][event_type] == by_itself


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_what_was_published_once_is_a_message_of_it(path: Path) -> None:
    sample = json.loads(path.read_text(encoding="utf-8"))
    assert list(Draft7Validator(payload(path.stem), format_checker=FORMATS).iter_errors(sample)) == []


def test_examples_and_samples_are_read_by_other_validators_and_sdks() -> None:
    bodies = [json.dumps(example(kind)).encode() for kind in PUBLIC.values()]
    bodies += [path.read_bytes() for path in SAMPLES]
    assert_all_can_read(bodies, {name: json_schema(name) for name in PUBLIC})


def test_the_exchange_and_the_routing_keys_are_those_of_the_broker() -> None:
    for name, channel in DOCUMENT["channels"].items():
        binding = whole(channel["bindings"], DOCUMENT)["amqp"]
        assert channel["address"] == name
        assert binding["is"] == "routingKey"
        assert (binding["exchange"]["name"], binding["exchange"]["type"], binding["exchange"]["vhost"]) == (
            EVENTS,
            "topic",
            VHOST,
        )


def test_nothing_in_it_speaks_of_internal_types() -> None:
    internal = [kind for kind in TYPES.values() if kind.internal]
    assert internal
    assert not [kind.name for kind in internal if kind.name.encode() in written(DOCUMENT)]
    assert INTERNAL.encode() not in written(DOCUMENT)


def test_what_carries_nothing_any_more_is_deprecated() -> None:
    deprecated = {
        f"{name}.{field}"
        for name in PUBLIC
        for field, schema in DOCUMENT["components"]["schemas"][name]["properties"].items()
        if schema.get("deprecated")
    }
    assert "speedmentor.feedback.feedback-submitted.v1.ratings" in deprecated
    assert deprecated == {
        f"{name}.{field}"
        for name, kind in PUBLIC.items()
        for field, each in event_fields(kind.data).items()
        if each.withheld
    }


def test_the_attributes_are_those_that_are_checked() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    good = example(PUBLIC["speedmentor.session-timer.round-started.v1"])
    for name, bad in {
        "id": "no id",
        "subject": "siti@example.org",
        "time": "2026-11-24T09:30:00Z",
        "ordinal": 0,
        "org": "",
        "program": "a b",
        "site": "-",
        "correlationid": "no reference",
        "causationid": "",
        "traceparent": "00-00000000000000000000000000000000-0000000000000000-00",
    }.items():
        schema = Draft7Validator(schemas[name], format_checker=FORMATS)
        assert schema.is_valid(good[name]), name
        assert not schema.is_valid(bad), name
        with pytest.raises(Exception, match=name):
            decode(json.dumps({**good, name: bad}))
