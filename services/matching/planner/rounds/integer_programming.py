"""Find a better plan, or prove that there is none: integer programming over what prices leave open.

Prices bound every plan, and say what each decision loses against the bound. A plan better than the one at hand
loses less than that one does in all; so whatever alone loses more is decided beforehand (reduced-cost fixing;
Dantzig, Fulkerson and Johnson, 1954), and only the rest goes to the solver (CP-SAT). The objective is what is
lost, in small numbers, however large the weight of fairness is. One thread and a limit on the work done, not on
time, so that the same question has the same answer.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from services.matching.planner.flow.duals import Prices
from services.matching.planner.flow.min_cost_flow import rewards
from services.matching.planner.input.model import Index
from services.matching.planner.problem.fairness import Levels
from services.matching.planner.problem.parts import Field, Pairs
from services.matching.planner.rounds.time_expanded_flow import Chosen, Slots, slot_gain, tolls

BUILDING = 2e-5
"""What it takes to state one meeting to the solver, in its own seconds."""


def warm() -> None:
    """Load the solver beforehand, so that the first question finds it there."""
    cp_model_of()


def building(slots: int) -> float:
    """The work of stating a question about ``slots`` meetings."""
    return BUILDING * (100 + slots)


def cp_model_of() -> Any:
    """The solver's module."""
    # A third of a second and pandas come with it, which most plans have no need of.
    from ortools.sat.python import cp_model

    return cp_model


@dataclass(frozen=True)
class Found:
    """What a search found: a plan, what every plan loses at least, the work it took, and whether that ended it."""

    chosen: Chosen | None
    least: int
    work: float
    best: bool


def search(
    field: Field,
    pairs: Pairs,
    slots: Slots,
    prices: Prices,
    plan: Chosen | None,
    loss: int,
    work: float,
    deadline: float | None,
    hold: Levels | None = None,
) -> Found:
    """The plan that loses least, of those among ``slots`` that lose no more than ``loss``.

    ``slots`` must hold all that lose no more than ``loss`` themselves. ``plan`` is one to start from; ``work`` is
    in the solver's own seconds. Where levels to ``hold`` are given, plans that are not as fair are none.
    """
    cp_model = cp_model_of()
    model = cp_model.CpModel()
    used = [model.new_bool_var("") for _ in range(len(slots))]
    mentee, mentor = pairs.mentee[slots.pair], pairs.mentor[slots.pair]
    gain = slot_gain(pairs, slots, prices)
    toll = tolls(pairs, slots, gain)
    cost = -gain
    fixed = int(toll.sum())

    def limited(groups: Index, room: Index, price: Index) -> None:
        """At most ``room`` of each group; what is left empty loses the price."""
        nonlocal fixed
        fixed += int((room * price)[price <= loss].sum())
        for one, places in groups_of(groups):
            some, most, dear = [used[at] for at in places], int(room[one]), int(price[one])
            if dear > loss and most == 1:
                model.add_exactly_one(some)
            elif dear > loss:
                model.add(cp_model.LinearExpr.sum(some) == most)
            else:
                if most == 1 and len(some) > 1:
                    model.add_at_most_one(some)
                elif len(some) > most:
                    model.add(cp_model.LinearExpr.sum(some) <= most)
                cost[places] -= dear

    def by_round(price: Index | None, people: int) -> Index:
        return np.zeros(people * field.rounds, np.int64) if price is None else price.ravel()

    limited(
        mentee * field.rounds + slots.round,
        np.ones(field.mentees * field.rounds, np.int64),
        by_round(prices.mentee_round, field.mentees),
    )
    limited(
        mentor * field.rounds + slots.round,
        np.repeat(field.seats, field.rounds),
        by_round(prices.mentor_round, field.mentors),
    )
    limited(mentor, field.mentor_room, prices.price)
    for pair, places in groups_of(slots.pair):
        some = [used[at] for at in places]
        if toll[pair] > loss:
            model.add_exactly_one(some)
        elif len(some) > 1:
            model.add_at_most_one(some)

    forbid_two_tables(model, used, field, pairs, slots)
    levels, level_costs, empty = [], [], _levels(field, prices, loss)
    having: list[list[Any]] = [[] for _ in range(field.rounds)]
    sure = field.mentee_met.copy()
    for one, places in groups_of(mentee):
        least, free = empty.pop(one)
        sure[one] += least
        more = [model.new_bool_var("") for _ in free]
        for first, second in pairwise(more):
            model.add_implication(second, first)
        model.add(
            cp_model.LinearExpr.sum([used[at] for at in places]) == least + cp_model.LinearExpr.sum(more)
            if more
            else cp_model.LinearExpr.sum([used[at] for at in places]) == least
        )
        for level, variable in enumerate(more, start=int(sure[one])):
            having[level].append(variable)
        levels += more
        level_costs += [-gain for gain in free]
        fixed += sum(gain for gain in free if gain > 0)
    fixed += sum(gain for _, free in empty.values() for gain in free if gain > 0)
    for level, many in enumerate(hold or ()):
        model.add(cp_model.LinearExpr.sum(having[level]) == many - int((sure > level).sum()))

    model.minimize(cp_model.LinearExpr.weighted_sum([*used, *levels], [*cost.tolist(), *level_costs]))
    if plan is not None:
        hint(model, plan)
    # Prices have left little to presolve, which would hide the structure that the linear program lives by.
    solver = solver_of(work, deadline, presolve=False)
    status = solver.solve(model)
    spent = solver.deterministic_time + building(len(slots))
    if status == cp_model.INFEASIBLE:
        return Found(None, loss + 1, spent, best=True)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Found(None, 0, spent, best=False)
    proved = solver.best_objective_bound
    least = max(0, int(np.ceil(proved - 1e-6 - 1e-12 * abs(proved))) + fixed)
    found = round(solver.objective_value) + fixed
    # What is not among the slots loses more than ``loss``: with a plan that loses more, nothing is said of it.
    chosen = np.array(solver.boolean_values(used), np.bool_)
    return Found(chosen, min(found, least, loss + 1), spent, best=status == cp_model.OPTIMAL)


