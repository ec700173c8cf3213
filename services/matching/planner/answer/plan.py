"""A plan: who meets whom in which round at which table, why, and how good it provably is."""

from dataclasses import dataclass, field
from typing import Any

from services.matching.planner.flow.duals import Prices
from services.matching.planner.input.model import Index
from services.matching.planner.problem.parts import Part
from shared.messages import Message

FORMAT = "speedmentor.plan/1"
AND_HELP = "; "
"""Between the reason why a mentee meets nobody, what is added to it, and what would help."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting. ``round`` counts from 1; people are positions in the input's lists."""

    round: int
    mentee: int
    mentor: int
    table: str
    score: int
    because: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unmet:
    """A mentee (position) with no meeting, why, and what would help.

    ``excluded`` says of how many mentors that could have been, by what, the mentee is kept apart.
    """

    mentee: int
    meetings: int
    reason: Message
    excluded: tuple[Message, ...] = ()
    help: Message | None = None

    def __str__(self) -> str:
        return AND_HELP.join(map(str, self.messages))

    @property
    def messages(self) -> tuple[Message, ...]:
        """The reason, from whom the mentee is kept apart, and what would help if anything would."""
        return (self.reason, *self.excluded, *(() if self.help is None else (self.help,)))

    def to_document(self, plan: "Plan") -> dict[str, Any]:
        """As a plan file has it, in English."""
        return {"mentee": plan.mentee_ids[self.mentee], "meetings": self.meetings, "reason": str(self)}


@dataclass(frozen=True, slots=True)
class Change:
    """One announced meeting not kept, or a new one, in words."""

    kind: str
    round: int
    mentee: int
    mentor: int
    why: Message

    def to_document(self, plan: "Plan") -> dict[str, Any]:
        """The change as JSON, in English."""
        return {
            "kind": self.kind,
            "round": self.round,
            "mentee": plan.mentee_ids[self.mentee],
            "mentor": plan.mentor_ids[self.mentor],
            "why": str(self.why),
        }


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a plan is. ``bound`` is what the score of no plan with the same fairness can exceed."""

    meetings: int
    score: int
    bound: int
    certified: bool
    least: int
    most: int
    kept: int
    changed: int
    seconds: float

    @property
    def gap(self) -> float:
        """How far below the bound the score may be, as a share."""
        return (self.bound - self.score) / max(1, self.bound)


@dataclass(frozen=True, slots=True)
class PartResult:
    """One part's outcome.

    ``meetings`` are columns: round (from 0), mentee, mentor (positions in the input). ``fairness``, ``score``:
    what the new meetings earn; ``bound``: what no plan of the part that shares the meetings out alike can exceed
    (score, less the cost of changes where there is a current plan). ``fairest``: no plan is fairer, as is proved.
    """

    part: Part
    meetings: tuple[Index, Index, Index]
    fairness: int
    value: int
    bound: int
    fairest: bool
    prices: Prices | None = None


@dataclass(frozen=True)
class Plan:
    """The whole plan; ``to_document`` gives the published form. ``results`` carry the proof, part by part."""

    mentee_ids: tuple[str, ...]
    mentor_ids: tuple[str, ...]
    mentor_sites: tuple[str, ...]
    meetings: tuple[Meeting, ...]
    unmet: tuple[Unmet, ...]
    quality: Quality
    changes: tuple[Change, ...] = ()
    results: tuple[PartResult, ...] = field(default=(), repr=False, compare=False)

    def to_document(self) -> dict[str, Any]:
        """The plan in format ``speedmentor.plan/1``."""
        mentees, mentors, sites = self.mentee_ids, self.mentor_ids, self.mentor_sites
        quality = self.quality
        return {
            "format": FORMAT,
            "meetings": [
                {
                    "round": each.round,
                    "mentee": mentees[each.mentee],
                    "mentor": mentors[each.mentor],
                    "site": sites[each.mentor],
                    "table": each.table,
                    "score": each.score,
                    "because": dict(each.because),
                }
                for each in self.meetings
            ],
            "unmet": [each.to_document(self) for each in self.unmet],
            "quality": {
                "meetings": quality.meetings,
                "score": quality.score,
                "bound": quality.bound,
                "gap": quality.gap,
                "certified": quality.certified,
                "least": quality.least,
                "most": quality.most,
                "kept": quality.kept,
                "changed": quality.changed,
                "seconds": quality.seconds,
            },
        }

    def unmet_document(self) -> list[dict[str, Any]]:
        """Who meets nobody and why: in English, and as messages to be translated."""
        return [
            {**each.to_document(self), "messages": [said.to_document() for said in each.messages]}
            for each in self.unmet
        ]

    def changes_document(self) -> list[dict[str, Any]]:
        """Each change against the announced plan, in words: in English, and as a message to be translated."""
        return [{**each.to_document(self), "message": each.why.to_document()} for each in self.changes]
