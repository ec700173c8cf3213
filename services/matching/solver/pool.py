"""Some planning processes: one is kept warm, others come while there is more to do than it gets done at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import Any, TypeVar

import structlog

from services.matching.solver.parent import Answer, Died, Solver

log = structlog.get_logger()

Reply = TypeVar("Reply")

#: Seconds that a question waits for a warm process before one more is started: starting one takes as long.
PATIENCE = 0.3
#: How often a question is asked whose process dies. It may have died of something else, but a question that kills its
#: process must not do so for ever.
TRIES = 3


class Pool:
    """At most ``size`` planning processes, each for one question at a time; callers beyond these wait their turn."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._first = Solver()
        self._all = [self._first, *(Solver() for _ in range(size - 1))]
        self._spare = self._all[1:]
        #: For whom each process is at work.
        self._lent: dict[Solver, object] = {}
        # Last in, first out: what was used last is warm.
        self._free: LifoQueue[Solver] = LifoQueue()
        self._free.put(self._first)

    def start(self) -> None:
        """Have a process ready, so that the first question finds it warm."""
        self._first.start()

    def ask(
        self,
        question: dict[str, Any],
        seconds: float,
        progress: Callable[[float], None] = lambda share: None,
        owner: object = None,
    ) -> Answer:
        """See :meth:`Solver.ask`; asked again, up to :data:`TRIES` times in all, where the process dies."""
        return self._try(owner, lambda solver: solver.ask(question, seconds, progress))

    def pair(
        self, rankings: dict[str, Any], rest: dict[str, Any], seconds: float, owner: object = None
    ) -> dict[str, Any]:
        """See :meth:`Solver.pair`; asked again as in :meth:`ask`."""
        return self._try(owner, lambda solver: solver.pair(rankings, rest, seconds))

    def cancel(self, owner: object = None) -> None:
        """Give up the questions in hand that were asked for ``owner``."""
        for solver, its in list(self._lent.items()):
            if its is owner:
                solver.cancel()

    def refuse(self) -> None:
        """Give up the questions in hand and those that wait, and take no others: they end with ``Stopped``."""
        for solver in self._all:
            solver.refuse()

    def rest(self) -> None:
        """Of the processes that nobody is asking, keep the first only."""
        is_here = False
        while True:
            try:
                solver = self._free.get_nowait()
            except Empty:
                break
            if solver is self._first:
                is_here = True
            else:
                solver.stop()
                self._spare.append(solver)
        if is_here:
            self._free.put(self._first)

    def stop(self) -> None:
        """End all processes."""
        for solver in self._all:
            solver.stop()

    def _try(self, owner: object, ask: Callable[[Solver], Reply]) -> Reply:
        for tried in range(1, TRIES + 1):
            try:
                with self._one(owner) as solver:
                    return ask(solver)
            except Died as death:
                log.warning("planner-died", tried=tried, of=TRIES)
                last = death
        raise last

    @contextmanager
    def _one(self, owner: object) -> Iterator[Solver]:
        solver = self._borrow()
        self._lent[solver] = owner
        try:
            yield solver
        finally:
            del self._lent[solver]
            self._free.put(solver)

    def _borrow(self) -> Solver:
        while True:
            try:
                return self._free.get(timeout=PATIENCE)
            except Empty:
                # One may have been put to rest since by somebody else.
                if self._spare:
                    return self._spare.pop()
