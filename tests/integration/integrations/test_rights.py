"""Given integrators at the real broker, when each tries every operation on every type, then the broker itself refuses
all that is not in its scope.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from amqp import Channel, Connection, Message
from amqp.exceptions import AccessRefused

from services.integrations.accounts.broker_account import exchange_of, queue_of, stream_of
from services.integrations.domain.scope import Scope
from shared.events import short_name
from shared.events.catalogue import TYPES
from shared.messaging.topology import DEAD_LETTERS_OF_INTEGRATORS, EVENTS, RPC_EXCHANGE, SUBSCRIPTIONS
from tests.integration.integrations.conftest import Integrator, Office

pytestmark = pytest.mark.integration

SCOPES: dict[str, dict[str, Any]] = {
    "all": {"types": ["#"]},
    "service": {"types": ["registration.#"], "stream": True},
    "types": {"types": ["matching.plan-published", "*.round-ended"]},
    "programs": {"types": ["matching.#"], "programs": ["p-1"]},
}


@pytest.fixture(scope="module")
def integrators(office: Office) -> dict[str, Integrator]:
    return {
        kind: office.add(*scope["types"], programs=scope.get("programs"), stream=scope.get("stream", False))
        for kind, scope in SCOPES.items()
    }


@pytest.fixture(params=SCOPES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def one(kind: str, integrators: dict[str, Integrator]) -> Integrator:
    return integrators[kind]


@pytest.fixture
def connection(office: Office, one: Integrator) -> Iterator[Connection]:
    with office.connect(one) as found:
        yield found


def refused(connection: Connection, attempt: Callable[[Channel], Any]) -> bool:
    channel = connection.channel()
    try:
        attempt(channel)
        # What is published is answered only when it is refused, and before what comes after it.
        channel.basic_qos(0, 1, False)
    except AccessRefused:
        return True
    channel.close()
    return False


def test_a_type_is_bound_by_its_name_where_it_is_in_the_scope_and_refused_where_not(
    connection: Connection, one: Integrator, kind: str
) -> None:
    scope = Scope(tuple(SCOPES[kind]["types"]))
    # Who has programs may not read from the events' exchange at all.
    may = {each: kind != "programs" and scope.takes(short_name(each), None) for each in TYPES}
    queue = queue_of(one.name)
    did = {
        each: not refused(connection, lambda channel, each=each: channel.queue_bind(queue, EVENTS, each))
        for each in TYPES
    }
    assert did == may
    assert {
        each: not refused(connection, lambda channel, each=each: channel.queue_unbind(queue, EVENTS, each))
        for each in TYPES
    } == may


@pytest.mark.parametrize(
    "key",
    ["#", "", "speedmentor.#", "*.*.*.*", "speedmentor.*.*.v1", "#.v1", "speedmentor.*.#", "speedmentor.feedback.#"],
)
def test_a_key_that_reaches_beyond_the_scope_is_refused(
    connection: Connection, one: Integrator, kind: str, key: str
) -> None:
    bound = not refused(connection, lambda channel: channel.queue_bind(queue_of(one.name), EVENTS, key))
    assert bound == (kind == "all")
    if bound:
        assert not refused(connection, lambda channel: channel.queue_unbind(queue_of(one.name), EVENTS, key))


def test_what_belongs_to_it_may_be_read_and_nothing_else(
    office: Office, connection: Connection, one: Integrator, integrators: dict[str, Integrator]
) -> None:
    own = [queue_of(one.name), f"{queue_of(one.name)}.dead"]
    for queue in own:
        assert not refused(connection, lambda channel, queue=queue: channel.basic_get(queue))
        assert not refused(connection, lambda channel, queue=queue: channel.queue_purge(queue))
    others = [each.queue for each in SUBSCRIPTIONS] + [each.dead for each in SUBSCRIPTIONS]
    others += [queue_of(each.name) for each in integrators.values() if each is not one]
    others += [f"{queue_of(each.name)}.dead" for each in integrators.values() if each is not one]
    others.append(stream_of(integrators["service"].name))
    allowed = []
    for queue in others:
        if queue.startswith(queue_of(one.name)):
            continue
        tries: dict[str, Callable[[Channel], Any]] = {
            "consume": lambda channel, queue=queue: channel.basic_consume(queue),
            "get": lambda channel, queue=queue: channel.basic_get(queue),
            "purge": lambda channel, queue=queue: channel.queue_purge(queue),
            "delete": lambda channel, queue=queue: channel.queue_delete(queue),
            "bind": lambda channel, queue=queue: channel.queue_bind(queue, EVENTS, "speedmentor.registration.#"),
            "unbind": lambda channel, queue=queue: channel.queue_unbind(queue, EVENTS, "speedmentor.registration.#"),
            "write": lambda channel, queue=queue: channel.basic_publish(Message("{}"), "", queue),
            "declare": lambda channel, queue=queue: channel.queue_declare(queue, durable=True, auto_delete=False),
        }
        allowed += [f"{name} {queue}" for name, attempt in tries.items() if not refused(connection, attempt)]
    assert allowed == []


def test_nothing_may_be_configured_not_even_what_is_its_own(connection: Connection, one: Integrator) -> None:
    queue = queue_of(one.name)
    tries: dict[str, Callable[[Channel], Any]] = {
        "delete the queue": lambda channel: channel.queue_delete(queue),
        "declare the queue": lambda channel: channel.queue_declare(queue, durable=True, auto_delete=False),
        "delete the dead letters": lambda channel: channel.queue_delete(f"{queue}.dead"),
        "bind the dead letters": lambda channel: channel.queue_bind(f"{queue}.dead", EVENTS, "speedmentor.matching.#"),
        "another queue": lambda channel: channel.queue_declare(f"{queue}.more", durable=True),
        "a queue that the broker names": lambda channel: channel.queue_declare("", exclusive=True),
        "an exchange": lambda channel: channel.exchange_declare(f"{queue}.x", "fanout"),
        "its exchange": lambda channel: channel.exchange_delete(exchange_of(one.name)),
    }
    assert [name for name, attempt in tries.items() if not refused(connection, attempt)] == []


def test_nothing_may_be_published_anywhere(office: Office, connection: Connection, one: Integrator) -> None:
    with office.as_launcher() as launcher:
        channel = launcher.channel()
        channel.exchange_declare("speedmentor.internal", "topic", durable=True, auto_delete=False)
        channel.exchange_declare("speedmentor.commands", "topic", durable=True, auto_delete=False)
    exchanges = [
        *("", EVENTS, RPC_EXCHANGE, "speedmentor.internal", "speedmentor.commands", DEAD_LETTERS_OF_INTEGRATORS),
        *(exchange_of(one.name), "speedmentor.matching.retries", "amq.topic", "amq.direct", "amq.fanout"),
    ]
    keys = [queue_of(one.name), "speedmentor.registration.mentor-registered.v1", "registration.overview"]
    allowed = [
        (exchange, key)
        for exchange in exchanges
        for key in keys
        if not refused(
            connection,
            lambda channel, exchange=exchange, key=key: channel.basic_publish(Message("{}"), exchange, key),
        )
    ]
    assert allowed == []


def test_no_other_exchange_may_be_bound(
    office: Office, connection: Connection, one: Integrator, integrators: dict[str, Integrator], kind: str
) -> None:
    exchanges = [
        *(RPC_EXCHANGE, "speedmentor.internal", "speedmentor.commands", DEAD_LETTERS_OF_INTEGRATORS, "amq.topic"),
        *(exchange_of(each.name) for each in integrators.values() if each is not one),
        *("amq.rabbitmq.trace", "speedmentor.matching.retries"),
        *([EVENTS] if kind == "programs" else [exchange_of(one.name)]),
    ]
    with office.as_launcher() as launcher:
        launcher.channel().exchange_declare("speedmentor.internal", "topic", durable=True, auto_delete=False)
        launcher.channel().exchange_declare("speedmentor.commands", "topic", durable=True, auto_delete=False)
    keys = ["#", "speedmentor.matching.#", "speedmentor.matching.plan-published.v1"]
    allowed = [
        (exchange, key)
        for exchange in exchanges
        for key in keys
        if not refused(
            connection,
            lambda channel, exchange=exchange, key=key: channel.queue_bind(queue_of(one.name), exchange, key),
        )
    ]
    assert allowed == []


def test_who_has_programs_binds_on_an_exchange_of_its_own(office: Office, integrators: dict[str, Integrator]) -> None:
    one = integrators["programs"]
    with office.connect(one) as connection:
        for key, bindable in {
            "speedmentor.matching.*.v1": True,
            "speedmentor.registration.#": False,
            "#": False,
        }.items():
            assert bindable != refused(
                connection,
                lambda channel, key=key: channel.queue_bind(queue_of(one.name), exchange_of(one.name), key),
            )


def test_a_stream_may_be_read_from_any_offset_and_bound_within_the_scope(
    office: Office, integrators: dict[str, Integrator], eventually: Callable[..., object]
) -> None:
    one = integrators["service"]
    stream = stream_of(one.name)
    with office.as_launcher() as launcher:
        channel = launcher.channel()
        channel.confirm_select()
        for number in range(30):
            channel.basic_publish(Message(str(number)), EVENTS, "speedmentor.registration.mentor-registered.v1")
        launcher_channel = launcher.channel()
        eventually(lambda: launcher_channel.queue_declare(stream, passive=True).message_count >= 30)
    with office.connect(one) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 10, False)
        got: list[tuple[str, int]] = []

        def take(message: Message) -> None:
            got.append((message.body, message.headers["x-stream-offset"]))
            channel.basic_ack(message.delivery_tag)

        channel.basic_consume(stream, callback=take, arguments={"x-stream-offset": 10})
        eventually(lambda: connection.drain_events(timeout=1) or len(got) >= 20)
        assert got[0] == ("10", 10)
        assert not refused(
            connection, lambda channel: channel.queue_bind(stream, EVENTS, "speedmentor.registration.*.v1")
        )
        assert refused(connection, lambda channel: channel.queue_bind(stream, EVENTS, "speedmentor.#"))


def test_it_has_no_way_into_the_management_api(office: Office, one: Integrator) -> None:
    import requests

    port = office.infrastructure.state.ports["management"]
    for path in ("whoami", "queues", "definitions", f"permissions/{office.vhost}/integrator-{one.name}"):
        answer = requests.get(
            f"http://127.0.0.1:{port}/api/{path}", auth=(f"integrator-{one.name}", one.secret.password), timeout=10
        )
        assert answer.status_code == 401
