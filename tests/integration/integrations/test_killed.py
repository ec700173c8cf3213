"""The service as processes on the real broker, killed while it writes the log and while it replays: nothing is lost."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from deploy.local import Deployment, Infrastructure
from services.integrations.accounts.broker_account import queue_of
from services.integrations.domain.scope import Scope
from services.integrations.log import reading
from services.integrations.replay import commands, storage
from shared.events import CONTENT_TYPE, Event
from shared.extensions.deadline import Deadline
from shared.extensions.work import TracedWork
from shared.messaging.connection import connect
from shared.messaging.publisher import ConfirmedPublisher, Outcome, Outgoing
from shared.messaging.topology import EVENTS
from shared.security.principal import ORGANIZER, Principal
from shared.trace import Trace
from tests.integration.integrations.conftest import Office
from tests.integration.integrations.published import LOG, an_event

pytestmark = pytest.mark.integration

SUBJECTS, EACH = 200, 30


@pytest.fixture(scope="module")
def deployment(
    office: Office, infrastructure: Infrastructure, amqp_uri: Callable[..., str], mongo_uri: Callable[..., str]
) -> Iterator[Deployment]:
    """Two replicas of the service on the office's queues and database."""
    made = Deployment(infrastructure, {"AMQP_URI": amqp_uri("integrations"), "MONGO_URI": mongo_uri()})
    made.wait_ready(*made.start("integrations", 2))
    yield made
    made.stop_all()


@pytest.fixture(scope="module")
def published() -> list[Event]:
    """Thousands of events, of many subjects in turn, as one publisher sends them."""
    return [
        an_event("matching.meeting-assigned", ordinal, org="acme", meeting_id=f"meeting-{subject}")
        for ordinal in range(1, EACH + 1)
        for subject in range(SUBJECTS)
    ]


def publish(uri: str, events: list[Event]) -> None:
    messages = [
        Outgoing(
            EVENTS, each.type, each.body, {"content_type": CONTENT_TYPE, "delivery_mode": 2, "message_id": each.id}
        )
        for each in events
    ]
    with connect(uri, "test") as connection:
        assert set(ConfirmedPublisher(connection).publish(messages)) == {Outcome.CONFIRMED}


def logged(office: Office) -> list[dict[str, Any]]:
    """All that is in the log, read while it may still be written."""
    rows: list[dict[str, Any]] = []
    cursor, more = None, True
    while more:
        page = reading.read(office.work.database, Scope(), cursor, 500)
        rows, cursor, more = rows + page.rows, page.cursor, page.more
    return rows


def consumed(office: Office, queue: str) -> list[bytes]:
    """The bodies in a queue, which is empty afterwards."""
    found: list[bytes] = []
    with office.as_launcher() as launcher:
        channel = launcher.channel()
        channel.auto_decode = False
        channel.basic_qos(0, 2000, False)
        channel.basic_consume(queue, callback=lambda message: found.append(bytes(message.body)), no_ack=True)
        try:
            while True:
                launcher.drain_events(timeout=3)
        except TimeoutError:
            return found


def test_what_was_published_is_in_the_log_once_and_in_order_whoever_is_killed_meanwhile(
    deployment: Deployment,
    office: Office,
    published: list[Event],
    amqp_uri: Callable[..., str],
    eventually: Callable[..., object],
) -> None:
    for at in range(0, len(published), 1500):
        publish(amqp_uri(), published[at : at + 1500])
        name = f"integrations-{at // 1500 % 2 + 1}"
        seen = int(reading.end(office.work.database))
        eventually(lambda seen=seen: int(reading.end(office.work.database)) > seen, 60)
        deployment.kill(name)
        deployment.restart(name, wait=False)
    deployment.wait_ready("integrations-1", "integrations-2")
    # Some of it comes a second time, from what a killed one had in hand.
    publish(amqp_uri(), published[-50:])
    eventually(lambda: len(logged(office)) >= len(published), 90)

    def is_empty() -> bool:
        with office.as_launcher() as launcher:
            return bool(launcher.channel().queue_declare(LOG.queue, passive=True).message_count == 0)

    eventually(is_empty, 60)
    rows = logged(office)
    assert sorted(bytes(row["body"]) for row in rows) == sorted(each.body for each in published)
    positions = [row["_id"] for row in rows]
    assert positions == sorted(set(positions))
    ordinals = defaultdict(list)
    for row in rows:
        document = orjson.loads(row["body"])
        ordinals[document["subject"]].append(document["ordinal"])
    assert all(each == list(range(1, EACH + 1)) for each in ordinals.values())
    assert len(ordinals) == SUBJECTS


def test_a_replay_goes_on_where_the_process_that_did_it_was_killed(
    deployment: Deployment,
    office: Office,
    published: list[Event],
    eventually: Callable[..., object],
) -> None:
    receiver = office.add("#")
    expected = [bytes(row["body"]) for row in logged(office)]
    traced = TracedWork(office.work, "integrations", Trace.start(), Deadline(None))
    given = {"name": receiver.name, "start": "0", "types": [], "idempotency_key": None}
    view = commands.start(traced, Principal("rina", ORGANIZER, "acme"), given)

    def row() -> dict[str, Any]:
        return storage.find(office.work.database, view["replay_id"]) or {}

    def holder() -> str:
        found = office.work.database["leases"].find_one({"_id": "replays"}) or {}
        process = str(found.get("holder", "")).split(":")[1:2]
        daemons = deployment.infrastructure.state.daemons
        return next((name for name in deployment.names if str(daemons[name].pid) in process), "")

    killed = eventually(holder, 30, "somebody replays")
    deployment.kill(str(killed))
    eventually(lambda: row()["state"] == storage.DONE, 60, "another one goes on")
    assert holder() != killed or row()["sent"] >= len(expected)
    bodies = consumed(office, queue_of(receiver.name))
    assert list(dict.fromkeys(bodies)) == expected
    deployment.restart(str(killed))
