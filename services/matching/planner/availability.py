"""Plan a part whose people miss some rounds, or hold an announced plan: a strong bound, and a plan near it.

Putting meetings into rounds that not everybody has is a list edge colouring and hard in general. Rounds aside it
is a flow, whose prices bound every plan. A plan as good as the bound uses only meetings that lose nothing by those
prices, and these are few: among them (and those that lose little) a flow over the rounds gives a first plan,
exchanges within one round better it, and integer programming closes what is left, or proves that it cannot be.
"""

import time
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from services.matching.planner.duals import Prices
from services.matching.planner.exact import search
from services.matching.planner.expanded import (
    Chosen,
    Slots,
    best_expanded,
    limit_of,
    prices_with_rounds,
    slot_gain,
    slots_of,
    tolls,
)
from services.matching.planner.flow import fairness_unit
from services.matching.planner.model import Index
from services.matching.planner.parts import Field, Pairs
from services.matching.planner.plan import PartResult
from services.matching.planner.pricing import Priced, gain_of, joined, near, solve_priced
from services.matching.planner.rounds import bettered, seated, without_repeats
from services.matching.planner.uniform import fairness_of

SLACK = 10
"""Points a meeting may lose by the prices to be looked at in the first place."""
MOST_SLOTS = 40_000
"""Meetings, counted in each round, that are given to integer programming at most."""
SLACKS = (0, 20, None)
"""What meetings may lose by the prices that integer programming tries; at last, as much as a better plan can lose."""
AROUND = 60
"""Points a meeting may lose by the prices and be tried when two rounds are made anew."""
WORK_FOR_TWO = 0.4
MOST_TRIED = 6_000_000
"""Meetings, counted in each round, up to which rounds are chosen by a flow; beyond, one meeting after the other."""
MOST_PRICED = 2_000_000
"""Meetings, counted in each round, that may get prices for their rounds."""
MOST_WEIGHT = 10**8
"""The largest weight of fairness that integer programming is asked to carry."""
WORK = 6.0
"""What integer programming may do for one part, in its own seconds; a real one takes about one to three."""


@dataclass(frozen=True)
class Draft:
    """A plan: ``chosen`` among ``slots`` of ``pairs``, and what it earns, fairness times unit plus value."""

    pairs: Pairs
    slots: Slots
    chosen: Chosen
    earned: int

    def keys(self, field: Field) -> Index:
        """The meetings as numbers."""
        return _keys(field, self.pairs, self.slots.only(self.chosen))


@dataclass(frozen=True)
class Limit:
    """What no plan earns more than, by ``prices``; ``whole`` are all slots where the prices need them all."""

    earned: int
    prices: Prices
    whole: tuple[Pairs, Slots] | None = None


def plan_part(field: Field, deadline: float | None = None, work: float = WORK) -> PartResult:
    """A fair and good plan of ``field`` with a bound; integer programming does ``work`` at most."""
    unit = fairness_unit(int(min(field.mentee_room.sum(), field.mentor_room.sum())), field.dearest)
    priced = solve_priced(field, unit, deadline)
    draft = _first(field, priced, unit)
    limit = Limit(priced.limit, priced.prices)
    if priced.proved and limit.earned - draft.earned >= unit:
        limit = _limit_with_rounds(field, limit, unit)
    proved = limit.earned
    if priced.proved:
        draft, proved = _searched(field, limit, draft, unit, work, deadline)
    mentee = draft.pairs.mentee[draft.slots.pair[draft.chosen]]
    fairness = fairness_of(field, mentee)
    value = draft.earned - unit * fairness
    bound = proved - unit * fairness
    fairest = bound < unit
    if not fairest:
        bound = max(value, min(bound, _bound_without_fairness(field, fairness, deadline)))
    meetings = draft.slots.only(draft.chosen)
    return PartResult(
        part=field.part,
        meetings=(
            meetings.round,
            field.part.mentees[mentee],
            field.part.mentors[draft.pairs.mentor[meetings.pair]],
        ),
        fairness=fairness,
        value=value,
        bound=bound,
        fairest=fairest,
    )


def _first(field: Field, priced: Priced, unit: int) -> Draft:
    """The announced plan, or one from the flow over rounds, bettered until no single round can be."""
    gain = gain_of(priced.pairs, priced.prices)
    pairs = priced.pairs
    if len(pairs) * field.rounds > MOST_SLOTS:
        pairs = pairs.only((gain >= -SLACK) | priced.chosen | (field.round_kept(pairs) >= 0))
    if len(pairs) * field.rounds > MOST_TRIED:
        met = priced.pairs.only(priced.chosen)
        slots = seated(field, met)
        return _draft(field, met, slots, np.ones(len(slots), np.bool_), unit)
    slots = slots_of(field, pairs)
    drafts = []
    kept = field.round_kept(pairs)[slots.pair] == slots.round
    if kept.any() and _can_be_held(field, pairs, slots, kept):
        drafts.append(_draft(field, pairs, slots, bettered(field, pairs, slots, kept, unit), unit))
    # Mostly an announced plan with a few gaps closed is the best already.
    if not drafts or drafts[0].earned < priced.limit:
        toll = np.maximum(gain_of(pairs, priced.prices), 0)
        used = without_repeats(slots, best_expanded(field, pairs, slots, toll, unit))
        drafts.append(_draft(field, pairs, slots, bettered(field, pairs, slots, used, unit), unit))
    return max(drafts, key=lambda each: each.earned)


