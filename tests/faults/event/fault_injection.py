"""Faults injected into parts of a running system, at moments told by the event's own stages, not by the clock alone.

A kill makes an event take longer, and a busy machine too. A moment that is so many seconds *into a stage* is the same
moment all the same, so that a seed hits what it hit before.
"""

import random
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from deploy.demo.faults import BROKER, DATABASE, Kill
from deploy.demo.system import System
from shared.messaging.topology import SERVICES

#: What is restarted in peace, and the primary that gives up its office: cut off from everybody, but not dead.
RESTART, STEP_DOWN = "restart", "step-down"

#: Seconds without a primary.
WITHOUT_PRIMARY = 2


@dataclass(frozen=True)
class InjectedFault:
    """``what`` fails ``after`` real seconds of the ``stage``; ``how`` is to kill it unless said otherwise."""

    what: str
    stage: str
    after: float
    how: str = "kill"

    def carry_out(self, system: System) -> None:
        """Inject it now, and see that it is started again."""
        match self.what, self.how:
            case what, "kill":
                Kill(what, 0).carry_out(system)
            case "broker", "restart":
                system.infrastructure.restart_broker()
            case "database", "step-down":
                system.infrastructure.step_down_database(WITHOUT_PRIMARY)
            case what, how:
                raise ValueError(f"{what} knows no {how}")

    def __str__(self) -> str:
        return f"{self.how} {self.what} {self.after:.2f} s into {self.stage!r}"


class FaultInjection:
    """A watcher of an event that carries out ``injected`` as their stages come; leaving it waits for those begun."""

    def __init__(self, system: System, injected: Iterable[InjectedFault] = ()) -> None:
        self._system = system
        self._due = list(injected)
        self._timers: list[threading.Timer] = []
        # One after the other: two restarts at once would fight about the same files.
        self._one = threading.Lock()
        self._stage: tuple[str, float] = ("", time.monotonic())
        self._errors: list[Exception] = []
        self.done: list[InjectedFault] = []
        #: Real seconds of every stage so far.
        self.stages: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        for each in self._timers:
            # After an error nothing more is to come; else also what falls behind the event's end is carried out.
            if error is not None:
                each.cancel()
            each.join()
        if self._errors and error is None:
            raise self._errors[0]

    def stage(self, name: str) -> None:
        """A stage begins: its faults are due from now on."""
        self._end()
        self._stage = (name, time.monotonic())
        for each in [each for each in self._due if each.stage == name]:
            timer = threading.Timer(each.after, self._carry_out, [each])
            timer.start()
            self._timers.append(timer)

    def step(self, done: int, of: int) -> None:
        """Nothing to do."""

    def sessions(self, views: Iterable[dict[str, Any]]) -> None:
        """Nothing to do."""

    def _end(self) -> None:
        name, began = self._stage
        if name:
            self.stages[name] = time.monotonic() - began
        self._stage = ("", 0.0)

    def _carry_out(self, injected_fault: InjectedFault) -> None:
        try:
            with self._one:
                injected_fault.carry_out(self._system)
            self.done.append(injected_fault)
        except Exception as error:  # kept for the thread that waits
            self._errors.append(error)


def drawn(seed: int, stages: Mapping[str, float], most: int = 4) -> Sequence[InjectedFault]:
    """1 to ``most`` kills of random services at random moments of an event with these ``stages`` (seconds when well).

    Half of the moments are even over time; half are even over the stages, so that the short ones, in which most is
    written, are outcome as well.
    """
    chance = random.Random(seed)
    names, lengths = list(stages), list(stages.values())
    injected = []
    for _ in range(chance.randint(1, most)):
        weights = lengths if chance.random() < 0.5 else [1.0] * len(names)
        stage = chance.choices(names, weights)[0]
        injected.append(InjectedFault(chance.choice(SERVICES), stage, round(chance.random() * stages[stage], 3)))
    return injected


__all__ = ["BROKER", "DATABASE", "RESTART", "STEP_DOWN", "FaultInjection", "InjectedFault", "drawn"]
