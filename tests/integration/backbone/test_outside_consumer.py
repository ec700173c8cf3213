"""The consumer in docs/outside-consumers.md, run as it stands there: another process, pika, nothing of this project."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pika
import pytest
from jsonschema import Draft202012Validator

from shared.events.catalogue import TYPES
from tests.integration.backbone.stage import ROOT, Outside, Stage, mentee

pytestmark = pytest.mark.integration


def lines_of_the_document() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/outside-consumers.md").read_text(), re.DOTALL)
    return code


def test_ten_lines_of_pika_read_the_events(
    stage: Stage, amqp_uri: Callable[..., str], tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    code = lines_of_the_document()
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    assert "shared" not in code
    (tmp_path / "consumer.py").write_text(code)
    with (tmp_path / "out").open("w") as out:
        # In a folder of its own and isolated: it cannot import this project.
        process = subprocess.Popen(
            [sys.executable, "-I", "consumer.py"],
            cwd=tmp_path,
            env={"AMQP_URI": amqp_uri(), "PATH": os.defpath},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        connection = pika.BlockingConnection(pika.URLParameters(amqp_uri()))

        def is_bound() -> bool:
            assert process.poll() is None, (tmp_path / "out").read_text()
            try:
                found = connection.channel().queue_declare("hr-dashboard", passive=True)
            except pika.exceptions.ChannelClosedByBroker:
                return False
            return bool(found.method.consumer_count)

        eventually(is_bound)
        stage.publish([mentee(), mentee(), mentee()])
        stage.start()
        eventually(lambda: len((tmp_path / "out").read_text().splitlines()) >= 3)
        for line in (tmp_path / "out").read_text().splitlines():
            time, event_type, subject, table = line.split()
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
            assert (event_type, table) == ("speedmentor.matching.meeting-assigned.v1", "jkt-1")
            assert subject
        connection.close()
    finally:
        process.kill()
        process.wait()


def test_what_comes_out_is_a_cloudevent_by_the_contract(stage: Stage, outside: Outside) -> None:
    cause = mentee()
    stage.publish([cause])
    stage.start()
    (event,) = outside.wait_for(1)
    Draft202012Validator(CLOUDEVENT).validate(event)
    Draft202012Validator(TYPES[event["type"]].json_schema()).validate(event["data"])
    assert event["causationid"] == cause.id
    assert event["correlationid"] == cause.correlationid
    assert outside.properties[0].content_type == "application/cloudevents+json; charset=utf-8"
    assert outside.properties[0].delivery_mode == 2
    assert outside.properties[0].message_id == event["id"]
    assert outside.properties[0].type == event["type"]
    assert outside.properties[0].timestamp
    json.dumps(event)


# Written from the event contract by hand, not by the code it is to check.
CLOUDEVENT: dict[str, Any] = {
    "type": "object",
    "required": [
        *("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data"),
        *("ordinal", "correlationid", "causationid", "traceparent"),
    ],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"},
        "source": {"const": "/speedmentor/matching"},
        "type": {"pattern": r"^speedmentor\.matching\.[a-z]+(-[a-z]+)+\.v[1-9]\d*$"},
        "subject": {"type": "string", "minLength": 1},
        "time": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"const": "urn:speedmentor:schema:speedmentor.matching.meeting-assigned.v1"},
        "org": {"type": "string"},
        "program": {"type": "string"},
        "site": {"type": "string"},
        "ordinal": {"type": "integer", "minimum": 1},
        "traceparent": {"pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
        "data": {"type": "object"},
    },
    # CloudEvents 1.0, section 3.1: names of attributes are lower-case letters and digits.
    "propertyNames": {"pattern": "^[a-z0-9]+$"},
}
