"""A whole event on a running system, observed from outside and checked at the end: the demonstration and its tests."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.demo import report
from deploy.demo.event import Overdue, Run, Watcher
from deploy.demo.faults import Kill, Killing
from deploy.demo.observer import Observer
from deploy.demo.system import System
from shared.messaging.connection import connect
from shared.operations.api import Api
from shared.operations.checking import Finding, look, settle
from shared.operations.dead_letters import DeadLetters

#: Real seconds in which a healthy system comes to rest; one that was hurt has back-offs to wait out.
REST = 20.0


def run_event(
    system: System,
    files: Mapping[str, str],
    *,
    seed: int = 1,
    kills: Sequence[Kill] = (),
    watcher: Watcher | None = None,
    patience: float = 60.0,
    rest: float = REST,
    began: float | None = None,
) -> dict[str, Any]:
    """Run the event in ``files`` and return its report (see :func:`deploy.demo.report.document`).

    Args:
        system: where it runs.
        files: text by file name.
        seed: for absences and answers.
        kills: what dies meanwhile, in real seconds from the start of the event.
        watcher: sees how it goes on.
        patience: real seconds that one step may take.
        rest: real seconds in which all must have come to rest after the end.
        began: ``time.monotonic()`` when the set-up began, for the report.

    Raises:
        Refused, Unreachable, Overdue: the event could not be brought to its end.
    """
    setup = time.monotonic() - began if began is not None else 0.0
    organizer = system.organizer(patience)
    # The observer is a stranger here: no service's account, and a queue of its own.
    with Observer(system.infrastructure.amqp_uri()) as observer, Killing(system, list(kills)) as killing:
        run = Run(organizer, system.clock, seed=seed, patience=patience, watcher=watcher)
        try:
            outcome = run.whole(files)
        except Overdue as error:
            # What the services disagree on tells where it got stuck.
            stuck = _look(system, organizer, run.outcome.program_id)
            differences = [str(each) for found in (*stuck.programs.values(), stuck.broker) for each in found]
            raise Overdue("\n".join([str(error), *differences[:20]])) from error
        if watcher:
            watcher.stage("checking that all services agree")
        while killing.tried < sum(each.after <= time.monotonic() - run.began for each in kills):
            time.sleep(0.05)
        finding = settle(lambda: _look(system, organizer, outcome.program_id), rest)
        try:
            # It may still be on its way back to a broker that was away.
            observer.catch_up(rest)
        except TimeoutError as error:
            raise Overdue(str(error)) from error
        found = report.document(outcome, observer, finding, _dead(system), setup)
    return {**found, "kills": [{"what": each.what, "after": each.after} for each in killing.done]}


def _look(system: System, organizer: Api, program_id: str) -> Finding:
    return look(organizer, [program_id], system.operator_uri)


def _dead(system: System) -> int:
    with connect(system.operator_uri, "speedmentor-demo") as connection:
        return sum(pile.count for pile in DeadLetters(connection).piles())
