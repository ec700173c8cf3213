"""Given the broker and database of the stack: each service's user tries everything that is another's, and is refused.

What there is to try is asked of broker and database themselves, so a queue that is added tomorrow is tried too.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from amqp import Channel, Connection, Message
from amqp.exceptions import AccessRefused, ResourceLocked
from pymongo.errors import OperationFailure
from stack import SERVICES, Stack, docker

from deploy.compose.accounts import ADMINISTRATOR, DATABASE_USERS
from shared.events.catalogue import TYPES
from shared.messaging.topology import EVENTS, event_name

UNAUTHORIZED = 13

DATABASE_TRIES: dict[str, Callable[[Any], Any]] = {
    "read": lambda database: database["outbox"].find_one(),
    "write": lambda database: database["outbox"].insert_one({"_id": "intruder"}),
    "change": lambda database: database["outbox"].update_many({}, {"$set": {"pending": False}}),
    "delete": lambda database: database["outbox"].delete_many({}),
    "watch": lambda database: database["outbox"].watch().close(),
    "index": lambda database: database["outbox"].create_index("intruder"),
    "list": lambda database: database.list_collection_names(),
    "create": lambda database: database.create_collection("intruder"),
    "drop": lambda database: database.drop_collection("outbox"),
}


@pytest.fixture(scope="module")
def queues(stack: Stack) -> dict[str, str]:
    """Every queue of the product with the service that owns it."""
    found = _listed(stack, "list_queues")
    owners = {name: _owner(name) for name in found}
    # All have work queues, waits, dead letters, and both ways of RPC, or the test would not try what matters.
    assert set(owners.values()) == set(SERVICES)
    assert sum(name.endswith(".dead") for name in owners) >= 4
    assert sum(name.startswith("rpc.reply-") for name in owners) >= 1
    return owners


@pytest.fixture(scope="module")
def exchanges(stack: Stack) -> dict[str, str]:
    """Every exchange that belongs to one service, with it."""
    found = {name: _owner(name) for name in _listed(stack, "list_exchanges") if name.endswith(".retries")}
    assert len(found) >= 3
    return found


def _listed(stack: Stack, what: str) -> list[str]:
    (broker,) = stack.containers("broker")
    said = docker("exec", broker, "rabbitmqctl", "-q", "--formatter", "json", what, "-p", stack.vhost, "name")
    # Those of integrators are tried by themselves.
    return [name for each in json.loads(said) if "integrator" not in (name := each["name"])]


def _owner(name: str) -> str:
    for service in SERVICES:
        own = (f"speedmentor.{event_name(service)}.", f"rpc.reply-{service}-")
        if name.startswith(own) or name == f"rpc-{service}":
            return service
    raise AssertionError(f"{name} on the broker is nobody's")


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connection(stack: Stack, service: str) -> Iterator[Connection]:
    """The broker, as this service's user."""
    host = f"127.0.0.1:{stack.environ['OBSERVED_BROKER_PORT']}"
    with Connection(host, service, stack.secrets.password(service), virtual_host=stack.vhost) as found:
        yield found


def _refused(connection: Connection, attempt: Callable[[Channel], Any]) -> bool:
    channel = connection.channel()
    try:
        attempt(channel)
        # What is published is answered only when it is refused, and before what comes after it.
        channel.basic_qos(0, 1, False)
    except AccessRefused:
        return True
    channel.close()
    return False


def test_a_broker_user_is_refused_every_queue_of_every_other_service(
    connection: Connection, service: str, queues: dict[str, str]
) -> None:
    allowed = []
    for queue in [name for name, owner in queues.items() if owner != service]:
        tries: dict[str, Callable[[Channel], Any]] = {
            "consume": lambda channel, queue=queue: channel.basic_consume(queue),
            "get": lambda channel, queue=queue: channel.basic_get(queue),
            "purge": lambda channel, queue=queue: channel.queue_purge(queue),
            "delete": lambda channel, queue=queue: channel.queue_delete(queue),
            "declare": lambda channel, queue=queue: channel.queue_declare(queue, durable=True, auto_delete=False),
            "bind": lambda channel, queue=queue: channel.queue_bind(queue, EVENTS, "speedmentor.#"),
            "unbind": lambda channel, queue=queue: channel.queue_unbind(queue, EVENTS, "speedmentor.#"),
            "write": lambda channel, queue=queue: channel.basic_publish(Message("{}"), "", queue),
        }
        allowed += [f"{name} {queue}" for name, attempt in tries.items() if not _refused(connection, attempt)]
    assert allowed == []


