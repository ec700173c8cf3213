"""Solve over a few promising pairs and prove it best over all: price out, add what can help, until none can.

Large parts have tens of millions of pairs and use a handful for each person. Start with each person's best
pairs; the prices of the optimum over those tell which of the others could gain (score + worth > price). Add
these and solve again. When none gains, the prices prove the plan best over every pair that may meet (delayed
column generation; Dantzig and Wolfe, 1960).
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.matching.planner.flow.duals import Prices, dual_value, least_prices
from services.matching.planner.flow.min_cost_flow import fairest_and_best
from services.matching.planner.input.model import Index
from services.matching.planner.problem.parts import Field, Pairs, ordered

WHOLE = 1_200_000
BEST_OF_MENTEE = 6
BEST_OF_MENTOR = 24
MOST_ADDED = 300_000
AHEAD = 12
"""Points a pair may lose by the prices and still be added: it saves looking again when prices move a little."""


@dataclass(frozen=True)
class Priced:
    """The best meetings of a part, rounds aside, among the ``pairs`` looked at.

    ``limit`` bounds fairness times unit plus value of any plan of the part. ``proved`` says that the prices hold
    for all pairs that may meet, so that ``chosen`` reaches the limit.
    """

    pairs: Pairs
    chosen: NDArray[np.bool_]
    prices: Prices
    limit: int
    proved: bool

    @property
    def gain(self) -> Index:
        """What each pair gains by the prices: nobody can gain by a pair that is below 0."""
        return gain_of(self.pairs, self.prices)


def gain_of(pairs: Pairs, prices: Prices) -> Index:
    """What each of ``pairs`` gains by ``prices``."""
    gain: Index = pairs.score + prices.worth[pairs.mentee] - prices.price[pairs.mentor]
    return gain


def solve_priced(field: Field, unit: int, deadline: float | None = None) -> Priced:
    """The best meetings of the part, with prices over all pairs.

    Where the ``deadline`` (of the monotonic clock) passes, it is the best over the pairs looked at by then.
    """
    whole = field.part.cells <= WHOLE
    pairs = field.all_pairs() if whole else promising(field)
    while True:
        chosen = fairest_and_best(field, pairs, unit)
        prices = least_prices(field, pairs, chosen, unit)
        limit = dual_value(field, prices, pairs)
        if whole:
            return Priced(pairs, chosen, prices, limit, proved=True)
        more, gains = gaining(field, pairs, chosen, prices)
        if not (gains > 0).any():
            return Priced(pairs, chosen, prices, limit, proved=True)
        if deadline is not None and time.monotonic() > deadline:
            return Priced(pairs, chosen, prices, limit + int(gains[gains > 0].sum()), proved=False)
        if len(more) > MOST_ADDED:
            more = more.only(np.sort(np.argsort(-gains, kind="stable")[:MOST_ADDED]))
        pairs = joined(pairs, more)


def joined(one: Pairs, other: Pairs) -> Pairs:
    """The pairs of both, each once."""
    return ordered(
        np.concatenate([one.mentee, other.mentee]),
        np.concatenate([one.mentor, other.mentor]),
        np.concatenate([one.score, other.score]),
    )


def promising(field: Field) -> Pairs:
    """Each person's best pairs."""
    mentee, mentor, score = [], [], []
    for rows, columns, scores in field.chunks():
        for axis, best in ((1, BEST_OF_MENTEE), (0, BEST_OF_MENTOR)):
            keep = min(best, scores.shape[axis])
            at = np.argpartition(scores, scores.shape[axis] - keep, axis=axis)
            if axis == 1:
                column = at[:, -keep:].ravel()
                row = np.repeat(np.arange(len(rows)), keep)
            else:
                row = at[-keep:].ravel()
                column = np.tile(np.arange(len(columns)), keep)
            worth = scores[row, column]
            allowed = worth >= 0
            mentee.append(rows[row[allowed]])
            mentor.append(columns[column[allowed]])
            score.append(worth[allowed].astype(np.int64))
    return ordered(np.concatenate(mentee), np.concatenate(mentor), np.concatenate(score))


def near(field: Field, prices: Prices, slack: int, most: int) -> Pairs | None:
    """Every pair that loses at most ``slack`` by ``prices``; None if they are more than ``most``."""
    found, count = [], 0
    for rows, columns, scores in field.chunks():
        limit = prices.price[columns][None, :] - prices.worth[rows][:, None]
        row, column = np.nonzero((scores >= limit - slack) & (scores >= 0))
        count += len(row)
        if count > most:
            return None
        found.append(Pairs(rows[row], columns[column], scores[row, column].astype(np.int64)))
    return ordered(*(np.concatenate([getattr(each, name) for each in found]) for name in Pairs.__slots__))


def gaining(field: Field, pairs: Pairs, chosen: NDArray[np.bool_], prices: Prices) -> tuple[Pairs, Index]:
    """The pairs not chosen that gain by the prices, or lose little, and how much each gains."""
    met: Index = np.sort(pairs.mentee[chosen] * field.mentors + pairs.mentor[chosen])
    found: list[Pairs] = []
    gains: list[Index] = []
    for rows, columns, scores in field.chunks():
        limit = prices.price[columns][None, :] - prices.worth[rows][:, None]
        row, column = np.nonzero((scores > limit - AHEAD) & (scores >= 0))
        key = rows[row] * field.mentors + columns[column]
        at = np.minimum(np.searchsorted(met, key), max(0, len(met) - 1))
        new = met[at] != key if len(met) else np.ones(len(key), np.bool_)
        row, column = row[new], column[new]
        score = scores[row, column].astype(np.int64)
        found.append(Pairs(rows[row], columns[column], score))
        gains.append(score - limit[row, column])
    every = Pairs(*(np.concatenate([getattr(each, name) for each in found]) for name in Pairs.__slots__))
    return every, np.concatenate(gains)
