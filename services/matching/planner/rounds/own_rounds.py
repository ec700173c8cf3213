"""Plan a part whose people miss some rounds, or hold an announced plan: the fairest plan, near a strong bound.

Putting meetings into rounds that not everybody has is a list edge colouring and hard in general. Rounds aside it
is a flow, whose prices bound every plan. A plan as good as the bound uses only meetings that lose nothing by those
prices, and these are few: among them (and those that lose little) a flow over the rounds gives a first plan,
exchanges within one round better it, and integer programming closes what is left, or proves that it cannot be.

Fairness comes first: what the flow promises may be more than rounds allow, and then the fairest plan is searched for
level by level, before the best among those as fair.
"""

import time
from itertools import combinations

import numpy as np

from services.matching.planner.answer.plan import PartResult
from services.matching.planner.flow.min_cost_flow import fairness_unit
from services.matching.planner.flow.pricing import joined, near, solve_priced
from services.matching.planner.problem.fairness import Levels, levels_of
from services.matching.planner.problem.parts import Field, Pairs
from services.matching.planner.rounds.bounds import Limit, ceiling_with_rounds, lightest_limit, limit_with_rounds
from services.matching.planner.rounds.drafts import MOST_SLOTS, MOST_TRIED, Draft, draft_of, first_draft, keys_of
from services.matching.planner.rounds.fairest_by_level import search_fairest
from services.matching.planner.rounds.integer_programming import search
from services.matching.planner.rounds.round_exchange import bettered
from services.matching.planner.rounds.time_expanded_flow import Chosen, Slots, slot_gain, slots_of

SLACKS = (0, 20)
"""What meetings may lose by the prices that integer programming tries before all that a better plan can lose."""
AROUND = 60
"""Points a meeting may lose by the prices and be tried when two rounds are made anew."""
WORK_FOR_TWO = 0.4
MOST_PRICED = 2_000_000
"""Meetings, counted in each round, that may get prices for their rounds."""
MOST_LOSS = 10**12
"""The largest loss that integer programming is asked to carry."""
WORK = 6.0
"""What integer programming may do for one part, in its own seconds; a real one takes about one to three."""


def plan_part(field: Field, deadline: float | None = None, work: float = WORK) -> PartResult:
    """A fair and good plan of ``field`` with a bound; integer programming does ``work`` at most."""
    unit = fairness_unit(int(min(field.mentee_room.sum(), field.mentor_room.sum())), field.dearest)
    priced = solve_priced(field, unit, deadline)
    draft = first_draft(field, priced, unit)
    limit = Limit(priced.limit, priced.prices)
    fairest = False
    if priced.proved:
        ceiling = levels_of(field, priced.pairs.mentee[priced.chosen])
        draft, fairest, work = _fairest(field, limit, draft, ceiling, work, deadline)
        # As fair as the flow: whoever loses less than a unit is as fair, and fairness needs no second look.
        hold = None if draft.levels == ceiling else draft.levels
    if not priced.proved or hold is not None:
        limit = _limit_for(field, limit, draft, deadline)
    bound = limit.value(draft)
    if priced.proved:
        draft, bound = _searched(field, limit, draft, hold, work, deadline)
    meetings = draft.slots.only(draft.chosen)
    return PartResult(
        part=field.part,
        meetings=(
            meetings.round,
            field.part.mentees[draft.pairs.mentee[meetings.pair]],
            field.part.mentors[draft.pairs.mentor[meetings.pair]],
        ),
        fairness=draft.fairness,
        value=draft.value,
        bound=max(draft.value, bound),
        fairest=fairest,
    )


def _fairest(
    field: Field, limit: Limit, draft: Draft, ceiling: Levels, work: float, deadline: float | None
) -> tuple[Draft, bool, float]:
    """The fairest plan that is found, starting from ``draft``; whether none is fairer; and the work that is left.

    ``ceiling`` are the levels of the flow behind ``limit``: no plan is fairer.
    """
    if draft.levels == ceiling:
        return draft, True, work
    whole = None
    if field.part.cells * field.rounds <= MOST_PRICED:
        pairs = field.all_pairs()
        whole = pairs, slots_of(field, pairs)
        ceiling = min(ceiling, ceiling_with_rounds(field, *whole))
        if draft.levels == ceiling:
            return draft, True, work
    spare = work / 2
    draft, work = _near_prices(field, limit, draft, ceiling, work, deadline)
    if draft.levels == ceiling or whole is None or len(whole[1]) > MOST_SLOTS:
        return draft, draft.levels == ceiling, work
    pairs, slots = whole
    plan = np.isin(keys_of(field, pairs, slots), draft.keys(field), assume_unique=True)
    found = search_fairest(field, pairs, slots, plan, ceiling, max(spare / 2, work - spare / 2), deadline)
    work = max(work - found.work, spare / 2)
    fairer = draft_of(field, pairs, slots, found.chosen)
    if fairer.levels > draft.levels:
        draft = draft_of(field, pairs, slots, bettered(field, pairs, slots, found.chosen, limit.unit))
    return draft, found.proved, work


