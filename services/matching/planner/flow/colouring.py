"""Put meetings into rounds: a proper edge colouring of a bipartite graph with as many colours as its degree.

König's theorem (1916) says it always exists. Edges are coloured one by one; where no round is free for both, the
meetings of one alternating path change places first. Paths are short in practice, so the time is near linear
in the meetings (worst case: meetings times people).
"""

import numpy as np

from services.matching.planner.input.model import Index


def rounds_for(mentee: Index, mentor: Index, seats: Index, rounds: int) -> Index:
    """A round (from 0) for each meeting ``mentee[k]`` with ``mentor[k]``.

    No mentee is twice in a round, no mentor ``j`` more than ``seats[j]`` times. Needs at most ``rounds``
    meetings a mentee and ``seats[j] * rounds`` a mentor.
    """
    if not len(mentee):
        return np.zeros(0, np.int64)
    left = int(mentee.max()) + 1
    _, chair = np.unique(_chairs(mentor, seats, rounds), return_inverse=True)  # empty chairs take no room
    chair = left + chair
    return np.array(_coloured(mentee.tolist(), chair.tolist(), int(chair.max()) + 1, rounds), np.int64)


def _chairs(mentor: Index, seats: Index, rounds: int) -> Index:
    """The chair at the mentor's table for each meeting: one after the other, ``rounds`` meetings to a chair."""
    order = np.argsort(mentor, kind="stable")
    sorted_mentor = mentor[order]
    starts = np.searchsorted(sorted_mentor, sorted_mentor)
    nth = np.empty(len(mentor), np.int64)
    nth[order] = np.arange(len(mentor)) - starts
    first = np.cumsum(seats) - seats
    return first[mentor] + nth // rounds


def _coloured(left: list[int], right: list[int], nodes: int, colours: int) -> list[int]:
    free = [(1 << colours) - 1] * nodes
    other = [-1] * (nodes * colours)
    for u, v in zip(left, right, strict=True):
        both = free[u] & free[v]
        if both:
            bit = both & -both
        else:
            bit = free[u] & -free[u]
            _swap(other, free, v, bit, free[v] & -free[v], colours)
        colour = bit.bit_length() - 1
        free[u] &= ~bit
        free[v] &= ~bit
        other[u * colours + colour] = v
        other[v * colours + colour] = u
    colour_of = {}
    for node in range(max(left) + 1):
        for colour in range(colours):
            partner = other[node * colours + colour]
            if partner >= 0:
                colour_of[node * nodes + partner] = colour
    return [colour_of[u * nodes + v] for u, v in zip(left, right, strict=True)]


def _swap(other: list[int], free: list[int], start: int, taken: int, spare: int, colours: int) -> None:
    """Exchange two colours along the path from ``start`` that begins with ``taken``."""
    this, that = taken.bit_length() - 1, spare.bit_length() - 1
    path = [start]
    node, colour = start, this
    while (following := other[node * colours + colour]) >= 0:
        path.append(following)
        node = following
        colour = this + that - colour
    for node in path:
        at, to = node * colours + this, node * colours + that
        other[at], other[to] = other[to], other[at]
    # Inner nodes hold both colours before and after; the two ends trade one for the other.
    for end in (path[0], path[-1]):
        free[end] ^= taken | spare
