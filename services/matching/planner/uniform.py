"""Plan a part where everybody is available in the same rounds: exact, and proved so."""

import numpy as np

from services.matching.planner.colouring import rounds_for
from services.matching.planner.duals import dual_value
from services.matching.planner.flow import fairness_unit
from services.matching.planner.input import TOP_SCORE
from services.matching.planner.parts import Field
from services.matching.planner.plan import PartResult
from services.matching.planner.pricing import solve_priced


def plan_part(field: Field) -> PartResult:
    """The fairest and best plan of ``field``, in rounds."""
    unit = fairness_unit(int(min(field.mentee_room.sum(), field.mentor_room.sum())), TOP_SCORE)
    pairs, chosen, prices = solve_priced(field, unit)
    met = pairs.only(chosen)
    fairness = fairness_of(field, met.mentee)
    value = int(met.score.sum())
    bound = dual_value(field, prices, pairs) - unit * fairness
    open_rounds = field.open_rounds
    rounds = open_rounds[rounds_for(met.mentee, met.mentor, field.seats, len(open_rounds))]
    return PartResult(
        part=field.part,
        meetings=(
            rounds,
            field.part.mentees[met.mentee],
            field.part.mentors[met.mentor],
        ),
        fairness=fairness,
        value=value,
        bound=bound,
        fairest=bound < unit,
        prices=prices,
    )


def fairness_of(field: Field, mentee: np.ndarray) -> int:
    """What the new meetings of ``mentee`` (one entry a meeting) earn in fairness."""
    count = np.bincount(mentee, minlength=field.mentees)
    first = field.rounds - field.mentee_met  # the next meeting of a mentee earns this, each one after one less
    return int((count * first - count * (count - 1) // 2).sum())
