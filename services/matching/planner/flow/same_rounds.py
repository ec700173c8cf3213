"""Plan a part where everybody is available in the same rounds: exact, and proved so."""

from services.matching.planner.answer.plan import PartResult
from services.matching.planner.flow.colouring import rounds_for
from services.matching.planner.flow.min_cost_flow import fairness_unit
from services.matching.planner.flow.pricing import solve_priced
from services.matching.planner.problem.fairness import fairness_of
from services.matching.planner.problem.parts import Field


def plan_part(field: Field, deadline: float | None = None) -> PartResult:
    """The fairest and best plan of ``field``, in rounds; by the ``deadline`` the best found, with a bound."""
    unit = fairness_unit(int(min(field.mentee_room.sum(), field.mentor_room.sum())), field.dearest)
    priced = solve_priced(field, unit, deadline)
    met = priced.pairs.only(priced.chosen)
    fairness = fairness_of(field, met.mentee)
    value = int(met.score.sum())
    bound = priced.limit - unit * fairness
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
        prices=priced.prices,
    )