def test_a_broker_user_is_refused_every_exchange_of_every_other_service(
    connection: Connection, service: str, exchanges: dict[str, str]
) -> None:
    allowed = []
    for exchange in [name for name, owner in exchanges.items() if owner != service]:
        tries: dict[str, Callable[[Channel], Any]] = {
            "write": lambda channel, exchange=exchange: channel.basic_publish(Message("{}"), exchange, "any"),
            "delete": lambda channel, exchange=exchange: channel.exchange_delete(exchange),
            "bind": lambda channel, exchange=exchange: channel.exchange_bind(exchange, EVENTS, "speedmentor.#"),
        }
        allowed += [f"{name} {exchange}" for name, attempt in tries.items() if not _refused(connection, attempt)]
    assert allowed == []


def test_a_broker_user_is_refused_every_other_services_events(connection: Connection, service: str) -> None:
    keys = [f"speedmentor.{event_name(each)}.anything.v1" for each in SERVICES if each != service]
    allowed = [
        key
        for key in [*keys, "anything", "speedmentor.operator.anything.v1"]
        if not _refused(connection, lambda channel, key=key: channel.basic_publish(Message("{}"), EVENTS, key))
    ]
    assert allowed == []


def test_a_broker_user_may_not_change_what_is_everybodys(connection: Connection) -> None:
    assert _refused(connection, lambda channel: channel.exchange_delete(EVENTS))
    assert _refused(connection, lambda channel: channel.exchange_declare("new", "fanout"))
    assert _refused(connection, lambda channel: channel.queue_declare("new", durable=True))


def test_a_broker_user_may_do_what_its_service_does(
    connection: Connection, service: str, queues: dict[str, str]
) -> None:
    """Otherwise the refusals above would prove nothing."""
    for queue in [name for name, owner in queues.items() if owner == service and not name.startswith("rpc")]:
        with suppress(ResourceLocked):  # allowed to it, and in use by the running service alone
            assert not _refused(connection, lambda channel, queue=queue: channel.basic_consume(queue))
    own = f"rpc.reply-{service}-a-test"
    assert not _refused(connection, lambda channel: channel.queue_declare(own, auto_delete=True))


def test_the_operator_writes_no_events_and_takes_no_queue_away(stack: Stack, queues: dict[str, str]) -> None:
    host = f"127.0.0.1:{stack.environ['OBSERVED_BROKER_PORT']}"
    password = stack.secrets.password("operator")
    with Connection(host, "operator", password, virtual_host=stack.vhost) as connection:
        key = "speedmentor.matching.anything.v1"
        assert _refused(connection, lambda channel: channel.basic_publish(Message("{}"), EVENTS, key))
        for queue in queues:
            assert _refused(connection, lambda channel, queue=queue: channel.queue_delete(queue))
            assert _refused(connection, lambda channel, queue=queue: channel.basic_publish(Message("{}"), "", queue))


@pytest.mark.parametrize("other", [*DATABASE_USERS, "admin", "local", "config"])
@pytest.mark.parametrize("user", DATABASE_USERS)
def test_a_database_user_is_refused_everything_in_every_other_database(stack: Stack, user: str, other: str) -> None:
    if other == user:
        # Its own: all of it works, so that the refusals prove something.
        with stack.database(user) as client:
            own = client[user]
            own["trial"].insert_one({"_id": "trial"})
            assert own["trial"].find_one() == {"_id": "trial"}
            own.drop_collection("trial")
        return
    answers = {}
    with stack.database(user) as client:
        tries = {**DATABASE_TRIES, "copy into": lambda database: _copy(client[user], database.name)}
        for name, attempt in tries.items():
            answers[name] = _code(lambda attempt=attempt: attempt(client[other]))
    assert answers == dict.fromkeys(tries, UNAUTHORIZED)


def _copy(own: Any, other: str) -> None:
    own["outbox"].aggregate([{"$out": {"db": other, "coll": "intruder"}}])


