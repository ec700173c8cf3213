"""The local launcher on real programs: what it starts has the product's rights, survives, and leaves nothing."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from amqp import Message
from amqp.exceptions import AccessRefused
from kombu import Connection, Exchange
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, NotPrimaryError, OperationFailure

from deploy.local import Infrastructure, LaunchError
from deploy.local.broker import ACCOUNTS
from deploy.local.infrastructure import sweep
from deploy.local.machine import installing
from shared.messaging import topology

pytestmark = pytest.mark.integration


def processes_of(folder: Path) -> list[str]:
    """The command lines of all processes that mention ``folder`` or work in it."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            command = (each / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(folder) in command or str(folder) in str((each / "cwd").readlink()):
                found.append(command)
        except OSError:
            continue
    return found


def depth(uri: str, queue: str) -> int:
    with Connection(uri) as connection, connection.channel() as channel:
        return int(channel.queue_declare(queue, passive=True).message_count)


def publish(uri: str, key: str) -> None:
    """Publish and wait for the broker's word that it is kept."""
    with Connection(uri, transport_options={"confirm_publish": True}) as connection:
        producer = connection.Producer(exchange=Exchange(topology.EVENTS, "topic", passive=True))
        producer.publish({}, routing_key=key, delivery_mode=2)


def test_two_at_once_go_up_beside_each_other_and_leave_no_process(
    infrastructure: Infrastructure, tmp_path: Path
) -> None:
    second = Infrastructure(tmp_path / "run")
    try:
        second.up()
        mine, others = second.state.ports, infrastructure.state.ports
        assert not set(mine.values()) & set(others.values())
        assert second.status()["rabbitmq"].startswith("running")
        assert len(processes_of(tmp_path)) >= 3
        uri = second.mongo_uri("kept")
        with MongoClient(uri) as client:
            client.get_default_database()["things"].insert_one({"_id": 1})
    finally:
        second.down()
    assert processes_of(tmp_path) == []
    assert second.status() == {"rabbitmq": "stopped", "mongod": "stopped"}
    # The other one has not noticed.
    with Connection(infrastructure.amqp_uri()) as connection:
        connection.connect()

    # Up once more, at another place if need be, the data are there.
    again = Infrastructure(tmp_path / "run")
    again.state.ports["mongod"] = infrastructure.state.ports["mongod"]
    again.save()
    try:
        again.up()
        with MongoClient(again.mongo_uri("kept")) as client:
            assert client.get_default_database()["things"].count_documents({}) == 1
    finally:
        again.down()
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("service", [name for name in topology.SERVICES if name != "gateway"])
def test_a_service_reaches_its_own_database_and_no_other(infrastructure: Infrastructure, service: str) -> None:
    with MongoClient(infrastructure.environment(service)["MONGO_URI"]) as client:
        with client.start_session() as session, session.start_transaction():
            client[service]["launcher-test"].insert_one({}, session=session)
        with pytest.raises(OperationFailure):
            client["another"]["launcher-test"].insert_one({})


@pytest.mark.parametrize("service", topology.SERVICES)
def test_a_service_finds_all_of_the_topology_and_writes_nobody_elses_events(
    infrastructure: Infrastructure, service: str
) -> None:
    uri = infrastructure.environment(service)["AMQP_URI"]
    with Connection(uri) as connection:
        topology.declare(connection)
    foreign = "speedmentor.registration.x.v1" if service != "registration" else "speedmentor.matching.x.v1"
    with pytest.raises(AccessRefused):
        publish(uri, foreign)


def test_the_management_api_is_on_the_loopback_interface_and_lets_in_who_may_make_accounts(
    infrastructure: Infrastructure,
) -> None:
    port = infrastructure.state.ports["management"]
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if " 0A " in line]
    assert [address for address in listening if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]
    # IPv6 would be another place to listen at.
    assert f":{port:04X} " not in "".join(
        line for line in Path("/proc/net/tcp6").read_text().splitlines(keepends=True) if " 0A " in line
    )
    answers = {
        account: requests.get(f"{infrastructure.broker.management_uri(account)}/api/users", timeout=10).status_code
        for account in ACCOUNTS
    }
    assert answers == dict.fromkeys(ACCOUNTS, 401) | {topology.ACCOUNTS_ADMIN: 200}


