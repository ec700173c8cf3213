"""What a new plan changes of the announced one, each change in words."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from services.matching.change_reasons import ADDED, MOVED, NOTHING_AHEAD, RELEASED, takes_the_place_of
from services.matching.planner.answer.plan import Change, Meeting
from services.matching.planner.input.model import Announced, PlanInput
from services.matching.planner.problem.exclusions import Cause
from services.matching.planner.problem.people import People
from services.matching.planner.problem.scores import FORBIDDEN, Scoring
from shared.messages import Message, say

Held = TypeVar("Held", Announced, Meeting)


def changes_of(
    plan_input: PlanInput, people: People, scoring: Scoring, meetings: Iterable[Meeting]
) -> tuple[Change, ...]:
    """Each announced meeting of a round to come that is not kept, and each new one; by round, then mentee.

    A pair that meets in another round than announced has moved. Empty where no plan was announced.
    """
    if plan_input.current is None:
        return ()
    future = [each for each in plan_input.current if each.round > plan_input.frozen_through]
    told = _Told(plan_input, people, scoring, list(meetings))
    before = {(each.mentee, each.mentor): each for each in future}
    after = {(each.mentee, each.mentor): each for each in told.meetings if each.round > plan_input.frozen_through}
    changes = []
    for pair, old in before.items():
        new = after.get(pair)
        if new is None:
            changes.append(Change(RELEASED, old.round, *pair, told.why_released(old)))
        elif new.round != old.round:
            changes.append(Change(MOVED, new.round, *pair, told.why_moved(old, new.round)))
    changes += [
        Change(ADDED, new.round, *pair, told.why_added(new)) for pair, new in after.items() if pair not in before
    ]
    return tuple(sorted(changes, key=lambda each: (each.round, each.mentee, each.mentor, each.kind)))


@dataclass
class _Told:
    """Both plans, to look reasons up in."""

    plan_input: PlanInput
    people: People
    scoring: Scoring
    meetings: list[Meeting]

    def __post_init__(self) -> None:
        future = [each for each in self.plan_input.current or () if each.round > self.plan_input.frozen_through]
        self.before: Mapping[int, list[Announced]] = _by_mentee(future)
        self.after: Mapping[int, list[Meeting]] = _by_mentee(self.meetings)
        self.seat_before: dict[tuple[int, int], list[int]] = defaultdict(list)
        for old in future:
            self.seat_before[old.round, old.mentor].append(old.mentee)
        self.seat_after: dict[tuple[int, int], list[int]] = defaultdict(list)
        for new in self.meetings:
            self.seat_after[new.round, new.mentor].append(new.mentee)
        self.kept = {(new.round, new.mentee, new.mentor) for new in self.meetings}

    def why_impossible(self, old: Announced) -> Message | None:
        """Why the meeting can no longer be held as announced, if so."""
        plan_input, at = self.plan_input, old.round
        mentor, mentee = plan_input.mentors[old.mentor], plan_input.mentees[old.mentee]
        if at >= plan_input.mentor_absent.get(old.mentor, at + 1):
            return say(
                "mentor {mentor} is absent from round {round} on",
                mentor=mentor.id,
                round=plan_input.mentor_absent[old.mentor],
            )
        if at >= plan_input.mentee_absent.get(old.mentee, at + 1):
            return say(
                "mentee {mentee} is absent from round {round} on",
                mentee=mentee.id,
                round=plan_input.mentee_absent[old.mentee],
            )
        if not self.people.mentor_open[old.mentor, at - 1]:
            return say("mentor {mentor} is not available in round {round}", mentor=mentor.id, round=at)
        if not self.people.mentee_open[old.mentee, at - 1]:
            return say("mentee {mentee} is not available in round {round}", mentee=mentee.id, round=at)
        if mentor.site != mentee.site and not (mentor.remote and mentee.remote):
            return say("the two are no longer at the same site")
        if self.scoring.score(old.mentee, old.mentor) != FORBIDDEN:
            return None
        match self.people.exclusions.cause(old.mentee, old.mentor):
            case Cause.SELF:
                return say("mentor and mentee are the same person")
            case Cause.TEAM:
                return say("the two are of the same team")
            case Cause.MANAGER:
                return say("the mentor is the mentee's manager")
            case Cause.MET:
                return say("the mentee has already met the mentor")
        return say("the two may no longer meet")

    def why_released(self, old: Announced) -> Message:
        """Why an announced meeting is not kept."""
        return self.why_impossible(old) or self._why_displaced(old)

    def why_moved(self, old: Announced, number: int) -> Message:
        """Why a meeting is in round ``number`` now."""
        impossible = self.why_impossible(old)
        if impossible is not None:
            return impossible
        instead = [each.mentor for each in self.after[old.mentee] if each.round == old.round]
        if instead:
            return say(
                "the mentee meets {mentor} in round {round}",
                round=old.round,
                mentor=self.plan_input.mentors[instead[0]].id,
            )
        return self._why_displaced(old)

    def why_added(self, new: Meeting) -> Message:
        """Why there is a new meeting."""
        lost = [each for each in self.before[new.mentee] if (each.round, each.mentee, each.mentor) not in self.kept]
        mentors = self.plan_input.mentors
        if lost:
            return takes_the_place_of(mentors[lost[0].mentor].id, lost[0].round)
        if not self.before[new.mentee]:
            return NOTHING_AHEAD
        gone = [
            each
            for each in self.seat_before[new.round, new.mentor]
            if each not in self.seat_after[new.round, new.mentor]
        ]
        if gone:
            return say("a seat became free: {mentee} no longer sits there", mentee=self.plan_input.mentees[gone[0]].id)
        return say("a seat was free")

    def _why_displaced(self, old: Announced) -> Message:
        come = [
            each
            for each in self.seat_after[old.round, old.mentor]
            if each not in self.seat_before[old.round, old.mentor]
        ]
        if come:
            name = self.plan_input.mentees[come[0]].id
            if len(self.after[old.mentee]) >= len(self.after[come[0]]):
                return say("the seat goes to {mentee}, who would have fewer meetings otherwise", mentee=name)
            return say("the seat goes to {mentee}", mentee=name)
        if len(self.after[old.mentee]) >= len(self.before[old.mentee]):
            return say("the mentee meets somebody else instead")
        return say("the mentor is needed in another round")


def _by_mentee(meetings: Iterable[Held]) -> Mapping[int, list[Held]]:
    found: dict[int, list[Held]] = defaultdict(list)
    for each in meetings:
        found[each.mentee].append(each)
    return found
