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

from services.matching.planner.flow.duals import Prices
from services.matching.planner.flow.min_cost_flow import FlowFailed, fits, rewards
from services.matching.planner.input.model import Index
from services.matching.planner.problem.parts import Field, Pairs

Numbers = NDArray[Any]
Chosen = NDArray[np.bool_]
_MOST_STEPS = 2000


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

    def only(self, which: NDArray[np.bool_] | Index) -> "Slots":
        """Some of the slots."""
        return Slots(self.pair[which], self.round[which], self.value[which])


def slots_of(field: Field, pairs: Pairs) -> Slots:
    """Every round in which both sides of a pair are available."""
    pair, round_ = np.nonzero(field.mentee_open[pairs.mentee] & field.mentor_open[pairs.mentor])
    value = pairs.score[pair]
    kept = field.round_kept(pairs)[pair]
    value[(kept >= 0) & (kept != round_)] -= field.bonus
    return Slots(pair, round_, value)


def can_be_expanded(field: Field, unit: int) -> bool:
    """Whether the numbers of :func:`best_expanded` are small enough for its solver."""
    nodes = (field.mentees + field.mentors) * (field.rounds + 1) + 1
    return fits(unit * field.rounds + field.dearest, nodes)


def best_expanded(field: Field, pairs: Pairs, slots: Slots, toll: Index, unit: int) -> Chosen:
    """Which ``slots`` are used where a pair pays ``toll`` for each meeting but may meet in several rounds.

    The part must be one that :func:`can_be_expanded`.
    """
    mentees, mentors, rounds = field.mentees, field.mentors, field.rounds
    first_slot = mentees
    first_chair = first_slot + mentees * rounds
    first_mentor = first_chair + mentors * rounds
    sink = first_mentor + mentors
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
    used: Chosen = network.flows(meet) > 0
    return used


def slot_gain(pairs: Pairs, slots: Slots, prices: Prices) -> Index:
    """What each slot gains by ``prices``."""
    mentee, mentor = pairs.mentee[slots.pair], pairs.mentor[slots.pair]
    gain: Index = slots.value + prices.worth[mentee] - prices.price[mentor]
    if prices.mentee_round is not None and prices.mentor_round is not None:
        gain -= prices.mentee_round[mentee, slots.round] + prices.mentor_round[mentor, slots.round]
    return gain


def tolls(pairs: Pairs, slots: Slots, gain: Index) -> Index:
    """What each pair gains in its best round."""
    toll = np.zeros(len(pairs), np.int64)
    np.maximum.at(toll, slots.pair, gain)
    return toll


def limit_of(field: Field, prices: Prices, toll: Index) -> int:
    """The bound of ``prices`` on fairness times unit plus value of any plan of the part.

    ``toll`` is that of every pair that gains. A linear program's weak duality: each pair meets in one round at most.
    """
    mentee, fairness = rewards(field.mentee_met, field.mentee_room, field.rounds)
    limit = int(np.maximum(fairness * prices.unit - prices.worth[mentee], 0).sum()) + int(toll.sum())
    limit += int((field.mentor_room * prices.price).sum())
    if prices.mentee_round is not None and prices.mentor_round is not None:
        limit += int(prices.mentee_round.sum()) + int((field.seats[:, None] * prices.mentor_round).sum())
    return limit


def prices_with_rounds(field: Field, pairs: Pairs, slots: Slots, toll: Index, used: Chosen, unit: int) -> Prices | None:
    """Prices for people and for each of their rounds, from the best flow ``used`` under ``toll``.

    They are distances in the residual network (Bellman and Ford); None where they take too long to settle.
    """
    mentees, mentors, rounds = field.mentees, field.mentors, field.rounds
    slot_at, chair_at = mentees, mentees + mentees * rounds
    mentor_at = chair_at + mentors * rounds
    sink = mentor_at + mentors
    mentee, mentor = pairs.mentee[slots.pair], pairs.mentor[slots.pair]
    place, chair = slot_at + mentee * rounds + slots.round, chair_at + mentor * rounds + slots.round
    cost = toll[slots.pair] - slots.value
    arcs = [(place[~used], chair[~used], cost[~used]), (chair[used], place[used], -cost[used])]

    def free(tail: Index, head: Index, forth: Chosen, back: Chosen) -> None:
        arcs.append((tail[forth], head[forth], np.zeros(int(forth.sum()), np.int64)))
        arcs.append((head[back], tail[back], np.zeros(int(back.sum()), np.int64)))

    busy = np.zeros(mentees * rounds, np.bool_)
    busy[place[used] - slot_at] = True
    every = np.arange(mentees * rounds)
    free(every // rounds, slot_at + every, field.mentee_open.ravel() & ~busy, busy)
    held = np.bincount(chair[used] - chair_at, minlength=mentors * rounds)
    every = np.arange(mentors * rounds)
    seats = (field.seats[:, None] * field.mentor_open).ravel()
    free(chair_at + every, mentor_at + every // rounds, held < seats, held > 0)
    given = held.reshape(mentors, rounds).sum(axis=1)
    every = np.arange(mentors)
    free(mentor_at + every, np.full(mentors, sink), given < field.mentor_room, given > 0)
    count = np.bincount(mentee[used], minlength=mentees)
    next_fairness = field.rounds - field.mentee_met - count
    every = np.arange(mentees)
    more, some = count < field.mentee_room, count > 0
    arcs.append((every[some], np.full(int(some.sum()), sink), (next_fairness[some] + 1) * unit))
    arcs.append((np.full(int(more.sum()), sink), every[more], -next_fairness[more] * unit))

    tail, head, length = (np.concatenate([each[column] for each in arcs]) for column in range(3))
    order = np.argsort(head, kind="stable")
    tail, head, length = tail[order], head[order], length[order]
    heads, starts = np.unique(head, return_index=True)
    away = np.zeros(sink + 1, np.int64)
    for _ in range(_MOST_STEPS):
        nearer = np.minimum(away[heads], np.minimum.reduceat(away[tail] + length, starts))
        if np.array_equal(nearer, away[heads]):
            break
        away[heads] = nearer
    else:
        return None
    at_slot = away[slot_at:chair_at].reshape(mentees, rounds)
    at_chair = away[chair_at:mentor_at].reshape(mentors, rounds)
    at_mentor = away[mentor_at:sink]
    return Prices(
        unit=unit,
        worth=away[sink] - away[:mentees],
        price=np.maximum(away[sink] - at_mentor, 0),
        mentee_round=np.where(field.mentee_open, np.maximum(at_slot - away[:mentees, None], 0), 0),
        mentor_round=np.where(field.mentor_open, np.maximum(at_mentor[:, None] - at_chair, 0), 0),
    )
