"""Given documents of integrators, when the broker is made so, then it has all of each or nothing, whatever dies."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from amqp import Message
from amqp.exceptions import AccessRefused, ConnectionForced, NotFound

from services.integrations.accounts import broker_account, storage
from services.integrations.accounts.broker_account import queue_of, user_of
from services.integrations.accounts.management_api import ManagementApi
from services.integrations.accounts.secrets import digest
from services.integrations.domain.scope import Scope
from shared.messaging.topology import EVENTS
from tests.integration.integrations.conftest import Integrator, Office

pytestmark = pytest.mark.integration

KEY = "speedmentor.registration.mentor-registered.v1"


class Killed(BaseException):
    """As if the process had ended here."""


class Dying(ManagementApi):
    """An API whose caller dies before its change number ``most``, or right after it."""

    def __init__(self, api: ManagementApi, most: int, after: bool) -> None:
        self.__dict__.update(api.__dict__)
        self.left, self.after = most, after

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        if method == "GET":
            return super()._call(method, path, body)
        self.left -= 1
        if self.left < 0 and not self.after:
            raise Killed
        answer = super()._call(method, path, body)
        if self.left <= 0 and self.after:
            raise Killed
        return answer


def publish(office: Office, *keys: str) -> None:
    with office.as_launcher() as launcher:
        channel = launcher.channel()
        channel.confirm_select()
        for key in keys:
            channel.basic_publish_confirm(Message("{}", delivery_mode=2), EVENTS, key)


def waiting(office: Office, queue: str) -> int:
    with office.as_launcher() as launcher:
        return int(launcher.channel().queue_declare(queue, passive=True).message_count)


def test_a_new_one_hears_its_scope_from_the_moment_it_is_made(
    office: Office, eventually: Callable[..., object]
) -> None:
    made = office.add("registration.#", "matching.plan-published")
    publish(office, KEY, "speedmentor.matching.plan-published.v1", "speedmentor.matching.plan-revised.v1")
    eventually(lambda: waiting(office, queue_of(made.name)) == 2)
    assert storage.scope_of(office.work.database, made.name) == Scope(
        ("registration.#", "matching.plan-published"), None, "acme"
    )
    row = storage.find(office.work.database, made.name)
    assert row is not None
    assert row["settled"] == row["revision"]
    # Nothing by which somebody could log in is kept.
    assert made.secret.password not in str(row)
    assert made.secret.api_key not in str(row)
    assert storage.with_key(office.work.database, digest(made.secret.api_key), office.now) == row


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_who_dies_while_making_one_leaves_what_the_next_look_makes_whole(office: Office, after: bool) -> None:
    made = office.write("registration.#", stream=True)
    with suppress(Killed):
        office.reconciler(Dying(office.api(), 0, after)).settle([made.name])
        pytest.fail("it did not die")
    # Another replica, or the same one after its restart, looks at all of them.
    office.reconciler().settle()
    whole = office.add("registration.#", stream=True)
    mine, reference = office.of(made.name), office.of(whole.name)
    assert {str(key).replace(made.name, whole.name) for key in mine} == {str(key) for key in reference}
    with office.connect(made) as connection:
        connection.channel().basic_get(queue_of(made.name))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("change", range(6))
def test_who_dies_while_removing_one_leaves_what_the_next_look_removes(
    office: Office, change: int, after: bool
) -> None:
    made = office.add("registration.#", stream=True)
    office.remove(made.name)
    with suppress(Killed):
        office.reconciler(Dying(office.api(), change, after)).settle([made.name])
    office.reconciler().settle()
    assert office.of(made.name) == {}
    with pytest.raises(AccessRefused):
        office.connect(made)
    with pytest.raises(NotFound):
        waiting(office, queue_of(made.name))


def test_a_removed_one_is_cut_off_at_once(office: Office) -> None:
    made = office.add("registration.#")
    connection = office.connect(made)
    connection.channel().basic_consume(queue_of(made.name))
    office.remove(made.name)
    office.reconciler().settle([made.name])
    with pytest.raises(ConnectionForced):
        connection.drain_events(timeout=10)
    with pytest.raises(AccessRefused):
        office.connect(made)


def test_a_rotated_secret_ends_at_once_and_its_connections_with_it(office: Office) -> None:
    made = office.add("registration.#")
    connection = office.connect(made)
    renewed = office.rotate(made.name, None)
    office.reconciler().settle([made.name])
    with pytest.raises(ConnectionForced):
        connection.drain_events(timeout=10)
    with pytest.raises(AccessRefused):
        office.connect(made)
    with office.connect(renewed, 2) as found:
        found.channel().basic_get(queue_of(made.name))
    assert storage.with_key(office.work.database, digest(made.secret.api_key), office.now) is None


def test_a_rotated_secret_that_is_kept_holds_until_its_time_and_is_cut_off_then(office: Office) -> None:
    made = office.add("registration.#")
    renewed = office.rotate(made.name, office.now + timedelta(hours=1))
    office.reconciler().settle([made.name])
    old = office.connect(made)
    with office.connect(renewed, 2):
        pass
    begun = office.now
    try:
        office.now = begun + timedelta(minutes=59)
        office.reconciler().settle()
        old.channel().basic_get(queue_of(made.name))
        office.now = begun + timedelta(hours=1, seconds=1)
        assert storage.with_key(office.work.database, digest(made.secret.api_key), office.now) is None
        office.reconciler().settle()
    finally:
        office.now = begun
    with pytest.raises(ConnectionForced):
        old.drain_events(timeout=10)
    with office.connect(renewed, 2) as found:
        found.channel().basic_get(queue_of(made.name))
    row = storage.find(office.work.database, made.name)
    assert row is not None
    assert [each["number"] for each in row["secrets"]] == [2]


def test_what_somebody_changed_at_the_broker_is_put_right(office: Office) -> None:
    made = office.add("registration.#")
    before = office.of(made.name)
    user, vhost = user_of(made.name, 1), office.vhost
    wide = {"user": user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}
    topics = {"user": user, "vhost": vhost, "exchange": EVENTS, "write": ".*", "read": ".*"}
    office.api().add({("permissions", user): wide, ("topic_permissions", user, EVENTS): topics})
    connection = office.connect(made)
    connection.channel().queue_bind(queue_of(made.name), EVENTS, "#")
    office.reconciler().settle()
    assert office.of(made.name) == before
    # What an open channel was allowed it would be allowed for good.
    with pytest.raises(ConnectionForced):
        connection.drain_events(timeout=10)


def test_a_narrowed_binding_stays_narrow(office: Office) -> None:
    made = office.add("registration.#")
    with office.connect(made) as connection:
        channel = connection.channel()
        channel.queue_bind(queue_of(made.name), EVENTS, KEY)
        channel.queue_unbind(queue_of(made.name), EVENTS, "speedmentor.registration.#")
    office.reconciler().settle()
    keys = {key[3] for key in office.of(made.name) if key[0] == "bindings" and key[1] == EVENTS}
    assert keys == {KEY}


def test_a_broker_that_has_lost_everything_is_made_as_it_was(office: Office) -> None:
    made = office.add("registration.#", stream=True)
    before = office.of(made.name)
    api = office.api()
    for key, row in before.items():
        if key[0] in ("users", "queues"):
            api.delete(key[0], row)
    office.reconciler().settle()
    assert office.of(made.name) == before
    # With the password that only the integrator knows.
    with office.connect(made) as connection:
        connection.channel().basic_get(queue_of(made.name))


def test_a_user_of_the_brokers_own_is_left_alone(office: Office) -> None:
    name = "somebody-elses"
    user = user_of(name, 1)
    foreign = {
        "name": user,
        "password_hash": "x" * 48,
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ["other"],
        "limits": {},
    }
    office.api().add({("users", user): foreign})
    try:
        assert office.reconciler().foreign_users([user]) == [user]
        office.write("registration.#", name=name)
        office.reconciler().settle()
        assert office.api().rows()[("users", user)]["tags"] == ["other"]
        office.remove(name)
        office.reconciler().settle()
        assert ("users", user) in office.api().rows()
    finally:
        office.api().delete("users", foreign)


class Consumer:
    """Consumes an integrator's queue as badly as one can."""

    def __init__(self, office: Office, one: Integrator, prefetch: int) -> None:
        self.connection = office.connect(one)
        self.channel = self.connection.channel()
        self.taken = 0
        if prefetch:
            self.channel.basic_qos(0, prefetch, False)
        self.channel.basic_consume(queue_of(one.name), callback=self._take)

    def _take(self, message: Message) -> None:
        self.taken += 1

    def listen(self) -> None:
        with suppress(TimeoutError):
            self.connection.drain_events(timeout=0.2)


