"""Why a mentee meets nobody, and what would help."""

import numpy as np

from services.matching.planner.model import Index, PlanInput
from services.matching.planner.people import People
from services.matching.planner.scores import Scoring
from shared.messages import Message, say


def reasons_for(plan_input: PlanInput, people: People, scoring: Scoring, unmet: Index) -> list[Message]:
    """A reason for each mentee in ``unmet``."""
    return [_reason(plan_input, people, scoring, int(mentee)) for mentee in unmet]


def _reason(plan_input: PlanInput, people: People, scoring: Scoring, mentee: int) -> Message:
    person = plan_input.mentees[mentee]
    if person.max_meetings == 0:
        return say("wants no meetings")
    if mentee in plan_input.mentee_absent and not people.mentee_open[mentee].any():
        return say("is absent")
    if not people.mentee_open[mentee].any():
        return say("is available in no round")
    near = people.mentor_site == people.mentee_site[mentee]
    if people.mentee_remote[mentee]:
        near |= people.mentor_remote
    if not near.any():
        return say("no mentor is at the site")
    mentors = np.flatnonzero(near)
    one = np.array([mentee])
    speaking = mentors[scoring.speak_alike(one, mentors)[0]]
    if not len(speaking):
        return say("no mentor shares a language")
    allowed = speaking[scoring.block(one, speaking)[0] >= 0]
    if not len(allowed):
        return say("every mentor who shares a language is excluded")
    common = (people.mentor_open[allowed] & people.mentee_open[mentee]).any(axis=1)
    if not common.any():
        return say("no mentor is available in the same round")
    return say("every mentor is taken by others who had no more meetings")
