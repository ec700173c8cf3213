"""The consumer in docs/outside-consumers.md, run as it stands there: another process, pika, nothing of this project."""

import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from jsonschema import Draft202012Validator

from deploy.local import Infrastructure
from services.integrations import store
from services.integrations.accounts.broker_account import user_of
from shared.events.catalogue import TYPES
from shared.storage.unit_of_work import UnitOfWork
from tests.integration.backbone.stage import ROOT, Outside, Stage, mentee
from tests.integration.integrations.conftest import Office

pytestmark = pytest.mark.integration


DOCUMENT = ROOT / "docs/outside-consumers.md"


def lines_of_the_document() -> str:
    code, *_ = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(code)


@pytest.fixture
def hr_dashboard(
    infrastructure: Infrastructure, vhost: str, stage: Stage, own_unit_of_work: Callable[..., UnitOfWork]
) -> Iterator[str]:
    """The URI of an account as the document's command makes it."""
    office = Office(own_unit_of_work("integrations", store.prepare), infrastructure, vhost)
    made = office.add("matching.meeting-assigned", name=f"hr-{uuid.uuid4().hex[:8]}")
    parts = urlsplit(infrastructure.amqp_uri("launcher", vhost))
    login = f"{user_of(made.name, 1)}:{made.secret.password}"
    yield parts._replace(netloc=f"{login}@{parts.hostname}:{parts.port}").geturl()
    office.remove(made.name)
    office.reconciler().settle([made.name])


def queue_at(uri: str) -> str:
    return "integrator." + (urlsplit(uri).username or "").removeprefix("integrator-")


def test_the_lines_of_the_document_read_the_events(
    stage: Stage, hr_dashboard: str, tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    code = lines_of_the_document().replace("integrator.hr-dashboard", queue_at(hr_dashboard))
    assert len([line for line in code.splitlines() if line.strip()]) <= 8
    assert "shared" not in code
    (tmp_path / "consumer.py").write_text(code)
    with (tmp_path / "out").open("w") as out:
        # In a folder of its own and isolated: it cannot import this project.
        process = subprocess.Popen(
            [sys.executable, "-I", "consumer.py"],
            cwd=tmp_path,
            env={"SPEEDMENTOR_AMQP_URI": hr_dashboard, "PATH": os.defpath},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        stage.publish([mentee(), mentee(), mentee()])
        stage.start()

        def heard() -> bool:
            assert process.poll() is None, (tmp_path / "out").read_text()
            return len((tmp_path / "out").read_text().splitlines()) >= 3

        eventually(heard)
        for line in (tmp_path / "out").read_text().splitlines():
            time, event_type, subject, ordinal = line.split()
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
            assert (event_type, ordinal) == ("speedmentor.matching.meeting-assigned.v1", "1")
            assert subject
    finally:
        process.kill()
        process.wait()


def test_an_event_that_is_never_acknowledged_ends_in_the_dead_letters_of_the_document(
    stage: Stage, hr_dashboard: str, eventually: Callable[..., Any]
) -> None:
    queue = queue_at(hr_dashboard)
    channel = pika.BlockingConnection(pika.URLParameters(hr_dashboard)).channel()
    stage.start()
    cause = mentee()
    stage.publish([cause])
    taken = 0

    def take() -> bool:
        nonlocal taken
        method, _, _ = channel.basic_get(queue)
        if method is not None:
            taken += 1
            channel.basic_nack(method.delivery_tag, requeue=True)
        return bool(channel.queue_declare(f"{queue}.dead", passive=True).method.message_count)

    eventually(take, 60, "it is dead")
    assert 20 <= taken <= 22
    assert channel.basic_get(queue)[0] is None
    _, properties, body = channel.basic_get(f"{queue}.dead", auto_ack=True)
    assert json.loads(body)["causationid"] == cause.id
    (death,) = properties.headers["x-death"]
    assert (death["queue"], death["reason"]) == (queue, "delivery_limit")
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
