"""Given three brokers and three members of the database, when any one dies during the rounds: nothing is lost."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from events import SEED, Result, run_meddled, write_report
from meddling import Meddling, kill_each, until_the_rounds
from stack import CHECKOUT, SERVICES, Stack, docker, free_port, seconds_since

from deploy.compose.secrets import Secrets
from deploy.demo.files import EventFiles
from deploy.demo.system import settings_of
from deploy.local.waiting import eventually
from shared.clock import FastClock

BROKERS = ("broker", "broker-2", "broker-3")

#: Event seconds a second: rounds long enough for three nodes to die and come back.
SPEED = 85.0


@pytest.fixture(scope="module")
def cluster(
    settings: tuple[dict[str, str], FastClock],
    secrets: Secrets,
    docker_compose_file: list[str],
    archipelago: EventFiles,
    took: dict[str, float],
) -> Iterator[Stack]:
    """The stack with the overlay of the cluster."""
    clock = FastClock(datetime.now(UTC), archipelago.day_before, SPEED)
    given = {**settings[0], **settings_of(clock)}
    base, observed = docker_compose_file
    ports = {name: str(free_port()) for name in ("HTTP_PORT", "OBSERVED_BROKER_PORT", "OBSERVED_DATABASE_PORT")}
    files = [base, str(CHECKOUT / "deploy" / "compose" / "cluster.yml"), observed]
    found = Stack(f"speedmentor-cluster-{os.getpid()}", files, secrets, {**given, **ports}, clock)
    began = time.monotonic()
    try:
        found.up()
        took["start of the cluster"] = seconds_since(began)
        yield found
    finally:
        found.down()
    assert found.left() == []


def _queues(stack: Stack) -> list[dict[str, object]]:
    for broker in BROKERS:
        names = stack.containers(broker)
        if names:
            columns = ("name", "type", "members", "online", "leader")
            said = docker(
                *("exec", names[0], "rabbitmqctl", "-q", "--formatter", "json"),
                *("list_queues", "-p", stack.vhost, *columns),
            )
            return [each for each in json.loads(said) if each["type"] == "quorum"]
    raise AssertionError("no broker runs")


def _all_queues_are_on_three_nodes(stack: Stack) -> bool:
    found = _queues(stack)
    return len(found) >= 20 and all(len(each["members"]) == len(each["online"]) == 3 for each in found)  # type: ignore[arg-type]


def _primary(stack: Stack) -> str:
    """The Compose service that is the database's primary now; empty while there is none."""
    with stack.database() as client:
        host = str(client.admin.command("hello").get("primary", "")).partition(":")[0]
    return "database" if host == "database-1" else host


def _lose_a_broker(meddling: Meddling) -> None:
    meddling.pause(0.5, 2)
    service = meddling.random.choice(BROKERS)
    _lose(meddling, service)


def _lose_the_primary(meddling: Meddling) -> None:
    meddling.pause(0.5, 2)
    before = _primary(meddling.stack)
    _lose(meddling, before)
    # Another one has taken over meanwhile, or the same one again if it was the quickest.
    eventually(lambda: _primary(meddling.stack), 60, "there is a primary again")


def _lose(meddling: Meddling, service: str) -> None:
    stack = meddling.stack
    (container,) = stack.containers(service)
    meddling.note(f"lose {service}")
    stack.kill(container)
    meddling.done.nodes_lost.append(service)
    eventually(lambda: stack.inspect(container)["RestartCount"] > 0, 60, f"{service} is started again", pause=0.2)
    stack.wait_healthy(service)


@pytest.fixture(scope="module")
def result(cluster: Stack, archipelago: EventFiles, took: dict[str, float]) -> Result:
    eventually(lambda: _all_queues_are_on_three_nodes(cluster), 120, "every queue has three members", pause=2)
    course = [until_the_rounds, _lose_a_broker, _lose_the_primary, _lose_a_broker, kill_each("matching", "feedback")]
    found = run_meddled(cluster, archipelago, Meddling(cluster, SEED, course))
    write_report("three of each", found, took)
    return found


def test_a_whole_event_is_held_without_loss_while_nodes_die(result: Result) -> None:
    found = result.found
    assert [site["rounds_held"] for site in found["sites"]] == [found["rounds"]] * 3
    assert (found["differences"], found["faults"], found["dead_letters"]) == ([], [], 0)
    assert found["clean"]
    assert (result.account.lost, result.account.doubled) == ([], [])
    assert result.account.committed == result.account.heard > 500


def test_brokers_and_the_primary_have_died_during_the_rounds(result: Result) -> None:
    done = result.done
    assert len(done.nodes_lost) == 3
    assert sum(each in BROKERS for each in done.nodes_lost) == 2
    stages = [each["stage"] for each in done.course if str(each["what"]).startswith("lose")]
    # On a slow machine the last one may come when feedback is being collected.
    assert stages[:2] == ["holding the rounds"] * 2


def test_every_queue_is_on_three_nodes_again(cluster: Stack, result: Result) -> None:
    eventually(lambda: _all_queues_are_on_three_nodes(cluster), 120, "every queue has three members", pause=2)


def test_all_members_of_the_database_have_the_data_again(cluster: Stack, result: Result) -> None:
    def are_well() -> bool:
        with cluster.database() as client:
            members = client.admin.command("replSetGetStatus")["members"]
        return sorted(each["stateStr"] for each in members) == ["PRIMARY", "SECONDARY", "SECONDARY"]

    eventually(are_well, 60, "all members are well")


def test_all_services_are_well_again(cluster: Stack, result: Result) -> None:
    for service in SERVICES:
        cluster.wait_healthy(service)