def test_who_makes_accounts_touches_no_queue_and_no_event_of_the_services(infrastructure: Infrastructure) -> None:
    tries = {
        "take": lambda channel: channel.basic_get(topology.SUBSCRIPTIONS[0].queue),
        "empty": lambda channel: channel.queue_purge(topology.SUBSCRIPTIONS[0].queue),
        "delete": lambda channel: channel.queue_delete(topology.SUBSCRIPTIONS[0].queue),
        "publish": lambda channel: channel.basic_publish(Message("{}"), topology.EVENTS, "speedmentor.matching.x.v1"),
        "call": lambda channel: channel.basic_publish(Message("{}"), topology.RPC_EXCHANGE, "registration.x"),
    }
    allowed = []
    for name, attempt in tries.items():
        with Connection(infrastructure.amqp_uri(topology.ACCOUNTS_ADMIN)) as connection:
            channel = connection.channel()
            try:
                attempt(channel)
                # What is published is answered only when it is refused, and before what comes after it.
                channel.basic_qos(0, 1, False)
                allowed.append(name)
            except AccessRefused:
                pass
    assert allowed == []


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_restarted_broker_still_has_what_was_published(
    infrastructure: Infrastructure, eventually: Callable[..., object], kill: bool
) -> None:
    queue = topology.subscription("feedback", "meetings")
    before = depth(infrastructure.amqp_uri(), queue.queue)
    publish(infrastructure.amqp_uri(), queue.binding_keys[0])
    pid = infrastructure.state.daemons["rabbitmq"].pid
    infrastructure.restart_broker(kill=kill)
    assert infrastructure.state.daemons["rabbitmq"].pid != pid
    # A queue counts only once it has elected its leader.
    eventually(lambda: depth(infrastructure.amqp_uri(), queue.queue) == before + 1, 20, "the event is in the queue")


def test_a_database_that_stepped_down_or_was_killed_takes_writes_again(
    infrastructure: Infrastructure, mongo_uri: Callable[..., str], eventually: Callable[..., object]
) -> None:
    with MongoClient(mongo_uri(), retryWrites=False) as client:
        things = client.get_default_database()["things"]
        things.insert_one({"_id": 1})
        elected = client.admin.command("hello")["electionId"]

        def writes() -> bool:
            try:
                return things.replace_one({"_id": 3}, {}, upsert=True).acknowledged
            except (AutoReconnect, NotPrimaryError):
                return False

        def has_stepped_down() -> bool:
            # It may refuse, for example while another election is under way.
            infrastructure.step_down_database(seconds=1)
            eventually(writes, 30, "the database takes writes")
            return bool(client.admin.command("hello")["electionId"] > elected)

        eventually(has_stepped_down, 60, "another election")
        infrastructure.restart_database(kill=True)
        eventually(writes, 30, "the database takes writes")
        assert things.count_documents({"_id": 1}) == 1


def test_a_virtual_host_of_its_own_starts_empty(infrastructure: Infrastructure, amqp_uri: Callable[..., str]) -> None:
    with Connection(amqp_uri("feedback")) as connection, pytest.raises(Exception, match="NOT_FOUND"):
        connection.channel().queue_declare("speedmentor.feedback.meetings", passive=True)
    with Connection(amqp_uri()) as connection:
        topology.declare(connection)
    assert depth(amqp_uri(), "speedmentor.feedback.meetings") == 0


def test_given_addresses_are_used_as_they_are_and_nothing_is_started(
    infrastructure: Infrastructure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMQP_URI", infrastructure.amqp_uri())
    monkeypatch.setenv("MONGO_URI", infrastructure.mongo_uri("any"))
    other = Infrastructure(tmp_path / "run")
    try:
        other.up()
        assert other.state.daemons == {}
        settings = other.environment("matching")
        assert settings["AMQP_URI"] == infrastructure.amqp_uri()
        assert settings["MONGO_URI"] == infrastructure.mongo_uri("matching")
        with pytest.raises(LaunchError, match="AMQP_URI"):
            other.restart_broker()
    finally:
        other.down()
    assert infrastructure.status()["rabbitmq"].startswith("running")


def test_a_broker_that_cannot_start_is_said_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = tmp_path / "rabbitmq-server"
    failing.write_text("#!/bin/sh\necho the disk is full\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(installing, "RABBITMQ", failing)
    launcher = Infrastructure(tmp_path / "run")
    with pytest.raises(LaunchError, match="the disk is full"):
        launcher.up()
    assert processes_of(tmp_path) == []


def test_commands_see_what_another_process_started(infrastructure: Infrastructure) -> None:
    root = str(infrastructure.space.root)
    script = "import sys, pathlib, deploy.local as it; print(it.Infrastructure(pathlib.Path(sys.argv[1])).status())"
    result = subprocess.run([sys.executable, "-c", script, root], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str(infrastructure.status())


def test_what_a_killed_test_run_left_is_ended(tmp_path: Path) -> None:
    orphaned = tmp_path / "test-999999999"
    left = Infrastructure(orphaned)
    left.up()
    try:
        sweep(tmp_path)
        assert processes_of(tmp_path) == []
        assert not orphaned.exists()
    finally:
        left.down()
