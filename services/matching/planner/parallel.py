"""Plan the parts of an event, side by side in processes where there is enough to do."""

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence

from services.matching.planner.answer.plan import PartResult
from services.matching.planner.flow import same_rounds
from services.matching.planner.problem.parts import Field, Part
from services.matching.planner.problem.people import People
from services.matching.planner.problem.scores import Scoring
from services.matching.planner.rounds import own_rounds

Progress = Callable[[float], None]

ENOUGH = 3_000_000
"""Pairs to look at from which on processes pay; one with people who miss rounds counts many times."""
HARD = 20
WORK = 64.0
"""What integer programming may do for all parts together, in its own seconds."""
LEAST_WORK = 1.0


class Parts:
    """The parts of an event and what it takes to plan any of them."""

    def __init__(
        self,
        parts: Sequence[Part],
        people: People,
        scoring: Scoring,
        deadline: float | None,
        workers: int,
    ) -> None:
        self.fields = [Field(part, people, scoring) for part in parts]
        self.weight = [field.part.cells * (1 if field.uniform else HARD) for field in self.fields]
        hard = sum(not field.uniform for field in self.fields)
        self._work = min(own_rounds.WORK, max(LEAST_WORK, WORK / max(1, hard)))
        self._deadline = deadline
        self.workers = min(workers, len(self.fields))

    def plan(self, number: int, place: int) -> PartResult:
        """Plan part ``number``, the ``place``-th to be planned, in its share of the time left."""
        field = self.fields[number]
        deadline = self._deadline
        if deadline is not None:
            now = time.monotonic()
            deadline = now + max(0.0, deadline - now) * min(1.0, self.workers / (len(self.fields) - place))
        try:
            if field.uniform:
                return same_rounds.plan_part(field, deadline)
            return own_rounds.plan_part(field, deadline, self._work)
        finally:
            field.forget()


def plan_parts(parts: Parts, progress: Progress | None) -> list[PartResult]:
    """The results of all parts, in their order. What ``progress`` raises ends all work and is passed on."""
    whole = max(1, sum(parts.weight))
    order = sorted(range(len(parts.fields)), key=lambda number: -parts.weight[number])
    alone = parts.workers < 2 or whole < ENOUGH or multiprocessing.current_process().daemon
    if alone or "fork" not in multiprocessing.get_all_start_methods():
        return _one_by_one(parts, range(len(parts.fields)), whole, progress)
    results: dict[int, PartResult] = {}
    done = 0
    # Forked: the people and their scores are there already, only results travel.
    with multiprocessing.get_context("fork").Pool(parts.workers, _begin, (parts,)) as pool:
        tasks = [(number, place) for place, number in enumerate(order)]
        size = max(1, len(tasks) // (parts.workers * 16))
        for number, result in pool.imap_unordered(_plan, tasks, chunksize=size):
            results[number] = result
            done += parts.weight[number]
            if progress is not None:
                progress(done / whole)
    return [results[number] for number in range(len(parts.fields))]


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _one_by_one(parts: Parts, order: Sequence[int], whole: int, progress: Progress | None) -> list[PartResult]:
    results, done = [], 0
    for place, number in enumerate(order):
        results.append(parts.plan(number, place))
        done += parts.weight[number]
        if progress is not None:
            progress(done / whole)
    return results


_here: list[Parts] = []


def _begin(parts: Parts) -> None:
    _here.append(parts)


def _plan(task: tuple[int, int]) -> tuple[int, PartResult]:
    number, place = task
    return number, _here[-1].plan(number, place)
