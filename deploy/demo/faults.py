"""Faults on purpose while the event runs: parts are killed and started again."""

import re
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from deploy.demo.system import System
from shared.messaging.topology import SERVICES

BROKER, DATABASE = "broker", "database"


@dataclass(frozen=True)
class Kill:
    """``what`` (a service, the broker or the database) dies ``after`` real seconds, and is started again."""

    what: str
    after: float

    @classmethod
    def parse(cls, text: str) -> "Kill":
        """The kill written as ``service@seconds``.

        Raises:
            ValueError: it is not; the text says what can be killed.
        """
        found = re.fullmatch(r"([a-z_-]+)@(\d+(?:\.\d+)?)", text)
        what = found[1].replace("-", "_") if found else ""
        if not found or what not in (*SERVICES, BROKER, DATABASE):
            raise ValueError(
                f"{text!r} is not <what>@<seconds>, with one of {', '.join((*SERVICES, BROKER, DATABASE))}"
            )
        return cls(what, float(found[2]))

    def carry_out(self, system: System) -> None:
        """Kill now, and start again."""
        match self.what:
            case "broker":
                system.infrastructure.restart_broker(kill=True)
            case "database":
                system.infrastructure.restart_database(kill=True)
            case service:
                system.deployment.kill(f"{service}-1")
                system.deployment.restart(f"{service}-1", wait=False)


class Killing:
    """Carries out ``kills`` at their times from ``with`` on; the end waits for those that have begun."""

    def __init__(self, system: System, kills: list[Kill]) -> None:
        self._system = system
        self._timers = [threading.Timer(each.after, self._carry_out, [each]) for each in kills]
        self._errors: list[Exception] = []
        # One after the other: two restarts at once would fight about the same files.
        self._one = threading.Lock()
        self.done: list[Kill] = []
        #: How many have had their turn, also those that could not be carried out.
        self.tried = 0

    def __enter__(self) -> Self:
        for each in self._timers:
            each.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._timers:
            each.cancel()
        for each in self._timers:
            each.join()
        if self._errors and error is None:
            raise self._errors[0]

    def _carry_out(self, kill: Kill) -> None:
        try:
            with self._one:
                kill.carry_out(self._system)
            self.done.append(kill)
        except Exception as error:  # kept for the thread that waits
            self._errors.append(error)
        finally:
            self.tried += 1
