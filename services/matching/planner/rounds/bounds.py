"""What no plan is worth more than, and none is fairer than: bounds from prices, from rounds, and of a lighter fairness.

With any weight of fairness the best flow bounds fairness times weight plus value of every plan. So for plans of one
fairness every weight gives a bound on value (Lagrangian relaxation; Geoffrion, 1974): the large weight that finds the
fairest plans is exact where they reach the flow's fairness, and poor where they cannot.
"""

import time
from dataclasses import dataclass

import numpy as np

from services.matching.planner.flow.duals import Prices
from services.matching.planner.flow.pricing import solve_priced
from services.matching.planner.problem.fairness import Levels, fairness_of, levels_of
from services.matching.planner.problem.parts import Field, Pairs
from services.matching.planner.rounds.drafts import Draft
from services.matching.planner.rounds.time_expanded_flow import (
    Slots,
    best_expanded,
    can_be_expanded,
    limit_of,
    prices_with_rounds,
    slot_gain,
    tolls,
)

MOST_WEIGHTS = 8
"""Weights of fairness that are tried for a bound."""


@dataclass(frozen=True)
class Limit:
    """What no plan earns more than, by ``prices``; ``whole`` are all slots where the prices need them all."""

    earned: int
    prices: Prices
    whole: tuple[Pairs, Slots] | None = None

    @property
    def unit(self) -> int:
        """What one unit of fairness is worth here."""
        return self.prices.unit

    def value(self, draft: Draft) -> int:
        """What no plan as fair as ``draft`` is worth more than."""
        return self.earned - self.unit * draft.fairness

    def loss(self, draft: Draft) -> int:
        """What ``draft`` loses against the limit."""
        return self.earned - draft.earned(self.unit)


def limit_with_rounds(field: Field, limit: Limit, pairs: Pairs, slots: Slots) -> Limit:
    """A limit that knows of rounds, where that is lower: nobody can do with one round what takes two.

    ``slots`` of ``pairs`` are all there are.
    """
    if not can_be_expanded(field, limit.unit):
        return limit
    toll = tolls(pairs, slots, slot_gain(pairs, slots, limit.prices))
    used = best_expanded(field, pairs, slots, toll, limit.unit)
    prices = prices_with_rounds(field, pairs, slots, toll, used, limit.unit)
    if prices is None:
        return limit
    lower = limit_of(field, prices, tolls(pairs, slots, slot_gain(pairs, slots, prices)))
    return Limit(lower, prices, (pairs, slots)) if lower < limit.earned else limit


def lightest_limit(field: Field, limit: Limit, draft: Draft, deadline: float | None) -> Limit:
    """Of the weights of fairness up to that of ``limit`` one that bounds plans as fair as ``draft`` well.

    The bound is convex in the weight, and the fairness of the best flow under a weight is its slope there.
    """
    best = limit
    low, high = 0, limit.unit
    weight = 0
    for _ in range(MOST_WEIGHTS):
        priced = solve_priced(field, weight, deadline)
        found = Limit(priced.limit, priced.prices)
        best = min(best, found, key=lambda each: each.value(draft))
        if not priced.proved or (deadline is not None and time.monotonic() > deadline):
            break
        slope = fairness_of(field, priced.pairs.mentee[priced.chosen]) - draft.fairness
        if slope > 0:
            high = weight
        else:
            low = weight
        if high - low < 2 or slope == 0:
            break
        # Weights that matter are of the size of scores, however large the first is.
        weight = min((low + high) // 2, max(field.dearest // 4, 4 * low))
    return best


def ceiling_with_rounds(field: Field, pairs: Pairs, slots: Slots) -> Levels:
    """The fairest levels where a pair may meet in several rounds: no plan of ``slots``, which are all, is fairer."""
    worthless = Slots(slots.pair, slots.round, np.zeros(len(slots), np.int64))
    used = best_expanded(field, pairs, worthless, np.zeros(len(pairs), np.int64), unit=1)
    return levels_of(field, pairs.mentee[slots.pair[used]])