def _code(attempt: Callable[[], Any]) -> int | None:
    """The server's code for why it refuses; none if it does not."""
    try:
        attempt()
    except OperationFailure as error:
        return error.code
    return None


@pytest.mark.parametrize("user", DATABASE_USERS)
def test_a_database_user_sees_no_other_database_and_governs_nothing(stack: Stack, user: str) -> None:
    with stack.database(user) as client:
        assert set(client.list_database_names()) <= {user}
        commands: list[Any] = [
            {"createUser": "intruder", "pwd": "x", "roles": []},
            {"updateUser": user, "pwd": "x", "roles": ["root"]},
            {"replSetStepDown": 1},
            {"replSetGetConfig": 1},
            {"shutdown": 1},
            {"setParameter": 1, "transactionLifetimeLimitSeconds": 1},
            {"currentOp": 1, "$all": True},
        ]
        for command in commands:
            with pytest.raises(OperationFailure) as refused:
                client.admin.command(command)
            assert refused.value.code == UNAUTHORIZED, command


def test_nobody_else_has_an_account(stack: Stack) -> None:
    with stack.database() as client:
        users = {
            each["user"]: each["roles"] for each in client.admin.command({"usersInfo": {"forAllDBs": True}})["users"]
        }
    assert set(users) == {*DATABASE_USERS, ADMINISTRATOR}
    for user in DATABASE_USERS:
        assert users[user] == [{"role": "readWrite", "db": user}]


# Integrators, made over the API, on the RabbitMQ of the containers


SCOPES: dict[str, dict[str, Any]] = {
    "everything": {"types": ["#"]},
    "registration": {"types": ["registration.#"], "stream": True},
    "programs": {"types": ["matching.#"], "programs": ["p-1"]},
}


@pytest.fixture(scope="module")
def integrators(stack: Stack) -> Iterator[dict[str, dict[str, Any]]]:
    """Three of them, each as the API has made it, and taken away again."""
    api = stack.organizer()
    made = {kind: api.post("/integrators", {"name": f"rights-{kind}", **scope}) for kind, scope in SCOPES.items()}
    yield made
    for each in made.values():
        api.call("DELETE", f"/integrators/{each['name']}")


