"""Plan a part whose people miss some rounds, or hold an announced plan: a strong bound, and a plan near it.

Putting meetings into rounds that not everybody has is a list edge colouring and hard in general. The bound
prices the one rule that makes it hard (see ``expanded``); the plan comes from the priced flow, mended.
"""

import numpy as np

from services.matching.planner.duals import least_prices
from services.matching.planner.expanded import best_expanded, slots_of
from services.matching.planner.flow import fairest_and_best, fairness_unit
from services.matching.planner.input import TOP_SCORE
from services.matching.planner.parts import Field, Pairs
from services.matching.planner.plan import PartResult
from services.matching.planner.rounds import bettered, without_repeats
from services.matching.planner.uniform import fairness_of


def plan_part(field: Field, deadline: float | None) -> PartResult:
    """A fair and good plan of ``field`` with a bound."""
    pairs = field.all_pairs()
    slots = slots_of(field, pairs)
    dearest = TOP_SCORE + max(field.announced.values(), default=0)
    unit = fairness_unit(int(min(field.mentee_room.sum(), field.mentor_room.sum())), dearest)
    best = np.zeros(len(pairs), np.int64)
    np.maximum.at(best, slots.pair, slots.value)
    relaxed = Pairs(pairs.mentee, pairs.mentor, best)
    chosen = fairest_and_best(field, relaxed, unit)
    prices = least_prices(field, relaxed, chosen, unit)
    toll = np.maximum(best + prices.worth[pairs.mentee] - prices.price[pairs.mentor], 0)
    used = best_expanded(field, pairs, slots, toll, unit)
    relaxed_fairness = fairness_of(field, pairs.mentee[slots.pair[used]])
    limit = unit * relaxed_fairness + int(toll.sum()) + int((slots.value[used] - toll[slots.pair[used]]).sum())
    plan = bettered(field, pairs, slots, without_repeats(slots, used), unit)
    at = slots.pair[plan]
    fairness = fairness_of(field, pairs.mentee[at])
    value = int(slots.value[plan].sum())
    fairest = fairness >= min(relaxed_fairness, fairness_of(field, pairs.mentee[chosen]))
    return PartResult(
        part=field.part,
        meetings=(
            slots.round[plan],
            field.part.mentees[pairs.mentee[at]],
            field.part.mentors[pairs.mentor[at]],
        ),
        fairness=fairness,
        value=value,
        bound=limit - unit * fairness,
        fairest=fairest,
    )
