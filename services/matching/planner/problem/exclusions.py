"""Who never meets whom, whatever a pair is worth, and why.

Two are kept apart as persons: what one has said of the other, or is to the other, holds in whichever roles they take
part.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from services.matching.planner.input.model import Index, PlanInput
from services.matching.planner.problem.ragged import Rows


class Cause(IntEnum):
    """Why two may not meet; of several the first is told."""

    SELF = 0
    """They are one person."""
    TEAM = 1
    """They are of one team."""
    MANAGER = 2
    """The mentor is the mentee's manager."""
    AVOID = 3
    """The mentee avoids the mentor."""
    MET = 4
    """They have met already."""
    NEVER = 5
    """They are kept apart for a reason that is not known, or is nobody's business."""


class Exclusions:
    """The pairs (mentee, mentor) of one input that may not meet, by position.

    Whoever is one person, or of one team, is compared when asked for: a large team has too many pairs to list them.
    """

    def __init__(self, plan_input: PlanInput) -> None:
        mentees, mentors = plan_input.mentees, plan_input.mentors
        self._alike = {
            Cause.SELF: _numbered([each.person for each in mentees], [each.person for each in mentors]),
            Cause.TEAM: _numbered([each.team for each in mentees], [each.team for each in mentors]),
        }
        rows: list[dict[int, Cause]] = [{} for _ in mentees]
        for mentee, mentor, cause in _listed(plan_input):
            rows[mentee][mentor] = min(cause, rows[mentee].get(mentor, cause))
        self._rows = rows
        self._mentors_of = Rows.of([list(row) for row in rows], len(rows))

    def forbid(self, scores: NDArray[np.int32], value: int, mentees: Index, mentors: Index, column: Index) -> None:
        """Put ``value`` into ``scores`` (rows ``mentees``, columns ``mentors``) where the two may not meet.

        ``column`` has the column of each mentor of the input, or -1.
        """
        for mentee_number, mentor_number in filter(None, self._alike.values()):
            scores[mentee_number[mentees][:, None] == mentor_number[mentors][None, :]] = value
        which, places = self._mentors_of.within(mentees)
        if len(places):
            at = column[self._mentors_of.values[places]]
            here = at >= 0
            scores[which[here], at[here]] = value

    def cause(self, mentee: int, mentor: int) -> Cause | None:
        """Why the two may not meet; None if nothing here keeps them apart."""
        for cause, numbers in self._alike.items():
            if numbers is not None and numbers[0][mentee] == numbers[1][mentor]:
                return cause
        return self._rows[mentee].get(mentor)


def _numbered(of_mentees: Sequence[str], of_mentors: Sequence[str]) -> tuple[Index, Index] | None:
    """A number for each that is equal where the texts are; of empty ones never. None where no two are equal."""
    if set(of_mentees).isdisjoint({*of_mentors} - {""}):
        return None
    number: dict[str, int] = {}
    found = []
    for texts, nothing in ((of_mentees, -1), (of_mentors, -2)):
        listed = (number.setdefault(text, len(number)) if text else nothing for text in texts)
        found.append(np.fromiter(listed, np.int64, len(texts)))
    return found[0], found[1]


def _listed(plan_input: PlanInput) -> Iterator[tuple[int, int, Cause]]:
    """The pairs that the input names, in whichever roles the two take part."""
    cards = _Cards(plan_input)
    for at, mentee in enumerate(plan_input.mentees):
        if mentee.manager:
            yield from cards.pairs(at, plan_input.mentor_at[mentee.manager], Cause.MANAGER, Cause.NEVER)
        for avoided in mentee.avoid:
            # Who avoids whom is not told to the one who is avoided.
            yield from cards.pairs(at, plan_input.mentor_at[avoided], Cause.AVOID, Cause.NEVER)
    for at, mentor in plan_input.met_before:
        yield from cards.pairs(at, mentor, Cause.MET, Cause.MET)
    for at, mentor in plan_input.never:
        yield from cards.pairs(at, mentor, Cause.NEVER, Cause.NEVER)
    for each in plan_input.current or ():
        if each.round <= plan_input.frozen_through:
            yield each.mentee, each.mentor, Cause.MET


class _Cards:
    """Under which positions each person takes part."""

    def __init__(self, plan_input: PlanInput) -> None:
        self._persons = ([each.person for each in plan_input.mentees], [each.person for each in plan_input.mentors])
        self._of: tuple[dict[str, list[int]], dict[str, list[int]]] = (defaultdict(list), defaultdict(list))
        for persons, of in zip(self._persons, self._of, strict=True):
            for number, person in enumerate(persons):
                if person:
                    of[person].append(number)

    def pairs(self, mentee: int, mentor: int, cause: Cause, turned: Cause) -> Iterator[tuple[int, int, Cause]]:
        """The pair for ``cause``, also under other positions, and for ``turned`` where the two change roles."""
        one, other = self._persons[0][mentee], self._persons[1][mentor]
        mentees, mentors = self._of[0].get(one) or [mentee], self._of[1].get(other) or [mentor]
        yield from ((each, whom, cause) for each in mentees for whom in mentors)
        if one and other:
            yield from (
                (each, whom, turned) for each in self._of[0].get(other, ()) for whom in self._of[1].get(one, ())
            )
