"""The fairest and then best meetings of a part where all are available in the same rounds: a min-cost flow.

Which mentee meets which mentor is a degree-constrained bipartite graph; rounds come after (see ``colouring``).
The counts of meetings the mentees can have together form an integral polymatroid (a flow is behind them), and on
one every strictly concave sum has the leximin-best vectors as its maximizers (Frank and Murota, "Decreasing
minimization on M-convex sets", 2022). So the ``k``-th meeting of a mentee earns ``rounds + 1 - k`` units of
fairness, and a unit outweighs all scores together: one flow with whole-number costs finds the fairest plans and
among them the one of the largest score. Cost scaling (Goldberg and Tarjan) takes O(n m log(n C)) in practice.
"""

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import min_cost_flow

from services.matching.planner.input.model import Index
from services.matching.planner.problem.parts import Field, Pairs
from shared.faults import Invalid, Problem
from shared.messages import say

_LARGEST = 2**62


class FlowFailed(RuntimeError):
    """The flow solver refused a network that is feasible by construction."""


class TooLarge(Invalid):
    """So many people, rounds and points that whole numbers of 64 bits do not hold their product."""

    def __init__(self) -> None:
        what = say("the people, rounds and points of one part are too many to be planned exactly")
        super().__init__(what, [Problem("", what, say("plan fewer rounds, or a smaller change_cost"))])


def fairness_unit(meetings: int, dearest: int) -> int:
    """What one unit of fairness is worth: more than ``meetings`` meetings at ``dearest`` points each."""
    return meetings * dearest + 1


def fits(dearest: int, nodes: int) -> bool:
    """Whether a flow over ``nodes`` can be found where one arc costs ``dearest`` at most."""
    return max(1, dearest) * (nodes + 1) < _LARGEST


def rewards(met: Index, room: Index, rounds: int) -> tuple[Index, Index]:
    """Mentee and fairness of each further meeting, the most rewarding first: ``rounds + 1 - k`` for the k-th."""
    mentee = np.repeat(np.arange(len(room)), room)
    nth = np.arange(len(mentee)) - np.repeat(np.cumsum(room) - room, room)
    return mentee, rounds - met[mentee] - nth


def fairest_and_best(field: Field, pairs: Pairs, unit: int) -> NDArray[np.bool_]:
    """Which of ``pairs`` meet in the plan that is fairest and, among those, has the largest score.

    ``unit`` is :func:`fairness_unit` of the part. Raises :class:`TooLarge` if the numbers are too large.
    """
    mentees, mentors = field.mentees, field.mentors
    sink = mentees + mentors
    if not fits(unit * field.rounds, sink + 1):
        raise TooLarge
    network = min_cost_flow.SimpleMinCostFlow()
    meet = network.add_arcs_with_capacity_and_unit_cost(
        pairs.mentee.astype(np.int32),
        (pairs.mentor + mentees).astype(np.int32),
        np.ones(len(pairs), np.int64),
        -pairs.score,
    )
    mentee, fairness = rewards(field.mentee_met, field.mentee_room, field.rounds)
    network.add_arcs_with_capacity_and_unit_cost(  # a meeting not given costs what it would have earned
        mentee.astype(np.int32),
        np.full(len(mentee), sink, np.int32),
        np.ones(len(mentee), np.int64),
        fairness * unit,
    )
    network.add_arcs_with_capacity_and_unit_cost(
        np.arange(mentees, sink, dtype=np.int32),
        np.full(mentors, sink, np.int32),
        field.mentor_room,
        np.zeros(mentors, np.int64),
    )
    supplies = np.zeros(sink + 1, np.int64)
    supplies[:mentees] = field.mentee_room
    supplies[sink] = -field.mentee_room.sum()
    network.set_nodes_supplies(np.arange(sink + 1, dtype=np.int32), supplies)
    status = network.solve()
    if status != network.OPTIMAL:
        raise FlowFailed(f"the flow solver ended with {status}")
    chosen: NDArray[np.bool_] = network.flows(meet) > 0
    return chosen
