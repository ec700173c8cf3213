"""What a new plan changes about the one that was announced."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.matching.domain.groups import Seat
from shared.events import NewEvent

#: What nobody else may hear of, and is then published as if organizers had asked: somebody may avoid somebody.
_UNTOLD_CAUSES = {"preference": "request"}

_NAMES = uuid.UUID("6f6b3a52-6d36-5e7d-9f0c-6c1d9a7d2b10")


def plan_id_of(program_id: str) -> str:
    """A program has one plan, whose revisions are counted: its id follows from the program's."""
    return str(uuid.uuid5(_NAMES, program_id))


def meeting_id_of(plan_id: str, pair: tuple[str, str]) -> str:
    """A pair meets at most once in a plan, so a meeting that moves keeps its id."""
    return str(uuid.uuid5(_NAMES, "/".join((plan_id, *pair))))


@dataclass(frozen=True)
class Revision:
    """The difference between two plans, by pairs."""

    added: tuple[Seat, ...]
    removed: tuple[Seat, ...]
    #: (as announced, as it is now)
    moved: tuple[tuple[Seat, Seat], ...]
    kept: tuple[Seat, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nobody's agenda changes."""
        return not (self.added or self.removed or self.moved)


def compare(before: Iterable[Seat], after: Iterable[Seat]) -> Revision:
    """What changes from ``before`` to ``after``, each part by round and mentee."""
    old = {seat.pair: seat for seat in before}
    new = {seat.pair: seat for seat in after}
    both = [(old[pair], new[pair]) for pair in old.keys() & new.keys()]
    return Revision(
        added=_sorted(new[pair] for pair in new.keys() - old.keys()),
        removed=_sorted(old[pair] for pair in old.keys() - new.keys()),
        moved=tuple(
            sorted(
                ((a, b) for a, b in both if a.place != b.place), key=lambda change: (change[1].round, change[1].pair)
            )
        ),
        kept=_sorted(b for a, b in both if a.place == b.place),
    )


def _sorted(seats: Iterable[Seat]) -> tuple[Seat, ...]:
    return tuple(sorted(seats, key=lambda seat: (seat.round, seat.pair)))


@dataclass(frozen=True)
class PlanFacts:
    """What the plan's own event says beside the changes."""

    plan_id: str
    program_id: str
    org: str
    revision: int
    rounds: int
    mentors: int
    mentees: int
    #: Announced meetings that could not change: of sites that were not planned anew, and of rounds that have begun.
    kept_elsewhere: int
    quality: Mapping[str, Any]
    #: What the wishes of both sides add to the score of the plan.
    wants: int = 0


def events_of(facts: PlanFacts, revision: Revision, cause: str) -> list[NewEvent]:
    """What is published: first who no longer meets, then who does, then the plan itself.

    A moved meeting is released and assigned again, so that who counts only the two counts right.
    """
    gone = [*revision.removed, *(before for before, _ in revision.moved)]
    come = [*revision.added, *(after for _, after in revision.moved)]
    events = [_meeting_event("matching.meeting-released", facts, seat) for seat in gone]
    events += [_meeting_event("matching.meeting-assigned", facts, seat) for seat in come]
    data = {
        "plan_id": facts.plan_id,
        "program_id": facts.program_id,
        "revision": facts.revision,
        "rounds": facts.rounds,
        "mentors": facts.mentors,
        "mentees": facts.mentees,
        **_worth(facts),
    }
    if facts.revision == 1:
        name = "matching.plan-published"
    else:
        name = "matching.plan-revised"
        data |= {
            "cause": _UNTOLD_CAUSES.get(cause, cause),
            "added": len(revision.added),
            "removed": len(revision.removed),
            "moved": len(revision.moved),
            "kept": len(revision.kept) + facts.kept_elsewhere,
        }
    events.append(NewEvent(name, facts.plan_id, data, org=facts.org, program=facts.program_id))
    return events


def _worth(facts: PlanFacts) -> dict[str, Any]:
    """How good the plan is, without what wishes add to it.

    What people offer and look for is public, so that whoever knows the whole score would reckon from two revisions with
    one meeting between them whether the two had wished for each other.
    """
    quality = facts.quality
    score, bound = quality["score"] - facts.wants, quality["bound"] - facts.wants
    gap = (bound - score) / max(1, bound)
    return {**{name: quality[name] for name in ("meetings", "certified")}, "score": score, "bound": bound, "gap": gap}


def wants_in(answer: Mapping[str, Any]) -> int:
    """What wishes add to the score of the planner's answer (format ``speedmentor.plan/1``)."""
    return sum(each.get("because", {}).get("wants", 0) for each in answer["meetings"])


def _meeting_event(name: str, facts: PlanFacts, seat: Seat) -> NewEvent:
    meeting_id = meeting_id_of(facts.plan_id, seat.pair)
    return NewEvent(
        name,
        meeting_id,
        {
            "meeting_id": meeting_id,
            "plan_id": facts.plan_id,
            "program_id": facts.program_id,
            "site_id": seat.site_id,
            "revision": facts.revision,
            "round": seat.round,
            "table": seat.table,
            "mentor_id": seat.mentor_id,
            "mentee_id": seat.mentee_id,
        },
        org=facts.org,
        program=facts.program_id,
        site=seat.site_id,
    )


def joined_quality(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The quality of a plan made of parts that share nobody: sums, extremes, and certified if every part is."""
    qualities = list(parts)
    score = sum(q["score"] for q in qualities)
    bound = sum(q["bound"] for q in qualities)
    return {
        "meetings": sum(q["meetings"] for q in qualities),
        "score": score,
        "bound": bound,
        "gap": (bound - score) / max(1, bound),
        "certified": all(q["certified"] for q in qualities),
        "least": min((q["least"] for q in qualities), default=0),
        "most": max((q["most"] for q in qualities), default=0),
        "seconds": sum(q["seconds"] for q in qualities),
    }
