"""Replays on the real broker: to one integrator alone, within its scope, in order, and on from where one was killed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from pymongo.database import Database

from services.integrations.accounts.broker_account import queue_of
from services.integrations.accounts.storage import scope_of
from services.integrations.domain.scope import Scope
from services.integrations.log import reading, writing
from services.integrations.replay import commands, job, storage
from services.integrations.replay.job import Replayer
from shared.clock import wall_clock
from shared.extensions.deadline import Deadline
from shared.extensions.work import TracedWork
from shared.faults import Conflict, Invalid, NotFound
from shared.ids import new_id
from shared.messaging.connection import connect
from shared.messaging.topology import SUBSCRIPTIONS
from shared.security.principal import ORGANIZER, Principal
from shared.trace import Trace
from tests.integration.integrations.conftest import Integrator, Office
from tests.integration.integrations.published import an_event, take_in

pytestmark = pytest.mark.integration

ORGANIZER_OF_ALL = Principal("rina", ORGANIZER, "acme")


@pytest.fixture
def log(office: Office) -> list[bytes]:
    """What is in the log: sixty events of two programs, after whatever earlier tests have left there."""
    events = []
    for number in range(20):
        events += [
            an_event("registration.mentor-registered", program=f"p-{number % 2}", org="acme"),
            an_event("matching.meeting-assigned", program=f"p-{number % 2}", org="acme"),
            an_event("matching.plan-published", program=f"p-{number % 2}", org="other"),
        ]
    take_in(office.work, *events)
    return [each.body for each in events]


@pytest.fixture
def traced(office: Office) -> TracedWork:
    return TracedWork(office.work, "integrations", Trace.start(), Deadline(None))


def start(traced: TracedWork, to: Integrator, start: str = "0", *types: str, key: str | None = None) -> str:
    given = {"name": to.name, "start": start, "types": list(types), "idempotency_key": key}
    return str(commands.start(traced, ORGANIZER_OF_ALL, given)["replay_id"])


@contextmanager
def replaying(office: Office, amqp_uri: Callable[..., str], holder: str = "one") -> Iterator[Replayer]:
    """A replica that replays."""
    replayer = Replayer(office.work.database, amqp_uri("integrations"), holder)
    thread = threading.Thread(target=replayer.run)
    thread.start()
    try:
        yield replayer
    finally:
        replayer.stop()
        thread.join(30)


def state(office: Office, replay_id: str) -> str:
    row = storage.find(office.work.database, replay_id)
    assert row is not None
    return str(row["state"])


def drained(office: Office, name: str) -> list[Any]:
    """The messages in an integrator's queue, which is empty afterwards."""
    found = []
    with office.as_launcher() as launcher:
        channel = launcher.channel()
        channel.auto_decode = False
        while (message := channel.basic_get(queue_of(name), no_ack=True)) is not None:
            found.append(message)
    return found


def test_an_integrator_alone_gets_again_what_is_in_its_scope_as_it_was_published(
    office: Office,
    log: list[bytes],
    traced: TracedWork,
    amqp_uri: Callable[..., str],
    eventually: Callable[..., object],
) -> None:
    receiver, other = office.add("matching.#", "registration.mentor-registered"), office.add("#")
    before = int(reading.end(office.work.database)) - len(log)
    replay_id = start(traced, receiver, str(before))
    with replaying(office, amqp_uri):
        eventually(lambda: state(office, replay_id) == storage.DONE)
    messages = drained(office, receiver.name)
    expected = [body for body in log if orjson.loads(body)["org"] == "acme"]
    assert [bytes(each.body) for each in messages] == expected
    for each, body in zip(messages, expected, strict=True):
        document = orjson.loads(body)
        assert (each.properties["message_id"], each.properties["type"]) == (document["id"], document["type"])
        assert each.properties["content_type"] == "application/cloudevents+json; charset=utf-8"
        assert each.properties["application_headers"][job.HEADER] == replay_id
        assert each.delivery_info["routing_key"] == document["type"]
    assert drained(office, other.name) == []
    with office.as_launcher() as launcher:
        for subscription in SUBSCRIPTIONS:
            assert launcher.channel().queue_declare(subscription.queue, passive=True).message_count == 0
    view = commands.get(traced, ORGANIZER_OF_ALL, replay_id)
    assert (view["state"], view["sent"], view["looked_at"], view["of"]) == ("done", 40, 60, 60)


