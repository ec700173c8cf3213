"""Meetings with their rounds as a flow: the network of a part expanded over its rounds.

mentee -> (mentee, round) -> (mentor, round) -> mentor -> sink, one unit a meeting. All rules hold in it but one:
a pair may be used in several rounds. That rule is priced (``toll``, a Lagrange multiplier for each pair): with
any tolls >= 0 the optimum plus the sum of the tolls bounds the value of every plan (Geoffrion, 1974).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import min_cost_flow

from services.matching.planner.flow import FlowFailed, rewards
from services.matching.planner.model import Index
from services.matching.planner.parts import Field, Pairs

Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Slots:
    """Where meetings could be: ``pair`` (position in the pairs) in ``round`` (from 0), worth ``value``.

    The value is the pair's score and, for an announced meeting, what keeping it spares.
    """

    pair: Index
    round: Index
    value: Index

    def __len__(self) -> int:
        return len(self.pair)


def slots_of(field: Field, pairs: Pairs) -> Slots:
    """Every round in which both sides of a pair are available."""
    pair, round_ = np.nonzero(field.mentee_open[pairs.mentee] & field.mentor_open[pairs.mentor])
    value = pairs.score[pair]
    if field.announced:
        bonus = np.array(
            [
                field.announced.get((r, e, m), 0)
                for r, e, m in zip(
                    round_.tolist(), pairs.mentee[pair].tolist(), pairs.mentor[pair].tolist(), strict=True
                )
            ],
            np.int64,
        )
        value = value + bonus
    return Slots(pair, round_, value)


def best_expanded(field: Field, pairs: Pairs, slots: Slots, toll: Index, unit: int) -> NDArray[np.bool_]:
    """Which ``slots`` are used where a pair pays ``toll`` for each meeting but may meet in several rounds."""
    mentees, mentors, rounds = field.mentees, field.mentors, field.rounds
    first_slot = mentees
    first_chair = first_slot + mentees * rounds
    first_mentor = first_chair + mentors * rounds
    sink = first_mentor + mentors
    if unit * rounds * (sink + 2) >= 2**62:
        raise FlowFailed("scores and sizes are too large for whole numbers of 64 bits")
    network = min_cost_flow.SimpleMinCostFlow()
    meet = network.add_arcs_with_capacity_and_unit_cost(
        (first_slot + pairs.mentee[slots.pair] * rounds + slots.round).astype(np.int32),
        (first_chair + pairs.mentor[slots.pair] * rounds + slots.round).astype(np.int32),
        np.ones(len(slots), np.int64),
        toll[slots.pair] - slots.value,
    )

    def arcs(tail: Numbers, head: Numbers, capacity: Numbers, cost: Numbers) -> None:
        network.add_arcs_with_capacity_and_unit_cost(
            tail.astype(np.int32), head.astype(np.int32), capacity.astype(np.int64), cost.astype(np.int64)
        )

    mentee, round_ = np.nonzero(field.mentee_open)
    arcs(mentee, first_slot + mentee * rounds + round_, np.ones(len(mentee)), np.zeros(len(mentee)))
    mentor, round_ = np.nonzero(field.mentor_open)
    arcs(first_chair + mentor * rounds + round_, first_mentor + mentor, field.seats[mentor], np.zeros(len(mentor)))
    every = np.arange(mentors)
    arcs(first_mentor + every, np.full(mentors, sink), field.mentor_room, np.zeros(mentors))
    mentee, fairness = rewards(field.mentee_met, field.mentee_room, rounds)
    arcs(mentee, np.full(len(mentee), sink), np.ones(len(mentee)), fairness * unit)
    supplies = np.zeros(sink + 1, np.int64)
    supplies[:mentees] = field.mentee_room
    supplies[sink] = -field.mentee_room.sum()
    network.set_nodes_supplies(np.arange(sink + 1, dtype=np.int32), supplies)
    status = network.solve()
    if status != network.OPTIMAL:
        raise FlowFailed(f"the flow solver ended with {status}")
    used: NDArray[np.bool_] = network.flows(meet) > 0
    return used
