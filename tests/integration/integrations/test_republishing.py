"""Given integrators with programs, when events are logged, then each hears what is in its scope, in order and at least
once, whatever dies; and a consumer that does not acknowledge stops nobody else.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest

from services.integrations.accounts import republishing
from services.integrations.accounts.broker_account import exchange_of, queue_of
from services.integrations.accounts.republishing import Republisher
from shared.events import Event, decode
from tests.integration.integrations.conftest import Integrator, Office
from tests.integration.integrations.published import an_event, take_in

pytestmark = pytest.mark.integration


def event(number: int, program: str | None, name: str = "matching.plan-published") -> Event:
    document = {**orjson.loads(an_event(name).body), "id": f"e-{number}-{program}", "ordinal": number + 1}
    document.pop("program", None)
    if program is not None:
        document["program"] = program
    return decode(orjson.dumps(document))


@pytest.fixture
def one(office: Office) -> Iterator[Integrator]:
    made = office.add("matching.#", programs=["p-1", "p-2"])
    office.work.transact(lambda transaction: republishing.begin(transaction, made.name))
    yield made
    office.work.transact(lambda transaction: republishing.forget(transaction, made.name))
    office.remove(made.name)
    office.reconciler().settle([made.name])


@contextmanager
def running(office: Office, *holders: str, kind: type[Republisher] = Republisher) -> Iterator[list[Republisher]]:
    uri = office.infrastructure.amqp_uri("integrations", office.vhost)
    made = [kind(office.work.database, uri, holder) for holder in holders]
    threads = [threading.Thread(target=each.run) for each in made]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        for each in made:
            each.stop()
        for thread in threads:
            thread.join(20)


def taken(office: Office, one: Integrator) -> list[str]:
    """Ids of what is in the queue, in its order; it is empty afterwards."""
    found = []
    with office.connect(one) as connection:
        channel = connection.channel()
        while (message := channel.basic_get(queue_of(one.name), no_ack=True)) is not None:
            assert message.delivery_info["exchange"] == exchange_of(one.name)
            assert message.delivery_info["routing_key"] == message.properties["type"]
            assert message.properties["message_id"] == orjson.loads(message.body)["id"]
            found.append(str(message.properties["message_id"]))
    return found


def position(office: Office, one: Integrator) -> int:
    row = office.work.database[republishing.POSITIONS].find_one({"_id": one.name})
    assert row is not None
    return int(row["position"])


def end(office: Office) -> int:
    row = office.work.database["heads"].find_one({"_id": "log"})
    return int(row["position"]) if row else 0


def test_only_what_is_in_the_scope_comes_in_the_order_of_the_log(
    office: Office, one: Integrator, eventually: Callable[..., Any]
) -> None:
    events = [
        *(event(number, f"p-{number % 3}") for number in range(30)),
        event(100, None),
        event(101, "p-1", "registration.program-cancelled"),
    ]
    with running(office, "a", "b"):
        for at in range(0, len(events), 5):
            take_in(office.work, *events[at : at + 5])
        eventually(lambda: position(office, one) == end(office))
    assert taken(office, one) == [f"e-{number}-p-{number % 3}" for number in range(30) if number % 3]


class Dying(Republisher):
    """Dies after the broker has taken a page, and before it writes that down, at every third page."""

    pages = 0

    def _move(self, name: str, position: int) -> None:
        type(self).pages += 1
        if self.pages % 3 == 0:
            raise ConnectionError("killed")
        super()._move(name, position)


def test_who_dies_between_publishing_and_writing_that_down_repeats_and_loses_nothing(
    office: Office, one: Integrator, eventually: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(republishing, "PAGE", 7)
    take_in(office.work, *(event(number, "p-1") for number in range(1000, 1100)))
    with running(office, "c", kind=Dying):
        eventually(lambda: position(office, one) == end(office))
    heard = taken(office, one)
    assert list(dict.fromkeys(heard)) == [f"e-{number}-p-1" for number in range(1000, 1100)]
    assert len(heard) > 100


def test_one_that_was_held_up_cannot_move_a_position_back(office: Office, one: Integrator) -> None:
    uri = office.infrastructure.amqp_uri("integrations", office.vhost)
    old, young = (Republisher(office.work.database, uri, holder) for holder in ("old", "young"))
    old._token, young._token = 3, 4
    young._move(one.name, 50)
    with pytest.raises(republishing.NotOurs):
        old._move(one.name, 10)
    assert position(office, one) == 50


def test_who_loses_its_turn_leaves_it_to_another(
    office: Office, one: Integrator, eventually: Callable[..., Any]
) -> None:
    with running(office, "first"):
        take_in(office.work, event(200, "p-1"))
        eventually(lambda: position(office, one) == end(office))
    with running(office, "second"):
        take_in(office.work, event(201, "p-2"))
        eventually(lambda: position(office, one) == end(office))
    assert taken(office, one) == ["e-200-p-1", "e-201-p-2"]
