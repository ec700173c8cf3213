"""Whoever is left after the rankings gets a place by the planner, with all its rules, and not by scores given."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.matching.pairing.rankings import Rankings
from services.matching.planner import read_input, solve


def by_plan(
    asked: Mapping[str, Any], time_limit: float | None = None
) -> Callable[[Rankings, Sequence[int], Sequence[int]], dict[int, int]]:
    """A way to place who is left: as a plan of one round, in which a mentor has as many seats as free places.

    ``asked`` (format ``speedmentor.plan-input/1``) describes all who take part. So as many as possible are placed,
    nobody with somebody the hard rules keep apart, and among those ways the sum of scores is the largest.
    """

    def place(rankings: Rankings, mentees: Sequence[int], places: Sequence[int]) -> dict[int, int]:
        free = {rankings.mentor_ids[mentor]: count for mentor, count in enumerate(places) if count > 0}
        left = {rankings.mentee_ids[mentee]: mentee for mentee in mentees}
        if not free or not left:
            return {}
        apart = {pair for pair, score in rankings.scores.items() if score < 0}
        never = {*map(tuple, asked.get("never", ()))}
        never |= {(rankings.mentee_ids[mentee], rankings.mentor_ids[mentor]) for mentee, mentor in apart}
        rest = {
            **asked,
            "mentors": [
                {
                    **each,
                    "seats": free[each["id"]],
                    "max_meetings": free[each["id"]],
                    "wants": [other for other in each["wants"] if other in left],
                }
                for each in asked["mentors"]
                if each["id"] in free
            ],
            "mentees": [
                {
                    **{name: value for name, value in each.items() if name != "manager" or value in free},
                    **{name: [other for other in each[name] if other in free] for name in ("wants", "avoid")},
                }
                for each in asked["mentees"]
                if each["id"] in left
            ],
            "never": sorted([mentee, mentor] for mentee, mentor in never if mentee in left and mentor in free),
        }
        plan = solve(read_input(rest), time_limit=time_limit, workers=1)
        number = {name: mentor for mentor, name in enumerate(rankings.mentor_ids)}
        return {
            left[plan.mentee_ids[each.mentee]]: number[plan.mentor_ids[each.mentor]]
            for each in sorted(plan.meetings, key=lambda each: each.mentee)
        }

    return place
