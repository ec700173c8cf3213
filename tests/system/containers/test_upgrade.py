"""Given the release before, when today's joins and then replaces it while an event runs: nothing is lost.

The stack starts from the images, the Compose file and the secrets of the release before. During the rounds replicas of
both releases work side by side, on the same queues and in the same databases, and some of both are killed. Then today's
replace the others one service after the other, as the documentation tells operators to.
"""

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from events import REST, SEED, Result, run_meddled, write_report
from meddling import Meddling, kill_each, until_the_rounds, upgrade_each
from stack import CHECKOUT, SERVICES, Stack, docker, free_port

from deploy.compose.secrets import Secrets
from deploy.demo.files import EventFiles
from deploy.demo.system import settings_of
from deploy.images import building
from shared.clock import FastClock

#: The commit of the release before: what today's replicas must be able to work beside.
RELEASE_BEFORE = "4a5e677cef31c7ce7734666ac9070e28f172475a"
BEFORE = "test-before"

#: Event seconds a second: the rounds last long enough for both releases to hold some together.
SPEED = 50.0

#: As the documentation has it: the broker reads a file, and its container has no other place to write than this.
LOAD_DEFINITIONS = "cat > /tmp/new.json && rabbitmqctl import_definitions /tmp/new.json && rm /tmp/new.json"

#: Services that the release before has not: they join when it is their turn.
NEW = ("integrations",)

#: Services of which both releases run at the same time; of the gateway, which has the port, there is one.
SIDE_BY_SIDE = ("matching", "registration", "session_timer", "feedback")


@pytest.fixture(scope="module")
def tree_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of the release before."""
    archive = ["git", "-C", str(CHECKOUT), "archive", "--format=tar", RELEASE_BEFORE]
    done = subprocess.run(archive, capture_output=True, check=False)
    if done.returncode:
        pytest.fail(f"the release before is not in this clone ({done.stderr.decode().strip()}): git fetch --unshallow")
    folder = tmp_path_factory.mktemp("release-before")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tree:
        tree.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def images_before(tree_before: Path, images: dict[str, str]) -> Iterator[str]:
    """The tag of the images of the release before."""
    known = [image for image in building.IMAGES if image not in NEW]
    for _ in building.build(known, images["PYTHON_IMAGE"], BEFORE, tree_before):
        pass
    yield BEFORE
    tags = [building.tag_of(image, BEFORE) for image in known]
    subprocess.run(["docker", "image", "rm", *tags], capture_output=True, check=False)


@pytest.fixture(scope="module")
def secrets_before(tree_before: Path, tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    """The secrets as the release before makes them."""
    folder = tmp_path_factory.mktemp("secrets")
    subprocess.run([sys.executable, "-m", "deploy.compose.secrets", str(folder)], cwd=tree_before, check=True)
    return Secrets(folder)


@pytest.fixture(scope="module")
def queues_before(secrets_before: Secrets) -> frozenset[str]:
    """The queues that the release before has."""
    definitions = json.loads((secrets_before.folder / "definitions.json").read_text(encoding="utf-8"))
    return frozenset(each["name"] for each in definitions["queues"])


@pytest.fixture(scope="module")
def older(
    settings: tuple[dict[str, str], FastClock],
    tree_before: Path,
    images_before: str,
    secrets_before: Secrets,
    queues_before: frozenset[str],
    archipelago: EventFiles,
) -> Iterator[Stack]:
    """The whole product of the release before, up and healthy."""
    clock = FastClock(datetime.now(UTC), archipelago.day_before, SPEED)
    ports = {name: str(free_port()) for name in ("HTTP_PORT", "OBSERVED_BROKER_PORT", "OBSERVED_DATABASE_PORT")}
    version = {"SPEEDMENTOR_VERSION": images_before, "SPEEDMENTOR_SECRETS": str(secrets_before.folder)}
    files = [tree_before / "docker-compose.yml", Path(__file__).with_name("observed.yml")]
    environ = {**settings[0], **settings_of(clock), **version, **ports}
    found = Stack(f"speedmentor-upgrade-{os.getpid()}", files, secrets_before, environ, clock)
    try:
        found.up()
        yield found
    finally:
        found.down()
    assert found.left() == []


@pytest.fixture(scope="module")
def both() -> dict[str, set[str]]:
    """Filled while the event runs: service -> the images of it that were healthy at the same time."""
    return {}


@pytest.fixture(scope="module")
def result(
    older: Stack,
    settings: tuple[dict[str, str], FastClock],
    archipelago: EventFiles,
    queues_before: frozenset[str],
    both: dict[str, set[str]],
    took: dict[str, float],
) -> Result:
    today = settings[0]["SPEEDMENTOR_VERSION"]

    def prepare_the_broker(meddling: Meddling) -> None:
        meddling.note("today's queues and rights")
        older.files[0] = CHECKOUT / "docker-compose.yml"
        older.secrets.ensure()
        (broker,) = older.containers("broker")
        with (older.secrets.folder / "definitions.json").open("rb") as definitions:
            load = ["docker", "exec", "-i", broker, "sh", "-c", LOAD_DEFINITIONS]
            subprocess.run(load, stdin=definitions, check=True, capture_output=True, timeout=60)

    def prepare_the_database(meddling: Meddling) -> None:
        meddling.note("today's accounts")
        older.compose("run", "--rm", "--no-deps", "database-setup", SPEEDMENTOR_VERSION=today)

    def join(*services: str) -> Callable[[Meddling], None]:
        def step(meddling: Meddling) -> None:
            meddling.note(f"today's {', '.join(services)} beside the others")
            scale = [part for service in services for part in ("--scale", f"{service}=2")]
            older.compose(
                *("up", "-d", "--no-deps", "--no-recreate", "--wait", *scale, *services), SPEEDMENTOR_VERSION=today
            )
            for service in services:
                older.wait_healthy(service, 2)
                both[service] = {str(older.inspect(name)["Config"]["Image"]) for name in older.containers(service)}
                meddling.done.scaled[service] = 2
            if both.keys() == set(SIDE_BY_SIDE):
                meddling.note("both releases work")

        return step

    def replace_matching(meddling: Meddling) -> None:
        """Before any registration of today's tells matching alone what all have heard until now."""
        older.wait_healthy("matching", 2)
        meddling.note("no matching of before any more")
        older.upgrade("matching", today, 2)

    course = [
        prepare_the_broker,
        prepare_the_database,
        join("matching"),
        kill_each("matching", least=1.0, most=2.0),
        replace_matching,
        until_the_rounds,
        join(*SIDE_BY_SIDE[1:]),
        kill_each(*SIDE_BY_SIDE[1:], least=1.0, most=4.0),
        kill_each("session_timer", "matching", least=0.5, most=2.0),
        upgrade_each(today, NEW),
    ]
    found = run_meddled(older, archipelago, Meddling(older, SEED, course), queues_before)
    write_report("two releases", found, took)
    return found


