"""Where events are held with injected faults: one system for many events, with an observer that hears all of them."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from deploy.demo.files import read_files
from deploy.demo.observer import Observer
from deploy.demo.system import System, clock_from, running
from deploy.demo.whole import run_event
from deploy.local import RUN, Infrastructure
from deploy.local.infrastructure import sweep
from deploy.local.space import CHECKOUT
from shared.operations.checking import look, settle
from tests.faults.event.accounts import Account, Books, stock
from tests.faults.event.fault_injection import FaultInjection, InjectedFault

SMALL = CHECKOUT / "examples" / "small"

#: Where what is left of a failure, and the report, are kept.
KEPT = RUN / "faults"

#: Real seconds that a step may take, and that all may take to come to rest: the back-offs of a failed event are 41 s.
PATIENCE, REST = 120.0, 90.0


@dataclass(frozen=True)
class EventOutcome:
    """How an event went: its report, the account of it, what the services hold wrongly, and the faults injected."""

    report: dict[str, Any]
    account: Account
    stock: list[str]
    differences: list[str]
    injected: list[InjectedFault]
    stages: dict[str, float]

    @property
    def wrong(self) -> list[str]:
        """All that is wrong, in words."""
        dead = [f"{self.report['dead_letters']} dead letters"] if self.report["dead_letters"] else []
        return [
            *self.report["faults"],
            *self.report["differences"],
            *self.differences,
            *dead,
            *self.account.lost,
            *self.account.doubled,
            *self.stock,
        ]


class Ground:
    """A system in ``folder`` on a clock of ``speed``; events are held on it one after the other."""

    def __init__(self, folder: Path, speed: float) -> None:
        self.folder = folder
        self._speed = speed
        self._stack = contextlib.ExitStack()
        self._system: System | None = None
        self._observer: Observer | None = None
        self._programs = 0

    def _up(self) -> tuple[System, Observer]:
        if self._system is None or self._observer is None:
            clock = clock_from(read_files(SMALL).day_before, self._speed)
            self._system = self._stack.enter_context(running(clock, self.folder))
            self._observer = self._stack.enter_context(Observer(self._system.infrastructure.amqp_uri()))
            self._programs = 0
        return self._system, self._observer

    def hold(self, injected: Iterable[InjectedFault] = (), seed: int = 1) -> EventOutcome:
        """Hold the small event under ``injected``, let all come to rest, and look what has become of it.

        Raises:
            Refused, Unreachable, Overdue, LaunchError: the event could not be brought to its end.
        """
        system, observer = self._up()
        self._programs += 1
        with FaultInjection(system, injected) as injection:
            report = run_event(system, texts(system), seed=seed, watcher=injection, patience=PATIENCE, rest=REST)
        # A fault may have come after the last look, and what it hit may still be starting.
        system.deployment.wait_ready()
        organizer = system.organizer(PATIENCE)
        finding = settle(lambda: look(organizer, [report["program_id"]], system.operator_uri), REST)
        return EventOutcome(
            report,
            Books(system, observer).balance(report["program_id"]),
            stock(organizer, report, self._programs),
            [str(each) for each in (*finding.programs[report["program_id"]], *finding.broker)],
            injection.done,
            injection.stages,
        )

    def leave(self, keep_logs: str | None = None) -> None:
        """Stop all and forget it, so that the next event finds everything new; the logs can be kept under a name."""
        if keep_logs and (self.folder / "log").is_dir():
            shutil.rmtree(KEPT / keep_logs, ignore_errors=True)
            shutil.copytree(self.folder / "log", KEPT / keep_logs)
        self._system = self._observer = None
        self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def texts(system: System) -> Mapping[str, str]:
    """The files of the small event, on a day that is still to come by the system's clock."""
    found = dict(read_files(SMALL).texts)
    day = (system.clock.now() + timedelta(days=2)).date()
    found["program.toml"], changed = re.subn(r"(?m)^date = \S+$", f"date = {day}", found["program.toml"])
    if changed != 1:
        raise ValueError(f"{SMALL / 'program.toml'} has no line with its date")
    return found


def grounds(name: str, speed: float) -> Iterator[Ground]:
    """For a fixture: a ground of this test run's own, left at the end."""
    within = RUN / name
    # Named so that what a killed run leaves behind is found by the next one.
    sweep(within)
    ground = Ground(within / f"test-{os.getpid()}", speed)
    try:
        yield ground
    finally:
        ground.leave()
        Infrastructure(ground.folder).down()
        shutil.rmtree(ground.folder, ignore_errors=True)
