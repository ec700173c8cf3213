"""The consumer in docs/outside-consumers.md, run as it stands there: another process, pika, nothing of this project."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from jsonschema import Draft202012Validator

from deploy.local import Infrastructure
from shared.events.catalogue import TYPES
from tests.integration.backbone.stage import ROOT, Outside, Stage, mentee

pytestmark = pytest.mark.integration


DOCUMENT = ROOT / "docs/outside-consumers.md"


def lines_of_the_document() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return code


def test_the_lines_of_the_document_read_the_events(
    stage: Stage, amqp_uri: Callable[..., str], tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    code = lines_of_the_document()
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
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


@pytest.fixture
def hr_dashboard(infrastructure: Infrastructure, vhost: str) -> Iterator[str]:
    """The URI of an account with the rights that the document gives one."""
    commands = DOCUMENT.read_text().partition("## An account")[2]
    (rights,) = re.findall(r"^rabbitmqctl set_permissions -p speedmentor hr-dashboard (.*)$", commands, re.MULTILINE)
    infrastructure.broker.control("add_user", "hr-dashboard", "secret")
    infrastructure.broker.control("set_permissions", "-p", vhost, "hr-dashboard", *shlex.split(rights))
    parts = urlsplit(infrastructure.amqp_uri("launcher", vhost))
    yield parts._replace(netloc=f"hr-dashboard:secret@{parts.hostname}:{parts.port}").geturl()
    infrastructure.broker.control("delete_user", "hr-dashboard")


def test_an_event_that_is_never_acknowledged_ends_in_the_dead_letters_of_the_document(
    stage: Stage, hr_dashboard: str, eventually: Callable[..., Any]
) -> None:
    # All lines but those that consume, as the account of the document.
    os_environ = {"AMQP_URI": hr_dashboard}
    code = lines_of_the_document().partition("for method")[0].replace("os.environ", repr(os_environ))
    made: dict[str, Any] = {}
    exec(code, made)  # noqa: S102 - that is what the document asks its readers to do
    channel = made["channel"]
    for queue in ("hr-dashboard", "hr-dashboard.dead"):
        channel.queue_purge(queue)
    stage.start()
    cause = mentee()
    stage.publish([cause])
    taken = 0

    def take() -> bool:
        nonlocal taken
        method, _, _ = channel.basic_get("hr-dashboard")
        if method is not None:
            taken += 1
            channel.basic_nack(method.delivery_tag, requeue=True)
        return bool(channel.queue_declare("hr-dashboard.dead", passive=True).method.message_count)

    eventually(take, 60, "it is dead")
    assert 20 <= taken <= 22
    assert channel.basic_get("hr-dashboard")[0] is None
    _, properties, body = channel.basic_get("hr-dashboard.dead", auto_ack=True)
    assert json.loads(body)["causationid"] == cause.id
    (death,) = properties.headers["x-death"]
    assert (death["queue"], death["reason"]) == ("hr-dashboard", "delivery_limit")
    channel.connection.close()


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
