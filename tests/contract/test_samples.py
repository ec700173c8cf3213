"""One recorded sample of each version of each type: what has been published once stays readable.

The files in samples/ are never edited. A new version of a type gets a new one; a field added to a type does not.
"""

import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from shared.events import BadEvent, decode, encode
from shared.events.catalogue import TYPES, json_schema
from shared.events.composites import event_fields

SAMPLES = {path.stem: path for path in Path(__file__).with_name("samples").glob("*.json")}

samples = pytest.mark.parametrize("path", SAMPLES.values(), ids=SAMPLES.keys())

# CloudEvents 1.0.2, "JSON Event Format", section 3 and its schema, for the structured mode with JSON data.
CLOUD_EVENT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1, "format": "uri-reference"},
        "specversion": {"const": "1.0"},
        "type": {"type": "string", "minLength": 1},
        "subject": {"type": "string", "minLength": 1},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string", "pattern": "^application/([a-z.+-]+\\+)?json$"},
        "dataschema": {"type": "string", "minLength": 1, "format": "uri"},
        "data": True,
        # Either data or data_base64; ours are JSON.
        "data_base64": False,
    },
    # Attribute names: lower-case letters and digits, at most 20. Extensions: booleans, integers of 32 bits, strings.
    "propertyNames": {"pattern": "^[a-z0-9]{1,20}$"},
    "additionalProperties": {
        "type": ["boolean", "integer", "string"],
        "minimum": -(2**31),
        "maximum": 2**31 - 1,
        "minLength": 1,
    },
}


def test_every_type_has_a_sample_and_every_sample_a_type() -> None:
    assert SAMPLES.keys() == TYPES.keys()


@samples
def test_todays_schema_reads_it(path: Path) -> None:
    recorded = json.loads(path.read_text())
    event = decode(path.read_bytes())
    assert event.type == path.stem
    assert event.data == recorded["data"]
    assert event.key == (recorded["source"], recorded["id"])


@samples
def test_it_would_be_published_again_unchanged(path: Path) -> None:
    # Publishing refuses unknown fields: so no field that was ever published has been renamed or dropped.
    # What is withheld since then is empty, and only then.
    document = json.loads(path.read_text())
    fields = event_fields(TYPES[path.stem].data)
    withheld = {name for name in document["data"] if fields[name].withheld and document["data"][name]}
    for name in withheld:
        document["data"][name] = type(document["data"][name])()
    event = decode(path.read_bytes())
    if withheld:
        with pytest.raises(BadEvent, match="Not to be published any more"):
            encode(event)
    assert json.loads(encode(replace(event, data=document["data"]))) == document


@samples
def test_it_is_a_cloud_event(path: Path) -> None:
    document = json.loads(path.read_text())
    Draft202012Validator(CLOUD_EVENT, format_checker=FormatChecker()).validate(document)
    assert re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}\.\d{3}Z", document["time"])
    assert datetime.fromisoformat(document["time"]).utcoffset().total_seconds() == 0


@samples
def test_its_data_follow_the_schema_that_integrators_get(path: Path) -> None:
    document = json.loads(path.read_text())
    schema = json_schema(document["type"])
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == document["dataschema"]
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(document["data"])


@samples
def test_a_later_publisher_may_add_attributes_and_fields(path: Path) -> None:
    document = json.loads(path.read_text())
    document["laterextension"] = "x"
    document["data"]["later_field"] = {"anything": [1, "x"]}
    event = decode(json.dumps(document))
    assert event.subject == document["subject"]
    assert Draft202012Validator(json_schema(event.type)).is_valid(document["data"])


@samples
def test_its_subject_is_named_in_its_data(path: Path) -> None:
    document = json.loads(path.read_text())
    assert document["data"][TYPES[path.stem].subject_field] == document["subject"]
    # A log-in is of no program.
    assert document["data"].get("program_id") == document.get("program")
    assert "program" in document or path.stem == "speedmentor.registration.log-in-ended.v1"
