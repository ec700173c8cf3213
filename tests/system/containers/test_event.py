"""Given the stack, when an event runs on it while parts die, multiply and are replaced: nothing is lost or doubled."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from accounting import Account, settle_accounts
from meddling import SCALED, Done, Meddling, kill_each, lose, scale_out, until_the_rounds, upgrade_each
from stack import CHECKOUT, SERVICES, Stack, seconds_since

from deploy.demo import report
from deploy.demo.event import Run
from deploy.demo.files import EventFiles
from deploy.demo.observer import Observer
from shared.messaging.connection import connect
from shared.operations.checking import look, settle
from shared.operations.dead_letters import DeadLetters

REPORT = CHECKOUT / ".run" / "system" / "report.json"

SEED = 11

#: Real seconds in which anything must happen that is waited for, and in which all must come to rest afterwards.
PATIENCE, REST = 180.0, 90.0


class Result:
    """What came of one event and of what was done to its stack."""

    def __init__(self, found: dict[str, Any], done: Done, account: Account) -> None:
        self.found = found
        self.done = done
        self.account = account


def run_meddled(stack: Stack, files: EventFiles, meddling: Meddling) -> Result:
    """Run the event over the gateway's API while ``meddling`` goes on, and look at all afterwards."""
    organizer = stack.organizer(PATIENCE)
    began = time.monotonic()
    with Observer(stack.amqp_uri()) as observer:
        with meddling:
            run = Run(organizer, stack.clock, seed=SEED, lead=8.0, patience=PATIENCE, watcher=meddling)
            outcome = run.whole(files.texts)
        for service in SERVICES:
            stack.wait_healthy(service, meddling.done.scaled.get(service, 1))
        finding = settle(lambda: look(organizer, [outcome.program_id], stack.amqp_uri("operator")), REST)
        with connect(stack.amqp_uri("operator"), "speedmentor-test") as connection:
            dead = sum(pile.count for pile in DeadLetters(connection).piles())
        found = report.document(outcome, observer, finding, dead, 0)
        account = settle_accounts(stack, observer, outcome.program_id)
    found["durations"]["all"] = seconds_since(began)
    return Result(found, meddling.done, account)


@pytest.fixture(scope="module")
def result(stack: Stack, archipelago: EventFiles, newer: str, took: dict[str, float]) -> Result:
    course = [
        kill_each("registration", "matching", "gateway"),
        until_the_rounds,
        scale_out,
        kill_each(*SCALED, "gateway"),
        lose("broker"),
        lose("database"),
        upgrade_each(newer),
        kill_each(*SERVICES),
    ]
    found = run_meddled(stack, archipelago, Meddling(stack, SEED, course))
    write_report(found, took)
    return found


def write_report(result: Result, took: dict[str, float]) -> None:
    account, done = result.account, result.done
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "containers_killed": len(done.killed),
        "nodes_lost": len(done.nodes_lost),
        "upgrades": len(done.upgraded),
        "events_in": account.committed,
        "events_out": account.heard,
        "deliveries_due": account.due,
        "deliveries_taken_in": account.taken_in,
        "lost": len(account.lost),
        "doubled": len(account.doubled),
        "clean": result.found["clean"],
        "seed": SEED,
        "killed": done.killed,
        "lost_nodes": done.nodes_lost,
        "upgraded": done.upgraded,
        "scaled": done.scaled,
        "course": done.course,
        "repetitions_heard": result.found["event_repetitions"],
        "differences": result.found["differences"],
        "faults": result.found["faults"],
        "seconds": {**took, "event": result.found["durations"]},
    }
    REPORT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


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
    assert len(done.killed) == 3 + 4 + 5
    assert done.nodes_lost == ["broker", "database"]
    assert done.upgraded == list(SERVICES)
    for service in SERVICES:
        names = stack.containers(service)
        assert len(names) == SCALED.get(service, 1)
        images = {stack.inspect(name)["Config"]["Image"] for name in names}
        assert images == {f"speedmentor/{service}:{newer}"}
    during = {each["what"]: each["stage"] for each in done.course}
    assert {during[f"newer {service}"] for service in SERVICES} == {"holding the rounds"}
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
