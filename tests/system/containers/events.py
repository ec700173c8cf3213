"""Events on a stack to which something is done meanwhile, and the report on all of them."""

import json
import os
import time
from collections.abc import Container
from typing import Any

from accounting import QUEUES, Account, settle_accounts
from meddling import Done, Meddling
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


def run_meddled(stack: Stack, files: EventFiles, meddling: Meddling, queues: Container[str] = QUEUES) -> Result:
    """Run the event over the gateway's API while ``meddling`` goes on, and look at all afterwards.

    ``queues`` are those that must have taken in all that is for them.
    """
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
        observer.catch_up(PATIENCE)
        found = report.document(outcome, observer, finding, dead, 0)
        account = settle_accounts(stack, observer, outcome.program_id, queues)
    found["durations"]["all"] = seconds_since(began)
    return Result(found, meddling.done, account)


def write_report(name: str, result: Result, took: dict[str, float]) -> None:
    """Add the event on the stack called ``name`` to the report, and its figures to the totals."""
    known = json.loads(REPORT.read_text(encoding="utf-8")) if REPORT.exists() else {}
    # Of this run only.
    stacks = known["stacks"] if known.get("run") == os.getpid() else {}
    account, done = result.account, result.done
    stacks[name] = {
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
        "scaled": done.scaled,
        "course": done.course,
        "repetitions_heard": result.found["event_repetitions"],
        "differences": result.found["differences"],
        "faults": [*result.found["faults"], *account.lost, *account.doubled],
        "seconds": {**took, "event": result.found["durations"]},
    }
    counted = [key for key, value in stacks[name].items() if type(value) is int and key != "seed"]
    totals = {key: sum(each[key] for each in stacks.values()) for key in counted}
    clean = all(each["clean"] for each in stacks.values())
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(
        json.dumps({**totals, "clean": clean, "run": os.getpid(), "stacks": stacks}, indent=2) + "\n", encoding="utf-8"
    )
