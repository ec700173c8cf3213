"""How other systems read events: validators of JSON Schema that are not ours, and the SDKs of CloudEvents."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_rabbitmq_event, to_structured_event
from jsonschema import Draft202012Validator, FormatChecker

from shared.events import CONTENT_TYPE
from shared.events.compatibility import resolved
from tests.javascript import ask

Json = dict[str, Any]
FORMATS = FormatChecker()


def whole(value: Any, document: Json) -> Any:
    """A part of an AsyncAPI document with everything in it that it refers to."""
    value = resolved(value, document)
    if isinstance(value, dict):
        return {name: whole(each, document) for name, each in value.items()}
    return [whole(each, document) for each in value] if isinstance(value, list) else value


def faults_by_schema(bodies: Iterable[bytes], schemas: Mapping[str, Json]) -> list[str]:
    """What Python's jsonschema finds in the data of events, by the schema of each type."""
    # Without a package of its own jsonschema takes anything for a time.
    assert not FORMATS.conforms("2026-11-31T09:30:00.000Z", "date-time")
    validators = {name: Draft202012Validator(schema, format_checker=FORMATS) for name, schema in schemas.items()}
    found = []
    for body in bodies:
        event = json.loads(body)
        if event["type"] not in validators:
            found.append(f"{event['type']}: no schema")
            continue
        errors = validators[event["type"]].iter_errors(event["data"])
        found += [f"{event['type']} {event['id']} {error.json_path}: {error.message}" for error in errors]
    return found


def changed_by_python(bodies: Iterable[bytes]) -> dict[str, tuple[Any, Any]]:
    """What the Python SDK of CloudEvents reads, or writes again, otherwise than it came, by attribute."""
    found: dict[str, tuple[Any, Any]] = {}
    for body in bodies:
        event = json.loads(body)
        read = from_rabbitmq_event(RabbitMQMessage(headers={}, content_type=CONTENT_TYPE, body=body))
        written = json.loads(to_structured_event(read).body)
        attributes = {**read.get_attributes(), "data": read.get_data()}
        for name in event.keys() | attributes.keys() | written.keys():
            if attributes.get(name) != event.get(name):
                found[f"read {name}"] = (event.get(name), attributes.get(name))
            if written.get(name) != event.get(name):
                found[f"written {name}"] = (event.get(name), written.get(name))
    return found


def assert_all_can_read(bodies: list[bytes], schemas: Mapping[str, Json]) -> None:
    """Everybody reads ``bodies`` (structured mode) and changes nothing but what the documents say."""
    assert faults_by_schema(bodies, schemas) == []
    events = [json.loads(body) for body in bodies]
    assert ask("events.cjs", {"schemas": schemas, "events": events}) == {
        "checked": len(events),
        "faults": [],
        "changed": {},
    }
    # A moment instead of its text, and another text of the same moment (docs/outside-consumers.md).
    changed = changed_by_python(bodies)
    assert changed.keys() <= {"read time", "written time"}
    for before, after in changed.values():
        moment = after if isinstance(after, datetime) else datetime.fromisoformat(after)
        assert moment == datetime.fromisoformat(before)