def forbid_two_tables(model: Any, used: Sequence[Any], field: Field, pairs: Pairs, slots: Slots) -> None:
    """Tell ``model`` that who takes part in both roles is at one table a round; ``used`` are the variables of slots."""
    mentee, mentor = pairs.mentee[slots.pair], pairs.mentor[slots.pair]
    for one, other in field.doubles:
        asking, asked = np.flatnonzero(mentee == one), np.flatnonzero(mentor == other)
        for number in np.intersect1d(slots.round[asking], slots.round[asked]).tolist():
            others = [used[at] for at in asking[slots.round[asking] == number].tolist()]
            for at in asked[slots.round[asked] == number].tolist():
                model.add_at_most_one([*others, used[at]])


def hint(model: Any, plan: Chosen) -> None:
    """Tell ``model``, whose first variables say which meetings are held, to start from ``plan``."""
    given = model.proto.solution_hint
    given.vars.extend(range(len(plan)))
    given.values.extend(plan.astype(np.int64).tolist())


def solver_of(work: float, deadline: float | None, *, presolve: bool) -> Any:
    """A solver that gives the same answer each time, after ``work`` of its own seconds at most."""
    solver = cp_model_of().CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    # The linear program does nearly all: give it every row.
    solver.parameters.linearization_level = 2
    solver.parameters.cp_model_presolve = presolve
    solver.parameters.max_deterministic_time = work
    if deadline is not None:
        solver.parameters.max_time_in_seconds = max(0.01, deadline - time.monotonic())
    return solver


def _levels(field: Field, prices: Prices, loss: int) -> dict[int, tuple[int, list[int]]]:
    """For each mentee: the meetings that any plan losing at most ``loss`` gives, and what each further one gains."""
    mentee, fairness = rewards(field.mentee_met, field.mentee_room, field.rounds)
    gain = fairness * prices.unit - prices.worth[mentee]
    least = np.bincount(mentee[gain > loss], minlength=field.mentees)
    free: list[list[int]] = [[] for _ in range(field.mentees)]
    open_ = np.abs(gain) <= loss
    for one, value in zip(mentee[open_].tolist(), gain[open_].tolist(), strict=True):
        free[one].append(value)
    return {at: (int(least[at]), free[at]) for at in range(field.mentees)}


def groups_of(key: Index) -> Iterator[tuple[int, list[int]]]:
    """The places of each value of ``key``."""
    if not len(key):
        return
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1])
    places = order.tolist()
    for value, (start, end) in zip(ordered[starts].tolist(), pairwise([*starts.tolist(), len(places)]), strict=True):
        yield value, places[start:end]
