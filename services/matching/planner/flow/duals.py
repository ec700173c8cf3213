"""Prices that prove a flow best: the least feasible ones, found by relaxation over the residual graph.

``worth[i]`` is what one more meeting is worth to mentee ``i`` (fairness), ``price[j]`` what a seat of mentor
``j`` costs. A plan is best if, and only if, there are prices with

* score + worth <= price for a pair that does not meet, and >= for one that does,
* worth at least the fairness of the mentee's next meeting and at most that of the last,
* price >= 0, and 0 where the mentor has seats left.

The least such prices grow from zero, one alternation of the residual graph a step (Bellman and Ford), and stop
if the flow is optimal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.matching.planner.flow.min_cost_flow import rewards
from services.matching.planner.input.model import Index
from services.matching.planner.problem.parts import Field, Pairs

_NOTHING = -(2**61)


@dataclass(frozen=True, slots=True)
class Prices:
    """Dual values of one part, by position within it; ``unit`` is what one unit of fairness is worth.

    Where rounds have prices of their own, ``mentee_round`` and ``mentor_round`` (person, round) hold them: what
    being busy in a round costs. Any prices >= 0, with any worth, bound the value of every plan.
    """

    unit: int
    worth: Index
    price: Index
    mentee_round: Index | None = None
    mentor_round: Index | None = None


class NotBest(RuntimeError):
    """No prices exist: the meetings chosen are not the best."""


def least_prices(field: Field, pairs: Pairs, chosen: NDArray[np.bool_], unit: int) -> Prices:
    """The least prices that prove ``chosen`` best among ``pairs``. Raises :class:`NotBest` if there are none."""
    met, left = pairs.only(chosen), pairs.only(~chosen)
    count = np.bincount(met.mentee, minlength=field.mentees)
    following = field.rounds - field.mentee_met - count
    worth = np.where(count < field.mentee_room, unit * following, _NOTHING)
    price = np.zeros(field.mentors, np.int64)
    order = np.argsort(left.mentor, kind="stable")
    left_mentee, left_score = left.mentee[order], left.score[order]
    mentors_left, starts_left = np.unique(left.mentor[order], return_index=True)
    mentees_met, starts_met = np.unique(met.mentee, return_index=True)
    for _ in range(field.mentees + field.mentors + 2):
        before_price, before_worth = price, worth
        if len(mentors_left):
            dearest = np.maximum.reduceat(left_score + worth[left_mentee], starts_left)
            price = price.copy()
            price[mentors_left] = np.maximum(price[mentors_left], dearest)
        if len(mentees_met):
            needed = np.maximum.reduceat(price[met.mentor] - met.score, starts_met)
            worth = worth.copy()
            worth[mentees_met] = np.maximum(worth[mentees_met], needed)
        if np.array_equal(price, before_price) and np.array_equal(worth, before_worth):
            break
    else:
        raise NotBest("prices never settle")
    last = unit * (following + 1)
    held = np.bincount(met.mentor, minlength=field.mentors)
    if (worth[count > 0] > last[count > 0]).any() or price[held < field.mentor_room].any():
        raise NotBest("prices contradict the meetings chosen")
    return Prices(unit, worth, price)


def dual_value(field: Field, prices: Prices, pairs: Pairs) -> int:
    """The bound of ``prices`` on fairness times unit plus score, of any plan of the part.

    ``pairs`` must hold every pair that gains by the prices.
    """
    mentee, fairness = rewards(field.mentee_met, field.mentee_room, field.rounds)
    surplus = np.maximum(fairness * prices.unit - prices.worth[mentee], 0)
    gain = np.maximum(pairs.score + prices.worth[pairs.mentee] - prices.price[pairs.mentor], 0)
    return int(surplus.sum()) + int(gain.sum()) + int((field.mentor_room * prices.price).sum())