def test_only_some_types_and_only_programs_of_the_scope_come(
    office: Office,
    log: list[bytes],
    traced: TracedWork,
    amqp_uri: Callable[..., str],
    eventually: Callable[..., object],
) -> None:
    receiver = office.add("#", programs=["p-1"])
    before = str(int(reading.end(office.work.database)) - len(log))
    replay_id = start(traced, receiver, before, "*.meeting-assigned")
    with replaying(office, amqp_uri):
        eventually(lambda: state(office, replay_id) == storage.DONE)
    documents = [orjson.loads(bytes(each.body)) for each in drained(office, receiver.name)]
    assert {(each["type"], each["program"]) for each in documents} == {
        ("speedmentor.matching.meeting-assigned.v1", "p-1")
    }
    assert len(documents) == 10


def test_a_replay_begins_at_a_time(
    office: Office, traced: TracedWork, amqp_uri: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = office.add("#")
    later = (wall_clock() + timedelta(hours=1)).replace(microsecond=0)
    times = [later + timedelta(minutes=number // 3) for number in range(30)]
    first = int(reading.end(office.work.database)) + 1
    for at in times:
        monkeypatch.setattr(writing, "wall_clock", lambda at=at: at)
        take_in(office.work, an_event("matching.plan-published", org="acme"))
    for minute in (0, 4, 9, 10):
        moment = later + timedelta(minutes=minute)
        replay_id = start(traced, receiver, moment.isoformat())
        row = storage.find(office.work.database, replay_id)
        assert row is not None
        assert row["after"] == first - 1 + 3 * minute
        storage.end(office.work.database, replay_id, storage.CANCELLED, later)
    replay_id = start(traced, receiver, "1999-12-31")
    row = storage.find(office.work.database, replay_id)
    assert row is not None
    assert str(row["after"]) == reading.beginning(office.work.database)
    storage.end(office.work.database, replay_id, storage.CANCELLED, later)


class Killed(BaseException):
    """As if the process had ended here."""


def test_who_is_killed_while_replaying_is_taken_over_from_and_nothing_is_lost(
    office: Office,
    traced: TracedWork,
    amqp_uri: Callable[..., str],
    eventually: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = [an_event("matching.meeting-assigned", org="acme") for _ in range(300)]
    receiver = office.add("#")
    take_in(office.work, *events)
    monkeypatch.setattr(job, "PAGE", 20)
    monkeypatch.setattr(job, "NOTE", 0.0)
    monkeypatch.setattr(job, "LEASE_SECONDS", 1.0)
    before = str(int(reading.end(office.work.database)) - len(events))
    replay_id = start(traced, receiver, before)
    asked = 0

    def dying(database: Database[dict[str, Any]], name: str) -> Scope | None:
        nonlocal asked
        asked += 1
        if asked == 8:
            raise Killed
        return scope_of(database, name)

    first = Replayer(office.work.database, amqp_uri("integrations"), "first", dying)
    with pytest.raises(Killed):
        first.work()
    row = storage.find(office.work.database, replay_id)
    assert row is not None
    assert 0 < row["sent"] < 300
    with replaying(office, amqp_uri, "second"):
        eventually(lambda: state(office, replay_id) == storage.DONE)
    bodies = [bytes(each.body) for each in drained(office, receiver.name)]
    # Each once at least, in order, and what came twice comes in one piece from where it was written down.
    assert list(dict.fromkeys(bodies)) == [each.body for each in events]
    assert 300 <= len(bodies) <= 300 + 8 * 20


def test_what_is_written_down_is_behind_what_the_broker_has_confirmed(
    office: Office, log: list[bytes], traced: TracedWork, amqp_uri: Callable[..., str]
) -> None:
    receiver = office.add("#")
    replay_id = start(traced, receiver)
    row = storage.find(office.work.database, replay_id)
    assert row is not None
    replayer = Replayer(office.work.database, amqp_uri("integrations"), "one")
    with connect(amqp_uri("integrations"), "test") as connection:
        turn = job._Turn(replayer, connection, row)
        # Three pages are sent, of which the broker has confirmed the first and half of the second.
        turn._unconfirmed.extend([(10, 12, 10), (20, 25, 10), (30, 36, 10)])
        turn._note(15, now=True)
        found = storage.find(office.work.database, replay_id)
        assert found is not None
        assert (found["position"], found["sent"]) == (12, 10)
        turn._note(30, now=True)
        found = storage.find(office.work.database, replay_id)
        assert found is not None
        assert (found["position"], found["sent"]) == (36, 30)
    storage.end(office.work.database, replay_id, storage.CANCELLED, wall_clock())


def test_one_that_is_cancelled_ends_and_another_may_begin(
    office: Office, log: list[bytes], traced: TracedWork, amqp_uri: Callable[..., str]
) -> None:
    receiver = office.add("#")
    replay_id = start(traced, receiver, key="k")
    assert start(traced, receiver, key="k") == replay_id
    with pytest.raises(Conflict, match="under way"):
        start(traced, receiver)
    given = {"replay_id": replay_id, "idempotency_key": None}
    assert commands.cancel(traced, ORGANIZER_OF_ALL, given)["state"] == "cancelled"
    assert not Replayer(office.work.database, amqp_uri("integrations"), "one").work()
    assert drained(office, receiver.name) == []
    another = start(traced, receiver)
    assert [each["replay_id"] for each in commands.listed(traced, ORGANIZER_OF_ALL, receiver.name)] == [
        another,
        replay_id,
    ]
    storage.end(office.work.database, another, storage.CANCELLED, wall_clock())


def test_a_replay_that_is_cancelled_on_its_way_sends_no_more(
    office: Office, traced: TracedWork, amqp_uri: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = office.add("#")
    take_in(office.work, *(an_event("matching.plan-published", org="acme") for _ in range(100)))
    monkeypatch.setattr(job, "PAGE", 10)
    monkeypatch.setattr(job, "NOTE", 0.0)
    replay_id = start(traced, receiver, str(int(reading.end(office.work.database)) - 100))
    asked = 0

    def cancelling(database: Database[dict[str, Any]], name: str) -> Scope | None:
        nonlocal asked
        asked += 1
        if asked == 4:
            storage.end(database, replay_id, storage.CANCELLED, wall_clock())
        return scope_of(database, name)

    Replayer(office.work.database, amqp_uri("integrations"), "one", cancelling).work()
    assert 30 <= len(drained(office, receiver.name)) <= 50
    assert state(office, replay_id) == storage.CANCELLED


def test_a_queue_that_nobody_reads_is_not_filled_until_it_drops_what_is_oldest(
    office: Office,
    log: list[bytes],
    traced: TracedWork,
    amqp_uri: Callable[..., str],
    eventually: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full, other = office.add("#"), office.add("#")
    monkeypatch.setattr(job, "PAGE", 5)
    monkeypatch.setattr(job, "FULL", 25)
    monkeypatch.setattr(job, "FULLNESS", 0.0)
    # So that the queue has what was sent when it is looked at.
    monkeypatch.setattr(job, "WINDOW", 1)
    before = str(int(reading.end(office.work.database)) - len(log))
    waiting = start(traced, full, before)

    def sent() -> int:
        return int((storage.find(office.work.database, waiting) or {})["sent"])

    with replaying(office, amqp_uri):
        eventually(lambda: sent() > 25)
        # Another one does not wait for it.
        second = start(traced, other, before, "matching.meeting-assigned")
        eventually(lambda: state(office, second) == storage.DONE)
        assert (state(office, waiting), sent() < 40) == (storage.RUNNING, True)
        # Once its owner reads, it goes on.
        found = drained(office, full.name)
        eventually(lambda: state(office, waiting) == storage.DONE)
    assert len(found) + len(drained(office, full.name)) == 40
    assert len(drained(office, other.name)) == 20


@pytest.mark.parametrize("begin", ["yesterday", "2026-11-24T09:30:00", "-1", "1.5", "", "2026-13-01", "9" * 18])
def test_where_a_replay_cannot_begin_is_named(office: Office, log: list[bytes], traced: TracedWork, begin: str) -> None:
    receiver = office.add("#")
    with pytest.raises(Invalid) as refused:
        start(traced, receiver, begin)
    assert [each.field for each in refused.value.problems] == ["/start"]


def test_nobody_elses_integrators_and_nobody_without_right_are_told_of_replays(
    office: Office, log: list[bytes], traced: TracedWork
) -> None:
    receiver = office.add("#")
    replay_id = start(traced, receiver)
    stranger = Principal("x", ORGANIZER, "elsewhere")
    for ask in (
        lambda: commands.get(traced, stranger, replay_id),
        lambda: commands.listed(traced, stranger, receiver.name),
        lambda: commands.start(
            traced, stranger, {"name": receiver.name, "start": "0", "types": [], "idempotency_key": None}
        ),
        lambda: commands.get(traced, ORGANIZER_OF_ALL, new_id()),
        lambda: commands.listed(traced, ORGANIZER_OF_ALL, "nobody"),
    ):
        with pytest.raises(NotFound):
            ask()
    storage.end(office.work.database, replay_id, storage.CANCELLED, datetime.now(UTC))


def test_the_replay_to_an_integrator_that_is_removed_ends(
    office: Office, log: list[bytes], traced: TracedWork, amqp_uri: Callable[..., str]
) -> None:
    receiver = office.add("#")
    replay_id = start(traced, receiver)
    office.remove(receiver.name)
    Replayer(office.work.database, amqp_uri("integrations"), "one").work()
    row = storage.find(office.work.database, replay_id)
    assert row is not None
    assert (row["state"], row["why"]) == ("failed", "integrator-removed")
