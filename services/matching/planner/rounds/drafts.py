"""A first plan where people miss rounds: the announced one, or a flow over rounds, each bettered round by round.

Where everybody is there in the same rounds and only an announced plan is to be kept, also the flow's own meetings in
rounds of equal right (König), the rounds then put in the order that keeps most: nothing is fairer.
"""

from dataclasses import dataclass

import numpy as np
from ortools.graph.python.linear_sum_assignment import SimpleLinearSumAssignment

from services.matching.planner.flow.colouring import rounds_for
from services.matching.planner.flow.pricing import Priced, gain_of
from services.matching.planner.input.model import Index
from services.matching.planner.problem.fairness import Levels, fairness_of, levels_of
from services.matching.planner.problem.parts import Field, Pairs
from services.matching.planner.rounds.round_exchange import bettered, seated, without_doubles, without_repeats
from services.matching.planner.rounds.time_expanded_flow import Chosen, Slots, best_expanded, can_be_expanded, slots_of

SLACK = 10
"""Points a meeting may lose by the prices to be looked at in the first place."""
MOST_SLOTS = 40_000
"""Meetings, counted in each round, that are given to integer programming at most."""
MOST_TRIED = 6_000_000
"""Meetings, counted in each round, up to which rounds are chosen by a flow; beyond, one meeting after the other."""


@dataclass(frozen=True)
class Draft:
    """A plan: ``chosen`` among ``slots`` of ``pairs``, how fair it is and what it is worth."""

    pairs: Pairs
    slots: Slots
    chosen: Chosen
    fairness: int
    levels: Levels
    value: int

    @property
    def rank(self) -> tuple[Levels, int]:
        """Fairness first, then value: the larger, the better."""
        return self.levels, self.value

    def earned(self, unit: int) -> int:
        """Fairness, at ``unit`` points each, and value."""
        return unit * self.fairness + self.value

    def keys(self, field: Field) -> Index:
        """The meetings as numbers."""
        return keys_of(field, self.pairs, self.slots.only(self.chosen))


def draft_of(field: Field, pairs: Pairs, slots: Slots, chosen: Chosen) -> Draft:
    """The plan that uses ``chosen`` of ``slots``."""
    mentee = pairs.mentee[slots.pair[chosen]]
    return Draft(
        pairs=pairs,
        slots=slots,
        chosen=chosen,
        fairness=fairness_of(field, mentee),
        levels=levels_of(field, mentee),
        value=int(slots.value[chosen].sum()),
    )


def keys_of(field: Field, pairs: Pairs, slots: Slots) -> Index:
    """Each of ``slots`` as a number of its own, whatever the pairs it is listed with."""
    pair = pairs.mentee[slots.pair] * field.mentors + pairs.mentor[slots.pair]
    keys: Index = pair * field.rounds + slots.round
    return keys


def first_draft(field: Field, priced: Priced, unit: int) -> Draft:
    """The best plan that is found at once."""
    drafts = []
    if field.open_alike and priced.proved and not field.doubles:
        drafts.append(_in_order(field, priced.pairs.only(priced.chosen)))
    if not drafts or drafts[0].earned(unit) < priced.limit:
        drafts.append(_by_rounds(field, priced, unit))
    return max(drafts, key=lambda each: each.rank)


def _in_order(field: Field, met: Pairs) -> Draft:
    """The meetings ``met`` in rounds that all have, in the order in which most are where they were announced."""
    rounds = field.open_rounds
    colour = rounds_for(met.mentee, met.mentor, field.seats, len(rounds))
    kept = field.round_kept(met)
    announced = np.isin(kept, rounds)
    together = np.zeros((len(rounds), len(rounds)), np.int64)
    np.add.at(together, (colour[announced], np.searchsorted(rounds, kept[announced])), 1)
    assignment = SimpleLinearSumAssignment()
    places = np.arange(len(rounds), dtype=np.int32)
    assignment.add_arcs_with_cost(np.repeat(places, len(rounds)), np.tile(places, len(rounds)), -together.ravel())
    if assignment.solve() == assignment.OPTIMAL:
        order = np.array([assignment.right_mate(each) for each in places.tolist()], np.int64)
        colour = order[colour]
    value = met.score - field.bonus * ((kept >= 0) & (kept != rounds[colour]))
    slots = Slots(np.arange(len(met)), rounds[colour], value)
    return draft_of(field, met, slots, np.ones(len(met), np.bool_))


def _by_rounds(field: Field, priced: Priced, unit: int) -> Draft:
    """The announced plan, or one from the flow over rounds, bettered until no single round can be."""
    gain = gain_of(priced.pairs, priced.prices)
    pairs = priced.pairs
    if len(pairs) * field.rounds > MOST_SLOTS:
        pairs = pairs.only((gain >= -SLACK) | priced.chosen | (field.round_kept(pairs) >= 0))
    if len(pairs) * field.rounds > MOST_TRIED or not can_be_expanded(field, unit):
        met = priced.pairs.only(priced.chosen)
        slots = seated(field, met)
        return draft_of(field, met, slots, np.ones(len(slots), np.bool_))
    slots = slots_of(field, pairs)
    drafts = []
    kept = field.round_kept(pairs)[slots.pair] == slots.round
    if kept.any() and _can_be_held(field, pairs, slots, kept):
        drafts.append(draft_of(field, pairs, slots, bettered(field, pairs, slots, kept, unit)))
    # Mostly an announced plan with a few gaps closed is the best already.
    if not drafts or drafts[0].earned(unit) < priced.limit:
        toll = np.maximum(gain_of(pairs, priced.prices), 0)
        used = without_repeats(slots, best_expanded(field, pairs, slots, toll, unit))
        used = without_doubles(field, pairs, slots, used)
        drafts.append(draft_of(field, pairs, slots, bettered(field, pairs, slots, used, unit)))
    return max(drafts, key=lambda each: each.rank)


def _can_be_held(field: Field, pairs: Pairs, slots: Slots, kept: Chosen) -> bool:
    """Whether the announced meetings break no rule of today's input."""
    if not np.array_equal(without_doubles(field, pairs, slots, kept), kept):
        return False
    mentee, mentor = pairs.mentee[slots.pair[kept]], pairs.mentor[slots.pair[kept]]
    chairs = np.bincount(mentor * field.rounds + slots.round[kept], minlength=field.mentors * field.rounds)
    return bool(
        (np.bincount(mentee, minlength=field.mentees) <= field.mentee_room).all()
        and (np.bincount(mentor, minlength=field.mentors) <= field.mentor_room).all()
        and (chairs.reshape(field.mentors, field.rounds) <= field.seats[:, None]).all()
    )