@pytest.fixture(params=SCOPES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def one(kind: str, integrators: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return integrators[kind]


@pytest.fixture
def as_integrator(stack: Stack, one: dict[str, Any]) -> Iterator[Connection]:
    """The broker, as this integrator."""
    host = f"127.0.0.1:{stack.environ['OBSERVED_BROKER_PORT']}"
    with Connection(host, one["secrets"]["user"], one["secrets"]["password"], virtual_host=stack.vhost) as found:
        yield found


def test_an_integrator_binds_the_types_in_its_scope_and_no_others(
    as_integrator: Connection, one: dict[str, Any], kind: str
) -> None:
    may = {
        "everything": lambda key: True,
        "registration": lambda key: key.startswith("speedmentor.registration."),
        "programs": lambda key: False,
    }[kind]
    wide = ["#", "", "speedmentor.#", "*.*.*.*", "speedmentor.*.*.v1", "#.v1"]
    for key in [*TYPES, *wide]:
        allowed = may(key) if key in TYPES else kind == "everything"
        for change in ("queue_bind", "queue_unbind"):
            refused = _refused(
                as_integrator,
                lambda channel, key=key, change=change: getattr(channel, change)(one["queue"], EVENTS, key),
            )
            assert refused != allowed, f"{change} {key}"


def test_an_integrator_reaches_no_queue_but_its_own_and_changes_none(
    as_integrator: Connection,
    one: dict[str, Any],
    integrators: dict[str, dict[str, Any]],
    queues: dict[str, str],
) -> None:
    for own in (one["queue"], one["dead_letters"]):
        assert not _refused(as_integrator, lambda channel, own=own: channel.basic_get(own))
        assert not _refused(as_integrator, lambda channel, own=own: channel.queue_purge(own))
        assert _refused(as_integrator, lambda channel, own=own: channel.queue_delete(own))
        assert _refused(as_integrator, lambda channel, own=own: channel.basic_publish(Message("{}"), "", own))
        assert _refused(
            as_integrator, lambda channel, own=own: channel.queue_declare(own, durable=True, auto_delete=False)
        )
    assert _refused(as_integrator, lambda channel: channel.queue_declare("", exclusive=True))
    foreign = [each[name] for each in integrators.values() if each is not one for name in ("queue", "dead_letters")]
    allowed = []
    for queue in [*queues, *foreign]:
        tries: dict[str, Callable[[Channel], Any]] = {
            "consume": lambda channel, queue=queue: channel.basic_consume(queue),
            "get": lambda channel, queue=queue: channel.basic_get(queue),
            "purge": lambda channel, queue=queue: channel.queue_purge(queue),
            "delete": lambda channel, queue=queue: channel.queue_delete(queue),
            "bind": lambda channel, queue=queue: channel.queue_bind(queue, EVENTS, "speedmentor.registration.#"),
            "write": lambda channel, queue=queue: channel.basic_publish(Message("{}"), "", queue),
        }
        allowed += [f"{name} {queue}" for name, attempt in tries.items() if not _refused(as_integrator, attempt)]
    assert allowed == []


def test_an_integrator_publishes_nowhere_and_binds_no_other_exchange(
    stack: Stack, as_integrator: Connection, one: dict[str, Any]
) -> None:
    (broker,) = stack.containers("broker")
    said = docker(
        "exec", broker, "rabbitmqctl", "-q", "--formatter", "json", "list_exchanges", "-p", stack.vhost, "name"
    )
    exchanges = [each["name"] for each in json.loads(said)]
    assert {EVENTS, f"speedmentor.integrator.{one['name']}"} <= set(exchanges)
    keys = [one["queue"], "speedmentor.registration.mentor-registered.v1", "registration.list_programs"]
    for exchange in exchanges:
        for key in keys:
            assert _refused(
                as_integrator,
                lambda channel, exchange=exchange, key=key: channel.basic_publish(Message("{}"), exchange, key),
            ), f"publish {key} to {exchange!r}"
        if exchange not in ("", one["exchange"]):
            assert _refused(
                as_integrator, lambda channel, exchange=exchange: channel.queue_bind(one["queue"], exchange, "#")
            ), f"bind {exchange}"


def test_a_stream_of_an_integrators_is_read_from_an_offset(
    stack: Stack, integrators: dict[str, dict[str, Any]]
) -> None:
    one = integrators["registration"]
    host = f"127.0.0.1:{stack.environ['OBSERVED_BROKER_PORT']}"
    password = stack.secrets.password(ADMINISTRATOR)
    # A copy of the events' exchange, so that no service hears of these.
    exchange = f"{one['stream']}.trial"
    with Connection(host, ADMINISTRATOR, password, virtual_host=stack.vhost) as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False)
        channel.queue_bind(one["stream"], exchange, "#")
        for number in range(20):
            channel.basic_publish_confirm(Message(str(number)), exchange, "speedmentor.registration.tried-out.v1")
    with Connection(host, one["secrets"]["user"], one["secrets"]["password"], virtual_host=stack.vhost) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 10, False)
        got: list[tuple[str, int]] = []

        def take(message: Message) -> None:
            got.append((message.body, message.headers["x-stream-offset"]))
            channel.basic_ack(message.delivery_tag)

        channel.basic_consume(one["stream"], callback=take, arguments={"x-stream-offset": 5})
        while len(got) < 5:
            connection.drain_events(timeout=20)
        assert [offset for _, offset in got[:5]] == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("account", [*SERVICES, "operator"])
def test_the_management_api_lets_no_service_in_and_is_published_nowhere(stack: Stack, account: str) -> None:
    (gateway,), (broker,) = stack.containers("gateway"), stack.containers("broker")
    ask = (
        "import sys, urllib.request, urllib.error, base64\n"
        "login = base64.b64encode(sys.argv[1].encode()).decode()\n"
        "headers = {'Authorization': 'Basic ' + login}\n"
        "request = urllib.request.Request('http://broker:15672/api/users', headers=headers)\n"
        "try: print(urllib.request.urlopen(request, timeout=10).status)\n"
        "except urllib.error.HTTPError as error: print(error.code)"
    )
    login = f"{account}:{stack.secrets.password(account)}"
    assert docker("exec", gateway, "timeout", "30", "python3", "-c", ask, login).strip() == "401"
    published = stack.inspect(broker)["NetworkSettings"]["Ports"]
    assert not published.get("15672/tcp")