def _can_be_held(field: Field, pairs: Pairs, slots: Slots, kept: Chosen) -> bool:
    """Whether the announced meetings break no rule of today's input."""
    mentee, mentor = pairs.mentee[slots.pair[kept]], pairs.mentor[slots.pair[kept]]
    chairs = np.bincount(mentor * field.rounds + slots.round[kept], minlength=field.mentors * field.rounds)
    return bool(
        (np.bincount(mentee, minlength=field.mentees) <= field.mentee_room).all()
        and (np.bincount(mentor, minlength=field.mentors) <= field.mentor_room).all()
        and (chairs.reshape(field.mentors, field.rounds) <= field.seats[:, None]).all()
    )


def _limit_with_rounds(field: Field, limit: Limit, unit: int) -> Limit:
    """A limit that knows of rounds, where that is lower: nobody can do with one round what takes two."""
    if field.part.cells * field.rounds > MOST_PRICED:
        return limit
    pairs = field.all_pairs()
    slots = slots_of(field, pairs)
    toll = tolls(pairs, slots, slot_gain(pairs, slots, limit.prices))
    used = best_expanded(field, pairs, slots, toll, unit)
    prices = prices_with_rounds(field, pairs, slots, toll, used, unit)
    if prices is None:
        return limit
    lower = limit_of(field, prices, tolls(pairs, slots, slot_gain(pairs, slots, prices)))
    return Limit(lower, prices, (pairs, slots)) if lower < limit.earned else limit


def _searched(
    field: Field, limit: Limit, draft: Draft, unit: int, work: float, deadline: float | None
) -> tuple[Draft, int]:
    """``draft`` bettered by integer programming, and the limit it proves.

    Plans that lose little are few, and are looked through first; the more a plan may lose, the more there are.
    """
    proved = limit.earned
    for slack in SLACKS:
        loss = limit.earned - draft.earned
        if draft.earned == proved or work <= 0:
            break
        if slack is None and loss >= unit and unit > MOST_WEIGHT:
            break
        # Until the fairest counts are reached, look for plans that reach them.
        most = loss if slack is None else min(loss, unit - 1)
        within = _within(field, limit, draft, most if slack is None else min(slack, most))
        if within is None:
            continue
        pairs, slots, plan = within
        found = search(field, pairs, slots, limit.prices, plan, most, work / 2 if slack == 0 else work, deadline)
        work -= found.work
        if slack is None or slack >= most:
            proved = min(proved, limit.earned - found.least)
        if found.chosen is not None:
            draft = max(draft, _draft(field, pairs, slots, found.chosen, unit), key=lambda each: each.earned)
        if slack == 0 and not found.best and limit.earned - draft.earned < unit:
            draft, work = _two_rounds_at_a_time(field, limit, draft, unit, work, deadline)
    return draft, proved


def _two_rounds_at_a_time(
    field: Field, limit: Limit, draft: Draft, unit: int, work: float, deadline: float | None
) -> tuple[Draft, float]:
    """``draft`` with two rounds made anew, whichever two, as long as that betters it; and the work that is left.

    Large-neighbourhood search (Shaw, 1998).
    """
    spare = work / 4
    stale = list(combinations(range(field.rounds), 2))
    while stale and work > spare and (deadline is None or time.monotonic() < deadline):
        two = stale.pop(0)
        loss = limit.earned - draft.earned
        within = _within(field, limit, draft, min(loss, AROUND)) if loss else None
        if within is None:
            break
        pairs, slots, plan = within
        here = np.isin(slots.round, two) | plan
        found = search(
            field, pairs, slots.only(here), limit.prices, plan[here], loss, min(work, WORK_FOR_TWO), deadline
        )
        work -= found.work
        if found.chosen is None:
            continue
        better = _draft(field, pairs, slots.only(here), found.chosen, unit)
        if better.earned > draft.earned:
            draft = better
            touched = [each for each in combinations(range(field.rounds), 2) if set(each) & set(two) and each != two]
            stale += [each for each in touched if each not in stale]
    return draft, work


def _within(field: Field, limit: Limit, draft: Draft, slack: int) -> tuple[Pairs, Slots, Chosen] | None:
    """The meetings that lose at most ``slack`` by the prices and those of ``draft``; None if they are too many."""
    if limit.whole is None:
        most = min(MOST_SLOTS, MOST_TRIED // field.rounds)
        about = near(field, limit.prices, slack, most)
        if about is None or draft.chosen.sum() > most:
            return None
        pairs = joined(about, draft.pairs.only(np.unique(draft.slots.pair[draft.chosen])))
        slots = slots_of(field, pairs)
    else:
        pairs, slots = limit.whole
    held = np.isin(_keys(field, pairs, slots), draft.keys(field), assume_unique=True)
    keep = (slot_gain(pairs, slots, limit.prices) >= -slack) | held
    if keep.sum() > MOST_SLOTS:
        return None
    return pairs, slots.only(keep), held[keep]


def _keys(field: Field, pairs: Pairs, slots: Slots) -> Index:
    pair = pairs.mentee[slots.pair] * field.mentors + pairs.mentor[slots.pair]
    keys: Index = pair * field.rounds + slots.round
    return keys


def _draft(field: Field, pairs: Pairs, slots: Slots, chosen: Chosen, unit: int) -> Draft:
    fairness = fairness_of(field, pairs.mentee[slots.pair[chosen]])
    return Draft(pairs, slots, chosen, unit * fairness + int(slots.value[chosen].sum()))


def _bound_without_fairness(field: Field, fairness: int, deadline: float | None) -> int:
    """A bound on the value of plans as fair as ``fairness``, where a fairer one could not be ruled out.

    Any weight of fairness gives one; the large weight that finds the fairest plans gives a poor one.
    """
    light = field.dearest + 1
    return solve_priced(field, light, deadline).limit - light * fairness