def _near_prices(
    field: Field, limit: Limit, draft: Draft, ceiling: Levels, work: float, deadline: float | None
) -> tuple[Draft, float]:
    """A plan as fair as the flow behind ``limit``, among those that lose little otherwise, if there is one."""
    for slack in SLACKS:
        within = _within(field, limit, draft, slack)
        if within is None or draft.levels == ceiling or work <= 0:
            break
        pairs, slots, plan = within
        found = search(field, pairs, slots, limit.prices, plan, limit.unit - 1, work / 4, deadline)
        work -= found.work
        if found.chosen is not None:
            draft = max(draft, draft_of(field, pairs, slots, found.chosen), key=lambda each: each.rank)
    return draft, work


def _limit_for(field: Field, limit: Limit, draft: Draft, deadline: float | None) -> Limit:
    """The lowest limit at hand for plans as fair as ``draft``, which is not as fair as the flow behind ``limit``."""
    limits = [limit, lightest_limit(field, limit, draft, deadline)]
    if field.part.cells * field.rounds <= MOST_PRICED and (deadline is None or time.monotonic() < deadline):
        pairs = field.all_pairs()
        slots = slots_of(field, pairs)
        limits += [limit_with_rounds(field, each, pairs, slots) for each in limits]
    return min(limits, key=lambda each: each.value(draft))


def _searched(
    field: Field, limit: Limit, draft: Draft, hold: Levels | None, work: float, deadline: float | None
) -> tuple[Draft, int]:
    """``draft`` bettered by integer programming, as fair as before, and what no plan as fair is worth more than.

    Plans that lose little are few, and are looked through first; the more a plan may lose, the more there are.
    """
    bound = limit.value(draft)
    for slack in (*SLACKS, None):
        loss = limit.loss(draft)
        if draft.value >= bound or work <= 0 or loss > MOST_LOSS:
            break
        within = _within(field, limit, draft, loss if slack is None else min(slack, loss))
        if within is None:
            continue
        pairs, slots, plan = within
        share = work / 3 if slack == 0 else work
        found = search(field, pairs, slots, limit.prices, plan, loss, share, deadline, hold)
        work -= found.work
        if slack is None or slack >= loss:
            bound = min(bound, limit.value(draft) - found.least)
        if found.chosen is not None:
            draft = max(draft, draft_of(field, pairs, slots, found.chosen), key=lambda each: each.rank)
        if slack == 0 and not found.best:
            draft, work = _two_rounds_at_a_time(field, limit, draft, hold, work, deadline)
    return draft, bound


def _two_rounds_at_a_time(
    field: Field, limit: Limit, draft: Draft, hold: Levels | None, work: float, deadline: float | None
) -> tuple[Draft, float]:
    """``draft`` with two rounds made anew, whichever two, as long as that betters it; and the work that is left.

    Large-neighbourhood search (Shaw, 1998).
    """
    spare = work / 4
    stale = list(combinations(range(field.rounds), 2))
    while stale and work > spare and (deadline is None or time.monotonic() < deadline):
        two = stale.pop(0)
        loss = limit.loss(draft)
        within = _within(field, limit, draft, min(loss, AROUND)) if loss else None
        if within is None:
            break
        pairs, slots, plan = within
        here = np.isin(slots.round, two) | plan
        found = search(
            field,
            pairs,
            slots.only(here),
            limit.prices,
            plan[here],
            loss,
            min(work, WORK_FOR_TWO),
            deadline,
            hold,
        )
        work -= found.work
        if found.chosen is None:
            continue
        better = draft_of(field, pairs, slots.only(here), found.chosen)
        if better.rank > draft.rank:
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
    held = np.isin(keys_of(field, pairs, slots), draft.keys(field), assume_unique=True)
    keep = (slot_gain(pairs, slots, limit.prices) >= -slack) | held
    if keep.sum() > MOST_SLOTS:
        return None
    return pairs, slots.only(keep), held[keep]
