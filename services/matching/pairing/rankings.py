"""What both sides rank, and which pairs may come of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

TOP = 3
"""A top choice is among the first three, where the rankings do not say otherwise."""

MUTUAL, ONE_SIDED, RANKED, ASSIGNED = "mutual", "one-sided", "ranked", "assigned"
KINDS = (MUTUAL, ONE_SIDED, RANKED, ASSIGNED)


@dataclass(frozen=True)
class Choice:
    """A pair at least one side of which ranked the other.

    ``by_mentee`` and ``by_mentor`` are places in their lists, the best being 1. A side that did not rank the
    other has it one place below the last of its list: behind everybody it did rank, before everybody nobody
    ranked.
    """

    mentee: int
    mentor: int
    by_mentee: int
    by_mentor: int
    kind: str
    score: int


@dataclass(frozen=True)
class Rankings:
    """The rankings of one event. People are numbered in the order of their ids, so that the order in which
    they stand in a file decides nothing.

    ``scores`` are the planner's, by (mentee, mentor); a negative one means that the two are never paired.
    """

    mentee_ids: Sequence[str]
    mentor_ids: Sequence[str]
    capacities: Sequence[int]
    mentee_ranks: Sequence[Sequence[int]]
    mentor_ranks: Sequence[Sequence[int]]
    scores: Mapping[tuple[int, int], int]
    top: int = TOP

    def may_pair(self, mentee: int, mentor: int) -> bool:
        """Whether nothing keeps the two apart."""
        return self.scores.get((mentee, mentor), 0) >= 0

    @cached_property
    def choices(self) -> list[Choice]:
        """Every pair that one of the two ranked, by mentee and then mentor."""
        by_mentee = {
            (mentee, mentor): place
            for mentee, ranks in enumerate(self.mentee_ranks)
            for place, mentor in enumerate(ranks, start=1)
        }
        by_mentor = {
            (mentee, mentor): place
            for mentor, ranks in enumerate(self.mentor_ranks)
            for place, mentee in enumerate(ranks, start=1)
        }
        return [
            self._choice(pair, by_mentee.get(pair), by_mentor.get(pair))
            for pair in sorted(by_mentee.keys() | by_mentor.keys())
            if self.may_pair(*pair)
        ]

    def _choice(self, pair: tuple[int, int], by_mentee: int | None, by_mentor: int | None) -> Choice:
        mentee, mentor = pair
        tops = sum(place is not None and place <= self.top for place in (by_mentee, by_mentor))
        return Choice(
            mentee=mentee,
            mentor=mentor,
            by_mentee=by_mentee or len(self.mentee_ranks[mentee]) + 1,
            by_mentor=by_mentor or len(self.mentor_ranks[mentor]) + 1,
            kind=(RANKED, ONE_SIDED, MUTUAL)[tops],
            score=self.scores.get(pair, 0),
        )
