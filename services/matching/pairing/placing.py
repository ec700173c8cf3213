"""Whoever is left after the rankings gets a place by score, while places last."""

from collections.abc import Sequence

import numpy as np

from services.matching.pairing.lexicographic_flow import lexicographic_flow
from services.matching.pairing.rankings import Rankings


def place(rankings: Rankings, mentees: Sequence[int], places: Sequence[int]) -> dict[int, int]:
    """A mentor for as many of ``mentees`` as possible, and among those ways the largest sum of scores.

    ``places`` are the free places of every mentor. A pair without a score counts as 0; a pair with a negative
    one is never made.
    """
    open_mentors = [mentor for mentor, free in enumerate(places) if free > 0]
    if not mentees or not open_mentors:
        return {}
    node_of_mentee = {mentee: node for node, mentee in enumerate(mentees)}
    node_of_mentor = {mentor: len(mentees) + node for node, mentor in enumerate(open_mentors)}
    hub = len(mentees) + len(open_mentors)
    sink = hub + 1

    arcs: list[tuple[int, int, int, int]] = []  # tail, head, capacity, score
    kept_apart = set()
    for (mentee, mentor), score in sorted(rankings.scores.items()):
        if mentee in node_of_mentee and mentor in node_of_mentor:
            if score > 0:
                arcs.append((node_of_mentee[mentee], node_of_mentor[mentor], 1, score))
            elif score < 0:
                kept_apart.add(mentee)
    # Pairs worth 0 are nearly all pairs. One hub stands for them, so the network stays as small as the list of
    # scores; only mentees kept apart from somebody get each of theirs drawn.
    for mentee in mentees:
        node = node_of_mentee[mentee]
        if mentee in kept_apart:
            arcs.extend(
                (node, node_of_mentor[mentor], 1, 0)
                for mentor in open_mentors
                if rankings.scores.get((mentee, mentor), 0) == 0
            )
        else:
            arcs.append((node, hub, 1, 0))
    from_hub = len(arcs)
    arcs.extend((hub, node_of_mentor[mentor], places[mentor], 0) for mentor in open_mentors)
    to_sink = len(arcs)
    arcs.extend((node_of_mentor[mentor], sink, places[mentor], 0) for mentor in open_mentors)
    without = len(arcs)
    arcs.extend((node_of_mentee[mentee], sink, 1, 0) for mentee in mentees)

    tails, heads, capacities, scores = np.array(arcs, dtype=np.int64).T
    supplies = np.zeros(sink + 1, dtype=np.int64)
    supplies[: len(mentees)] = 1
    supplies[sink] = -len(mentees)
    left_out = np.zeros(len(arcs), dtype=np.int64)
    left_out[without:] = 1
    flow = lexicographic_flow(tails, heads, capacities, supplies, [left_out, -scores])

    placed, through_hub = {}, []
    for (tail, head, _, _), taken in zip(arcs[:from_hub], flow[:from_hub], strict=True):
        if taken and head == hub:
            through_hub.append(mentees[tail])
        elif taken:
            placed[mentees[tail]] = open_mentors[head - len(mentees)]
    seats = [
        mentor for mentor, taken in zip(open_mentors, flow[from_hub:to_sink], strict=True) for _ in range(int(taken))
    ]
    return placed | dict(zip(sorted(through_hub), seats, strict=True))