def test_both_releases_have_worked_side_by_side_during_the_rounds(result: Result, both: dict[str, set[str]]) -> None:
    assert {service: len(found) for service, found in both.items()} == dict.fromkeys(SIDE_BY_SIDE, 2)
    during = {each["what"]: each["stage"] for each in result.done.course}
    assert during["both releases work"] == "holding the rounds"
    assert len(result.done.killed) == len(SIDE_BY_SIDE) + 2


def test_the_event_comes_to_its_end_and_all_services_agree(result: Result) -> None:
    found = result.found
    assert [site["rounds_held"] for site in found["sites"]] == [found["rounds"]] * 3
    assert found["meetings"]["held"] == found["meetings"]["planned"] > 100
    assert found["feedback"] == 2 * found["meetings"]["held"]
    assert (found["differences"], _new_faults(found["faults"]), found["dead_letters"]) == ([], [], 0)


def test_no_event_is_lost_and_none_doubled(result: Result) -> None:
    assert (result.account.lost, result.account.doubled) == ([], [])
    assert result.account.committed == result.account.heard > 500
    assert result.account.due == result.account.taken_in > 400


def test_only_todays_release_runs_in_the_end(
    older: Stack,
    result: Result,
    settings: tuple[dict[str, str], FastClock],
    eventually: Callable[..., object],
) -> None:
    today = settings[0]["SPEEDMENTOR_VERSION"]
    for service in SERVICES:
        images = {older.inspect(name)["Config"]["Image"] for name in older.containers(service)}
        assert images == {building.tag_of(service, today)}
    # The release before has no queue for the programs' progress, so nothing has waited for it until here.
    eventually(lambda: _messages_left(older) == {}, REST, "every queue to be empty")


def _messages_left(stack: Stack) -> dict[str, int]:
    """Queue -> how many messages are in it, of those that are not empty."""
    queues = json.loads(docker("exec", stack.containers("broker")[0], *_LIST_QUEUES))
    return {queue["name"]: queue["messages"] for queue in queues if queue["messages"]}


def _new_faults(faults: list[str]) -> list[str]:
    """Without one that the release before had: a bell that it makes anew after a takeover says another time."""
    known = re.compile(r"speedmentor\.session-timer\.\S+ \S+ came again with other content")
    return [each for each in faults if not known.fullmatch(each)]


_LIST_QUEUES = ("rabbitmqctl", "-q", "--formatter", "json", "list_queues", "-p", "speedmentor", "name", "messages")
