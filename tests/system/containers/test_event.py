"""Given the stack, when an event runs on it while parts die, multiply and are replaced: nothing is lost or doubled."""

import subprocess
import sys
from pathlib import Path

import pytest
from events import SEED, Result, run_meddled, write_report
from meddling import SCALED, Meddling, kill_each, lose, scale_out, until_the_rounds, upgrade_each
from stack import SERVICES, Stack, docker

from deploy.demo.files import EventFiles
from deploy.images.building import tag_of


@pytest.fixture(scope="module")
def result(stack: Stack, archipelago: EventFiles, newer: str, took: dict[str, float]) -> Result:
    course = [
        kill_each("registration", "matching", "gateway"),
        until_the_rounds,
        scale_out,
        kill_each(*SCALED, "gateway", least=0.2, most=1.5),
        lose("broker"),
        lose("database"),
        upgrade_each(newer),
        kill_each(*SERVICES),
    ]
    found = run_meddled(stack, archipelago, Meddling(stack, SEED, course))
    write_report("one of each", found, took)
    return found


def test_the_event_comes_to_its_end(result: Result) -> None:
    found = result.found
    assert [site["rounds_held"] for site in found["sites"]] == [found["rounds"]] * 3
    assert found["meetings"]["held"] == found["meetings"]["planned"] > 100
    assert found["feedback"] == 2 * found["meetings"]["held"]
    assert found["connections"] > 0


def test_all_services_agree_afterwards_and_no_letter_is_dead(result: Result) -> None:
    assert result.found["differences"] == []
    assert result.found["faults"] == []
    assert result.found["dead_letters"] == 0
    assert result.found["clean"]


def test_no_event_is_lost_and_none_doubled(result: Result) -> None:
    assert result.account.lost == []
    assert result.account.doubled == []
    assert result.account.committed == result.account.heard > 500
    assert result.account.due == result.account.taken_in > 400


def test_as_much_died_and_was_replaced_as_was_meant_to(stack: Stack, result: Result, newer: str) -> None:
    done = result.done
    assert len(done.killed) == 3 + 4 + 6
    assert done.nodes_lost == ["broker", "database"]
    assert done.upgraded == list(SERVICES)
    for service in SERVICES:
        names = stack.containers(service)
        assert len(names) == SCALED.get(service, 1)
        images = {stack.inspect(name)["Config"]["Image"] for name in names}
        assert images == {tag_of(service, newer)}
        versions = {docker("exec", name, "python3", "--version").strip() for name in names}
        assert all(each.startswith("Python 3.13.") for each in versions)
    during = {each["what"]: each["stage"] for each in done.course}
    # On a slow machine the last ones may come when feedback is being collected.
    assert {during[f"newer {service}"] for service in SERVICES[:3]} == {"holding the rounds"}
    # The engine brought back all of the last round of kills by itself.
    assert stack.restarts() >= len(SERVICES)


def test_the_operators_command_finds_all_in_order(stack: Stack, result: Result) -> None:
    command = [str(Path(sys.executable).with_name("speedmentor")), "check", "--url", stack.url, "--wait", "30"]
    password = str(stack.secrets.folder / "organizer-password")
    done = subprocess.run(
        [*command, "--password-file", password, "--amqp-uri", stack.amqp_uri("operator")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all services agree" in done.stdout
