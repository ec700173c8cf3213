"""Why a mentee meets nobody, and what would help."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from services.matching.planner.answer.plan import Unmet
from services.matching.planner.input.model import Index, PlanInput
from services.matching.planner.problem.people import Flags, People
from services.matching.planner.problem.scores import Scoring
from shared.messages import Message, say


def unmet_of(plan_input: PlanInput, people: People, scoring: Scoring, unmet: Index) -> tuple[Unmet, ...]:
    """A reason for each mentee in ``unmet`` (without a meeting), and what would help."""
    mentees = unmet.tolist()
    helps = _helps(plan_input, people, mentees)
    return tuple(
        Unmet(mentee, 0, _reason(plan_input, people, scoring, mentee), helps.get(mentee)) for mentee in mentees
    )


def _reason(plan_input: PlanInput, people: People, scoring: Scoring, mentee: int) -> Message:
    person = plan_input.mentees[mentee]
    if person.max_meetings == 0:
        return say("wants no meetings")
    if not person.rounds:
        return say("is available in no round")
    if not person.rounds >> plan_input.frozen_through:
        return say("every round in which the mentee is available is over")
    if not people.mentee_open[mentee].any():
        return say("is absent")
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
    if not people.mentor_room[allowed[common]].any():
        return say("no mentor who is available wants more meetings")
    return say("every mentor is taken by others who had no more meetings")


def _helps(plan_input: PlanInput, people: People, unmet: Sequence[int]) -> dict[int, Message]:
    """For each mentee whom one more mentor would serve: what that mentor should be like, and whom else it serves.

    Mentees of a site are served by language, the language most of them speak first.
    """
    helps: dict[int, Message] = {}
    by_site: dict[int, list[int]] = {}
    for mentee in unmet:
        if people.mentee_open[mentee].any() and people.mentee_room[mentee] > 0:
            by_site.setdefault(int(people.mentee_site[mentee]), []).append(mentee)
    for site, waiting in by_site.items():
        name = people.sites[site]
        while waiting:
            spoken = Counter(language for mentee in waiting for language in plan_input.mentees[mentee].languages)
            language = min(spoken, key=lambda each: (-spoken[each], each)) if spoken else ""
            served = [
                mentee
                for mentee in waiting
                if not plan_input.mentees[mentee].languages or language in plan_input.mentees[mentee].languages
            ]
            message = _help(people, name, language, served)
            helps.update(dict.fromkeys(served, message))
            waiting = [mentee for mentee in waiting if mentee not in helps]
    return helps


def _help(people: People, site: str, language: str, served: Sequence[int]) -> Message:
    """What one mentor with one seat would do for ``served``."""
    rounds = sorted(_rounds_of(people.mentee_open, served))
    about = {"rounds": ", ".join(str(each + 1) for each in rounds), "count": len(rounds)}
    one = len(rounds) == 1
    if language and site:
        if one:
            return say(
                "one more mentor who speaks {language} at {site} in round {rounds} would serve one person",
                language=language,
                site=site,
                **about,
            )
        return say(
            "one more mentor who speaks {language} at {site} in round {rounds} would serve {count} people",
            language=language,
            site=site,
            **about,
        )
    if language:
        if one:
            return say(
                "one more mentor who speaks {language} in round {rounds} would serve one person",
                language=language,
                **about,
            )
        return say(
            "one more mentor who speaks {language} in round {rounds} would serve {count} people",
            language=language,
            **about,
        )
    if site:
        if one:
            return say("one more mentor at {site} in round {rounds} would serve one person", site=site, **about)
        return say("one more mentor at {site} in round {rounds} would serve {count} people", site=site, **about)
    if one:
        return say("one more mentor in round {rounds} would serve one person", **about)
    return say("one more mentor in round {rounds} would serve {count} people", **about)


def _rounds_of(open_: Flags, served: Sequence[int]) -> dict[int, int]:
    """A round for as many of ``served`` as can have one each: round -> mentee (shortest augmenting paths)."""
    taken: dict[int, int] = {}
    round_of: dict[int, int] = {}
    for mentee in served:
        if len(taken) == open_.shape[1]:
            break
        asked_by: dict[int, int] = {}
        number = _free_round(open_, mentee, taken, asked_by)
        while number is not None:  # each on the path moves on, back to the one who came last
            asking = asked_by[number]
            taken[number] = asking
            left = round_of.get(asking)
            round_of[asking] = number
            number = left
    return taken


def _free_round(open_: Flags, mentee: int, taken: dict[int, int], asked_by: dict[int, int]) -> int | None:
    """A round free for ``mentee``, or for one whose round she could have, and so on; ``asked_by`` gets the way."""
    waiting = [mentee]
    for asking in waiting:  # grows while it is gone through
        for number in np.flatnonzero(open_[asking]).tolist():
            if number in asked_by:
                continue
            asked_by[number] = asking
            if number not in taken:
                return int(number)
            waiting.append(taken[number])
    return None
