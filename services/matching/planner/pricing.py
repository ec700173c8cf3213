"""Solve over a few promising pairs and prove it best over all: price out, add what can help, until none can.

Large parts have tens of millions of pairs and use a handful for each person. Start with each person's best
pairs; the prices of the optimum over those tell which of the others could gain (score + worth > price). Add
these and solve again. When none gains, the prices prove the plan best over every pair that may meet (delayed
column generation; Dantzig and Wolfe, 1960).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from services.matching.planner.duals import Prices, least_prices
from services.matching.planner.flow import fairest_and_best
from services.matching.planner.model import Index
from services.matching.planner.parts import Field, Pairs, ordered

WHOLE = 1_200_000
BEST_OF_MENTEE = 12
BEST_OF_MENTOR = 24
MOST_ADDED = 300_000


def solve_priced(
    field: Field, unit: int, progress: Callable[[str], None] | None = None
) -> tuple[Pairs, NDArray[np.bool_], Prices]:
    """Pairs looked at, which of them meet in the best plan of the part, and prices proved over all pairs."""
    if field.part.cells <= WHOLE:
        pairs = field.all_pairs()
        chosen = fairest_and_best(field, pairs, unit)
        return pairs, chosen, least_prices(field, pairs, chosen, unit)
    pairs = promising(field)
    while True:
        chosen = fairest_and_best(field, pairs, unit)
        prices = least_prices(field, pairs, chosen, unit)
        more = gaining(field, pairs, chosen, prices)
        if progress is not None:
            progress(f"{len(pairs)} pairs, {len(more)} more can help")
        if not len(more):
            return pairs, chosen, prices
        pairs = ordered(
            np.concatenate([pairs.mentee, more.mentee]),
            np.concatenate([pairs.mentor, more.mentor]),
            np.concatenate([pairs.score, more.score]),
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


def gaining(field: Field, pairs: Pairs, chosen: NDArray[np.bool_], prices: Prices) -> Pairs:
    """The pairs outside ``pairs`` that gain by the prices; the most gaining ones where there are very many."""
    met: Index = np.sort(pairs.mentee[chosen] * field.mentors + pairs.mentor[chosen])
    found: list[Pairs] = []
    gains: list[Index] = []
    for rows, columns, scores in field.chunks():
        limit = prices.price[columns][None, :] - prices.worth[rows][:, None]
        row, column = np.nonzero((scores > limit) & (scores >= 0))
        key = rows[row] * field.mentors + columns[column]
        at = np.minimum(np.searchsorted(met, key), max(0, len(met) - 1))
        new = met[at] != key if len(met) else np.ones(len(key), np.bool_)
        row, column = row[new], column[new]
        score = scores[row, column].astype(np.int64)
        found.append(Pairs(rows[row], columns[column], score))
        gains.append(score - limit[row, column])
    every = Pairs(*(np.concatenate([getattr(each, name) for each in found]) for name in Pairs.__slots__))
    if len(every) > MOST_ADDED:
        order = np.argsort(-np.concatenate(gains), kind="stable")[:MOST_ADDED]
        every = every.only(np.sort(order))
    return every
