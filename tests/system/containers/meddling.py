"""What happens to the stack while an event runs: kills at seeded moments, more containers, newer images."""

import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

from stack import SERVICES, Stack

from deploy.local.waiting import eventually

#: Containers of each service during the rounds.
SCALED = {"matching": 3, "session_timer": 2, "feedback": 2}


@dataclass
class Done:
    """What was done to the stack."""

    killed: list[str] = field(default_factory=list)
    nodes_lost: list[str] = field(default_factory=list)
    upgraded: list[str] = field(default_factory=list)
    scaled: dict[str, int] = field(default_factory=dict)
    #: What was done when: seconds from the start of the event, its stage, and what.
    course: list[dict[str, object]] = field(default_factory=list)


class Meddling:
    """Carries out a course of steps beside the event; an error in it is raised at the end of the ``with``."""

    def __init__(self, stack: Stack, seed: int, steps: list[Callable[["Meddling"], None]]) -> None:
        self.stack = stack
        self.random = random.Random(seed)
        self.done = Done()
        self._steps = steps
        self._error: BaseException | None = None
        self._giving_up = threading.Event()
        self._rounds = threading.Event()
        self._stage = "before"
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="meddling", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._giving_up.set()
        self._rounds.set()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    # It watches the event, to know when the rounds begin.

    def stage(self, name: str) -> None:
        """A stage of the event begins."""
        self._stage = name
        if name == "holding the rounds":
            self._rounds.set()

    def step(self, done: int, of: int) -> None:
        """Not of interest."""

    def sessions(self, views: object) -> None:
        """Not of interest."""

    def _run(self) -> None:
        try:
            for step in self._steps:
                if self._giving_up.is_set():
                    return
                step(self)
        except BaseException as error:  # kept for the thread that waits
            self._error = error

    def note(self, what: str) -> None:
        """Write down what is done now."""
        seconds = round(time.monotonic() - self._began, 1)
        self.done.course.append({"second": seconds, "stage": self._stage, "what": what})

    def kill(self, container: str) -> None:
        """Kill one container."""
        name = container.removeprefix(f"{self.stack.name}-")
        self.note(f"kill {name}")
        self.stack.kill(container)
        self.done.killed.append(name)

    def pause(self, least: float, most: float) -> None:
        """Let the event go on for a seeded while."""
        self._giving_up.wait(self.random.uniform(least, most))


def kill_each(*services: str, least: float = 0.5, most: float = 3.0) -> Callable[[Meddling], None]:
    """Kill one container of each service, in a seeded order, at seeded moments."""

    def step(meddling: Meddling) -> None:
        for service in meddling.random.sample(services, len(services)):
            meddling.pause(least, most)
            there = eventually(partial(meddling.stack.containers, service), 60, f"a container of {service} runs")
            meddling.kill(meddling.random.choice(there))

    return step


def until_the_rounds(meddling: Meddling) -> None:
    """Wait until the rounds begin."""
    meddling._rounds.wait()


def scale_out(meddling: Meddling) -> None:
    """Run more containers of three services."""
    meddling.note("more containers")
    meddling.stack.scale(**SCALED)
    meddling.done.scaled = dict(SCALED)


def upgrade_each(version: str, new: Collection[str] = ()) -> Callable[[Meddling], None]:
    """Replace every service by a newer image, one after the other, all its containers; ``new`` ones run only then."""

    def step(meddling: Meddling) -> None:
        for service in SERVICES:
            # Those killed a moment ago must be back, or they would not count among those replaced.
            count = meddling.done.scaled.get(service, 1)
            if service not in new:
                meddling.stack.wait_healthy(service, count)
            meddling.note(f"newer {service}")
            meddling.stack.upgrade(service, version, count)
            meddling.done.upgraded.append(service)

    return step


def lose(service: str) -> Callable[[Meddling], None]:
    """Kill the broker or the database, and go on when it is back."""

    def step(meddling: Meddling) -> None:
        meddling.pause(0.5, 2)
        (container,) = meddling.stack.containers(service)
        meddling.note(f"lose {service}")
        meddling.stack.kill(container)
        meddling.done.nodes_lost.append(service)
        eventually(
            lambda: meddling.stack.inspect(container)["RestartCount"] > 0, 60, f"{service} is started again", pause=0.2
        )
        meddling.stack.wait_healthy(service)

    return step
