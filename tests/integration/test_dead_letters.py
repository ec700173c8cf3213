"""The operator's commands for dead letters, with the operator's account, on the real broker."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from amqp import Message
from click.testing import CliRunner, Result
from kombu import Connection

from deploy.local.waiting import eventually
from shared.cli import main
from shared.events import CONTENT_TYPE, Event, encode, seal
from shared.events.envelope import NewEvent
from shared.ids import new_id
from shared.messaging.connection import connect
from shared.messaging.delivery import ATTEMPTS, Delivery
from shared.messaging.publisher import ConfirmedPublisher, Outcome
from shared.messaging.topology import RETRY_DELAYS, declare, subscription
from shared.operations.dead_letters import count_of

pytestmark = pytest.mark.integration

MEETINGS = subscription("feedback", "meetings")
PARTICIPANTS = subscription("matching", "participants")


@pytest.fixture
def connection(amqp_uri: Callable[..., str]) -> Iterator[Connection]:
    with connect(amqp_uri(), "test-dead-letters") as opened:
        declare(opened)
        yield opened
        with opened.connection.channel() as channel:
            for each in (MEETINGS, PARTICIPANTS):
                channel.queue_purge(each.queue)
                channel.queue_purge(each.dead)


@pytest.fixture
def command(amqp_uri: Callable[..., str]) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["dead-letters", *arguments, "--amqp-uri", amqp_uri("operator")])

    return run


def _event() -> Event:
    program = new_id()
    new = NewEvent("registration.program-cancelled", program, {"program_id": program, "reason": "test"})
    return seal(new, id=new_id(), ordinal=1, time=datetime.now(UTC), correlationid="request-1")


def _kill(connection: Connection, body: bytes, message_id: str, where: Any = PARTICIPANTS) -> None:
    """Have ``body`` fail as often as it takes, by the code that the consumers have for it."""
    properties = {"content_type": CONTENT_TYPE, "message_id": message_id}
    delivery = Delivery(1, body, properties, {"x-own": "kept"})
    for _ in range(len(RETRY_DELAYS) + 1):
        try:
            raise RuntimeError("the handler stumbled")
        except RuntimeError as error:
            outgoing, reason = delivery.after_failure(where, error)
        delivery = Delivery(1, body, dict(outgoing.properties), dict(outgoing.properties["application_headers"]))
    assert reason == "handler-failed"
    assert ConfirmedPublisher(connection).publish([outgoing]) == [Outcome.CONFIRMED]


def wait_for_count(connection: Connection, queue: str, count: int) -> None:
    """Wait until so many wait in ``queue``: what a command has looked at goes back a moment after it has ended."""
    eventually(lambda: count_of(connection, queue) == count, what=f"{count} in {queue}")


def test_what_is_dead_is_listed_and_shown_and_stays(connection: Connection, command: Callable[..., Result]) -> None:
    event = _event()
    _kill(connection, encode(event), event.id)
    for _ in range(3):
        wait_for_count(connection, PARTICIPANTS.dead, 1)
        listed = json.loads(command("list", "--json").stdout)
        (pile,) = [each for each in listed if each["count"]]
        assert (pile["queue"], pile["count"], pile["oldest"]["reason"]) == (PARTICIPANTS.queue, 1, "handler-failed")
    wait_for_count(connection, PARTICIPANTS.dead, 1)
    (shown,) = json.loads(command("show", event.id, "--json").stdout)
    assert shown["event"] == json.loads(encode(event))
    assert (shown["attempts"], shown["correlationid"]) == (len(RETRY_DELAYS) + 1, "request-1")
    assert shown["first_failed"] <= shown["last_failed"]
    assert "the handler stumbled" in shown["trace"]
    wait_for_count(connection, PARTICIPANTS.dead, 1)
    text = command("show").stdout
    assert event.id in text
    assert "handler-failed" in text


def test_what_is_sent_back_begins_anew_where_it_failed(connection: Connection, command: Callable[..., Result]) -> None:
    events = [_event() for _ in range(3)]
    for each in events:
        _kill(connection, encode(each), each.id)
    wait_for_count(connection, PARTICIPANTS.dead, 3)
    done = command("requeue", events[1].id)
    assert (done.exit_code, done.stdout) == (0, "1 sent back\n")
    with connection.connection.channel() as channel:
        message = channel.basic_get(PARTICIPANTS.queue, no_ack=True)
        headers = message.properties["application_headers"]
        assert json.loads(message.body)["id"] == events[1].id
        assert (message.properties["message_id"], message.properties["content_type"]) == (events[1].id, CONTENT_TYPE)
        assert ATTEMPTS not in headers
        assert headers["x-own"] == "kept"
    wait_for_count(connection, PARTICIPANTS.dead, 2)
    assert command("requeue", "--all").stdout == "2 sent back\n"
    wait_for_count(connection, PARTICIPANTS.queue, 2)
    wait_for_count(connection, PARTICIPANTS.dead, 0)


def test_only_what_is_named_is_dropped_and_only_with_yes(
    connection: Connection, command: Callable[..., Result]
) -> None:
    event = _event()
    _kill(connection, encode(event), event.id)
    _kill(connection, b"no event at all", "stray", MEETINGS)
    wait_for_count(connection, PARTICIPANTS.dead, 1)
    wait_for_count(connection, MEETINGS.dead, 1)
    assert command("drop", event.id).exit_code == 2
    wait_for_count(connection, PARTICIPANTS.dead, 1)
    assert command("drop", "--all", "--yes", "--queue", MEETINGS.queue).stdout == "1 dropped\n"
    wait_for_count(connection, MEETINGS.dead, 0)
    done = command("drop", event.id, "unknown", "--yes")
    assert done.exit_code == 1
    assert "unknown" in done.stderr
    assert event.id not in done.stderr
    wait_for_count(connection, PARTICIPANTS.dead, 0)


def test_what_brings_no_id_and_is_no_text_can_still_be_shown_and_chosen(
    connection: Connection, command: Callable[..., Result]
) -> None:
    with connection.connection.channel() as channel:
        channel.confirm_select()
        channel.basic_publish_confirm(Message(b"\xff\x00garbage"), MEETINGS.exchange, MEETINGS.dead)
    wait_for_count(connection, MEETINGS.dead, 1)
    (shown,) = json.loads(command("show", "--json").stdout)
    assert (shown["event"], shown["reason"], shown["type"]) == (None, "unknown", "?")
    assert "garbage" in shown["body"]
    wait_for_count(connection, MEETINGS.dead, 1)
    assert command("drop", shown["id"], "--yes").exit_code == 0
    wait_for_count(connection, MEETINGS.dead, 0)


def test_wrong_usage_and_failure_are_told_apart(command: Callable[..., Result], connection: Connection) -> None:
    assert command("requeue").exit_code == 2
    assert command("requeue", "--all", "some-id").exit_code == 2
    assert command("show", "no-such-id").exit_code == 1
    away = CliRunner().invoke(main, ["dead-letters", "list", "--amqp-uri", "amqp://nobody:x@127.0.0.1:1/x"])
    assert away.exit_code == 1
    assert "broker" in away.stderr
    said = command("drop", "--all", "--language", "id")
    assert said.exit_code == 2
    assert "hilang untuk selamanya" in said.stderr
