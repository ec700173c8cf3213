"""The fairest plan by integer programming, one level after the other: most mentees with a meeting, then with two, …

Leximin by lexicographic passes: the level found is held while the next is raised. A level that reaches what no plan
can exceed (see ``problem.fairness``) needs no search. One thread and a limit on work, as in ``integer_programming``.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from services.matching.planner.input.model import Index
from services.matching.planner.problem.fairness import Levels, levels_of
from services.matching.planner.problem.parts import Field, Pairs
from services.matching.planner.rounds.integer_programming import (
    building,
    cp_model_of,
    forbid_two_tables,
    groups_of,
    hint,
    solver_of,
)
from services.matching.planner.rounds.time_expanded_flow import Chosen, Slots


@dataclass(frozen=True)
class Fairest:
    """A plan, whether it is ``proved`` that none is fairer, and the work that took."""

    chosen: Chosen
    proved: bool
    work: float


def search_fairest(
    field: Field, pairs: Pairs, slots: Slots, plan: Chosen, ceiling: Levels, work: float, deadline: float | None
) -> Fairest:
    """The fairest plan among ``slots`` of ``pairs``, which are all there are; ``plan`` is one to start from.

    No plan has levels above ``ceiling``, in the lexicographic order. ``work`` is in the solver's own seconds.
    """
    mentee = pairs.mentee[slots.pair]
    spent = building(len(slots))
    model = _Model(field, pairs, slots)
    reaching, proved = True, True
    for level in range(field.rounds):
        have = levels_of(field, mentee[plan])[level]
        most = model.most(level)
        if reaching:
            most = min(most, ceiling[level])
        if have < most:
            if spent >= work:
                proved = False
                break
            found, best, took = model.raised(level, have, most, plan, work - spent, deadline)
            spent += took
            proved = proved and best
            if found is not None:
                plan = found
                have = levels_of(field, mentee[plan])[level]
        reaching = reaching and have == ceiling[level]
        if not have:
            break
        model.hold(level, have)
    return Fairest(plan, proved, spent)


class _Model:
    """The rules of a part, and for each mentee how many meetings she has."""

    def __init__(self, field: Field, pairs: Pairs, slots: Slots) -> None:
        self._cp = cp_model_of()
        self._model = self._cp.CpModel()
        self._used = [self._model.new_bool_var("") for _ in range(len(slots))]
        mentee, mentor = pairs.mentee[slots.pair], pairs.mentor[slots.pair]
        self._at_most(mentee * field.rounds + slots.round, np.ones(field.mentees * field.rounds, np.int64))
        self._at_most(mentor * field.rounds + slots.round, np.repeat(field.seats, field.rounds))
        self._at_most(mentor, field.mentor_room)
        self._at_most(slots.pair, np.ones(len(pairs), np.int64))
        forbid_two_tables(self._model, self._used, field, pairs, slots)
        self._held = [int((field.mentee_met > level).sum()) for level in range(field.rounds)]
        self._having: list[list[Any]] = [[] for _ in range(field.rounds)]
        for one, places in groups_of(mentee):
            room = min(int(field.mentee_room[one]), len(places))
            more = [self._model.new_bool_var("") for _ in range(room)]
            for first, second in pairwise(more):
                self._model.add_implication(second, first)
            total = self._cp.LinearExpr.sum([self._used[at] for at in places])
            self._model.add(total == self._cp.LinearExpr.sum(more))
            for level, variable in enumerate(more, start=int(field.mentee_met[one])):
                self._having[level].append(variable)

    def _at_most(self, groups: Index, room: Index) -> None:
        for one, places in groups_of(groups):
            some, most = [self._used[at] for at in places], int(room[one])
            if most == 1 and len(some) > 1:
                self._model.add_at_most_one(some)
            elif len(some) > most:
                self._model.add(self._cp.LinearExpr.sum(some) <= most)

    def most(self, level: int) -> int:
        """The mentees who could have more than ``level`` meetings, each by herself."""
        return self._held[level] + len(self._having[level])

    def hold(self, level: int, least: int) -> None:
        """From now on at least ``least`` mentees must have more than ``level`` meetings."""
        if self._having[level] and least > self._held[level]:
            self._model.add(self._cp.LinearExpr.sum(self._having[level]) >= least - self._held[level])

    def raised(
        self, level: int, have: int, most: int, plan: Chosen, work: float, deadline: float | None
    ) -> tuple[Chosen | None, bool, float]:
        """A plan with more than ``have`` mentees above ``level``, if found; if that is settled; and the work."""
        total = self._cp.LinearExpr.sum(self._having[level])
        self._model.maximize(total)
        # No more is possible: a plan that has as many ends the search.
        self._model.add(total <= most - self._held[level])
        self._model.clear_hints()
        hint(self._model, plan)
        solver = solver_of(work, deadline, presolve=True)
        status = solver.solve(self._model)
        best = status == self._cp.OPTIMAL
        if not best and status != self._cp.FEASIBLE:
            return None, False, solver.deterministic_time
        reached = round(solver.objective_value) + self._held[level]
        chosen = np.array(solver.boolean_values(self._used), np.bool_) if reached > have else None
        return chosen, best, solver.deterministic_time
