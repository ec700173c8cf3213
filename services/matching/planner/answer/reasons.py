"""Why a mentee meets nobody, and what would help."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set

import numpy as np

from services.matching.planner.answer.plan import Meeting, Unmet
from services.matching.planner.input.model import Index, PlanInput
from services.matching.planner.problem.exclusions import Cause
from services.matching.planner.problem.people import Flags, People
from services.matching.planner.problem.scores import Scoring
from shared.messages import Message, say


def unmet_of(
    plan_input: PlanInput, people: People, scoring: Scoring, meetings: Iterable[Meeting], unmet: Index
) -> tuple[Unmet, ...]:
    """A reason for each mentee in ``unmet`` (without one of ``meetings``), and what would help."""
    mentees = unmet.tolist()
    helps = _helps(plan_input, people, mentees)
    hosts = _who_is_a_mentor_instead(people, meetings, mentees)
    return tuple(_unmet(plan_input, people, scoring, hosts, mentee, helps.get(mentee)) for mentee in mentees)


def _who_is_a_mentor_instead(people: People, meetings: Iterable[Meeting], unmet: Iterable[int]) -> set[int]:
    """Those of ``unmet`` who sit at a table as mentors in rounds in which they could have met somebody."""
    waiting = set(unmet)
    doubles = [double for double in people.doubles if double[0] in waiting]
    if not doubles:
        return set()
    sits = {(each.mentor, each.round - 1) for each in meetings}
    return {
        mentee
        for mentee, mentor in doubles
        if any((mentor, number) in sits for number in np.flatnonzero(people.mentee_open[mentee]).tolist())
    }


def _unmet(
    plan_input: PlanInput, people: People, scoring: Scoring, hosts: Set[int], mentee: int, help_: Message | None
) -> Unmet:
    reason = _own_reason(plan_input, people, mentee)
    if reason is not None:
        return Unmet(mentee, 0, reason, help=help_)
    near = people.mentor_site == people.mentee_site[mentee]
    if people.mentee_remote[mentee]:
        near |= people.mentor_remote
        if not near.any():
            return Unmet(mentee, 0, say("no mentor is at the site, and none meets over a screen"), help=help_)
    if not near.any():
        return Unmet(mentee, 0, say("no mentor is at the site"), help=help_)
    mentors = np.flatnonzero(near)
    one = np.array([mentee])
    speaking = mentors[scoring.speak_alike(one, mentors)[0]]
    if not len(speaking):
        return Unmet(mentee, 0, say("no mentor shares a language"), help=help_)
    may_meet = scoring.block(one, speaking)[0] >= 0
    apart = Counter(people.exclusions.cause(mentee, mentor) for mentor in speaking[~may_meet].tolist())
    allowed = speaking[may_meet]
    if len(allowed) and mentee in hosts:
        reason = say("is at a table as a mentor, and in the other rounds every mentor is taken or not available")
    elif len(allowed):
        reason = _why_none_of(people, mentee, allowed, mentors)
    elif len(apart) == 1:
        (cause,) = apart
        wrong_team = say("check the teams: a mentor of another team would help too")
        return Unmet(mentee, 0, ALL_EXCLUDED[cause], help=wrong_team if cause is Cause.TEAM else help_)
    else:
        reason = ALL_EXCLUDED[Cause.NEVER]
    excluded = tuple(_counted(cause, apart[cause]) for cause in COUNTED if apart[cause])
    return Unmet(mentee, 0, reason, excluded, help_)


ALL_EXCLUDED: Mapping[Cause | None, Message] = {
    Cause.SELF: say("the only mentor who shares a language is the mentee in person"),
    Cause.TEAM: say("every mentor who shares a language is of the same team"),
    Cause.MANAGER: say("the only mentor who shares a language is the mentee's manager"),
    Cause.AVOID: say("the mentee avoids every mentor who shares a language"),
    Cause.MET: say("the mentee has already met every mentor who shares a language"),
    Cause.NEVER: say("every mentor who shares a language is excluded"),
    None: say("the given scores allow no mentor who shares a language"),
}
"""The reason where one cause keeps the mentee apart from all; None is the scores given with the input."""

COUNTED = (*Cause, None)


def _counted(cause: Cause | None, count: int) -> Message:
    """From how many mentors the mentee is kept apart for ``cause``."""
    match cause:
        case Cause.SELF:
            return say("one of the mentors is the mentee in person")
        case Cause.TEAM:
            return say("of the same team: {count}", count=count)
        case Cause.MANAGER:
            return say("the mentee's manager: {count}", count=count)
        case Cause.AVOID:
            return say("avoided by the mentee: {count}", count=count)
        case Cause.MET:
            return say("whom the mentee has already met: {count}", count=count)
        case Cause.NEVER:
            return say("excluded: {count}", count=count)
        case None:
            return say("not allowed by the given scores: {count}", count=count)


def _own_reason(plan_input: PlanInput, people: People, mentee: int) -> Message | None:
    """A reason that lies with the mentee alone."""
    person = plan_input.mentees[mentee]
    if person.max_meetings == 0:
        return say("wants no meetings")
    if not person.rounds:
        return say("is available in no round")
    if not person.rounds >> plan_input.frozen_through:
        return say("every round in which the mentee is available is over")
    if not people.mentee_open[mentee].any():
        return say("is absent")
    return None


def _why_none_of(people: People, mentee: int, allowed: Index, near: Index) -> Message:
    """Why the mentee meets none of ``allowed``, the mentors who may be met, of all those who are ``near``."""

    def there(mentors: Index) -> Index:
        return mentors[(people.mentor_open[mentors] & people.mentee_open[mentee]).any(axis=1)]

    def willing(mentors: Index) -> Index:
        return mentors[people.mentor_room[mentors] > 0]

    others = np.setdiff1d(near, allowed)
    if not len(there(allowed)):
        if len(there(others)):
            return say("no mentor whom the mentee may meet is available in the same round")
        return say("no mentor is available in the same round")
    if not len(willing(there(allowed))):
        if len(willing(there(others))):
            return say("no mentor whom the mentee may meet is available and wants more meetings")
        return say("no mentor who is available wants more meetings")
    if len(willing(there(allowed))) < len(near):
        return say("every mentor whom the mentee could meet is taken by others who had no more meetings")
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