def test_a_queue_that_nobody_acknowledges_stays_within_its_bounds_and_drops_into_the_dead_letters(
    office: Office, eventually: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_account, "MOST_WAITING", 100)
    monkeypatch.setattr(broker_account, "MOST_DEAD", 50)
    made = office.add("registration.#")
    hung = Consumer(office, made, 10)
    eventually(lambda: waiting(office, queue_of(made.name)) == 0)
    # Every one of them is confirmed, whatever becomes of the queue.
    publish(office, *[KEY] * 300)
    eventually(lambda: hung.listen() or hung.taken == 10)
    eventually(lambda: waiting(office, queue_of(made.name)) == 100)
    eventually(lambda: waiting(office, f"{queue_of(made.name)}.dead") == 50)
    hung.connection.close()
    # What it had in hand comes back, and the oldest makes room.
    eventually(lambda: waiting(office, queue_of(made.name)) <= 100)
    with office.connect(made) as connection:
        (death,) = connection.channel().basic_get(f"{queue_of(made.name)}.dead").headers["x-death"]
    assert (death["queue"], death["reason"]) == (queue_of(made.name), "maxlen")


def test_an_event_that_kills_its_consumer_again_and_again_is_put_aside_and_others_come(
    office: Office, eventually: Callable[..., object]
) -> None:
    made = office.add("registration.#")
    publish(office, KEY)
    lives = 0

    def die() -> bool:
        nonlocal lives
        consumer = Consumer(office, made, 1)
        eventually(lambda: consumer.listen() or consumer.taken or waiting(office, f"{queue_of(made.name)}.dead"))
        # As a process that dies: nobody says goodbye.
        consumer.connection.collect()
        lives += 1
        return waiting(office, f"{queue_of(made.name)}.dead") == 1

    eventually(die, 90)
    assert 20 <= lives <= 22
    publish(office, KEY)
    with office.connect(made) as connection:
        assert eventually(lambda: connection.channel().basic_get(queue_of(made.name), no_ack=True))
