"""The examples that keep every event in a file, on the real broker and with an integrator's rights."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from kombu import Connection

from deploy.local import Infrastructure
from deploy.local.space import CHECKOUT
from shared.events import Event, encode
from tests.histories import example, history
from tests.integration.consumers.conftest import DEAD, EXAMPLES, QUEUE, RESTART, Consumer

pytestmark = pytest.mark.integration

SCRIPTS = ["with-kombu/consumer.py", "with-faststream/consumer.py", "with-node/consumer.cjs"]
IDLE = ("--idle", "1.5")


@pytest.fixture(scope="module")
def account(infrastructure: Infrastructure, vhost: str) -> Iterator[str]:
    """The URI of an account with an integrator's rights: it may declare nothing and publish nothing."""
    infrastructure.broker.control("add_user", "integrator-example", "secret")
    own = rf"^{re.escape(QUEUE)}$"
    read = rf"^({re.escape(QUEUE)}|{re.escape(DEAD)}|speedmentor\.events)$"
    infrastructure.broker.control("set_permissions", "-p", vhost, "integrator-example", "^$", own, read)
    parts = urlsplit(infrastructure.amqp_uri("launcher", vhost))
    yield parts._replace(netloc=f"integrator-example:secret@{parts.hostname}:{parts.port}").geturl()
    infrastructure.broker.control("delete_user", "integrator-example")


@pytest.fixture(params=SCRIPTS, ids=lambda script: script.partition("/")[0])
def keeper(request: pytest.FixtureRequest, consumer: Callable[..., Consumer], account: str) -> Consumer:
    return consumer(request.param, SPEEDMENTOR_AMQP_URI=account)


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """What is in the file."""

    def read() -> list[dict[str, Any]]:
        path = tmp_path / "consumer.sqlite"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    return read


def happened(many: int) -> list[Event]:
    return history(example("matching.meeting-assigned", f"meeting-{number}", table="jkt-1") for number in range(many))


def as_published(events: list[Event]) -> list[dict[str, Any]]:
    return [json.loads(encode(each)) for each in events]


def test_every_event_is_kept_once_and_as_it_was_published(
    keeper: Consumer, kept: Callable[[], list[dict[str, Any]]]
) -> None:
    events = happened(20)
    keeper.publish([*events, *events[5:9]])
    keeper.run(*IDLE)
    assert kept() == as_published(events)
    assert keeper.waiting() == 0


def test_it_goes_on_where_it_was(keeper: Consumer, kept: Callable[[], list[dict[str, Any]]]) -> None:
    events = happened(30)
    keeper.publish(events[:12])
    keeper.run(*IDLE)
    keeper.publish(events[8:])
    keeper.run(*IDLE)
    assert kept() == as_published(events)


def test_killed_in_the_middle_it_loses_nothing_and_keeps_nothing_twice(
    keeper: Consumer, kept: Callable[[], list[dict[str, Any]]], tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    events = happened(400)
    keeper.publish(events)
    process = keeper.start()
    eventually(lambda: (tmp_path / "consumer.sqlite").exists() and len(kept_lines(tmp_path)) > 20, 30, "it keeps some")
    process.kill()
    process.communicate(timeout=30)
    # As if it had been killed while it wrote.
    with (tmp_path / "consumer.sqlite").open("ab") as file:
        file.write(b'{"source": "/speedmentor/matching", "id": "ha')
    keeper.run(*IDLE)
    assert kept() == as_published(events)
    assert (keeper.waiting(), keeper.waiting(DEAD)) == (0, 0)


def kept_lines(tmp_path: Path) -> list[str]:
    return (tmp_path / "consumer.sqlite").read_text(encoding="utf-8").splitlines()


def test_it_outlives_a_restart_of_the_broker(
    keeper: Consumer,
    kept: Callable[[], list[dict[str, Any]]],
    infrastructure: Infrastructure,
    eventually: Callable[..., Any],
) -> None:
    events = happened(40)
    process = keeper.start()
    try:
        keeper.publish(events[:20])
        eventually(lambda: len(kept()) >= 20, 30, "it listens")
        infrastructure.restart_broker()
        eventually(lambda: keeper.published(events[20:]), RESTART, "all queues are back")
        eventually(lambda: len(kept()) == len(events), RESTART, "it listens again")
        assert process.poll() is None
    finally:
        process.terminate()
        said = process.communicate(timeout=30)
    # What the broker refused at first was published again, and with it what it had taken.
    assert sorted(kept(), key=repr) == sorted(as_published(events), key=repr), said
    assert process.returncode == 0, said


def test_what_cannot_be_handled_ends_in_the_dead_letters_and_holds_nothing_up(
    keeper: Consumer, kept: Callable[[], list[dict[str, Any]]], amqp_uri: Callable[..., str]
) -> None:
    events = happened(6)
    bodies = as_published(events)
    without_time = {**bodies[2], "id": "without-time"}
    del without_time["time"], without_time["subject"]
    no_event = {"type": "speedmentor.matching.meeting-assigned.v1", "id": "no-event"}
    keeper.publish([*events[:3], json.dumps(without_time).encode(), json.dumps(no_event).encode(), *events[3:]])
    keeper.run(*IDLE)
    assert sorted(each["id"] for each in kept()) == sorted(each["id"] for each in bodies)
    assert keeper.waiting() == 0
    reasons = {}
    with Connection(amqp_uri()) as connection, connection.channel() as channel:
        while (message := channel.basic_get(DEAD, no_ack=True)) is not None:
            (death,) = message.headers["x-death"]
            reasons[json.loads(message.body)["id"]] = (death["queue"], death["reason"])
    assert reasons == {"without-time": (QUEUE, "delivery_limit"), "no-event": (QUEUE, "rejected")}


def test_what_the_examples_need_is_pinned_to_what_is_tried_here() -> None:
    locked = set(re.findall(r"^(\S+==\S+)", (CHECKOUT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE))
    for path in EXAMPLES.glob("*/requirements.txt"):
        for line in path.read_text(encoding="utf-8").split():
            assert re.sub(r"\[.*\]", "", line) in locked, path
