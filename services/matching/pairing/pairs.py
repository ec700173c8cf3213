"""Two pairings side by side, with nobody left who could have had a place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.matching.pairing.most_mutual import most_mutual
from services.matching.pairing.placing import place
from services.matching.pairing.rankings import ASSIGNED, Rankings
from services.matching.pairing.stable import stable

FORMAT = "speedmentor.pairs/1"

#: Gives mentees left over (numbers) a mentor each, where mentors have so many free places.
PlaceRest = Callable[[Rankings, Sequence[int], Sequence[int]], dict[int, int]]


@dataclass(frozen=True)
class Pair:
    """A mentee goes on with a mentor; ``kind`` is mutual, one-sided, ranked or assigned."""

    mentee: str
    mentor: str
    kind: str


@dataclass(frozen=True)
class Pairs:
    """The stable pairing, the one with the most mutual top choices, and who has nobody in the stable one."""

    stable: tuple[Pair, ...]
    most_mutual: tuple[Pair, ...]
    mentees_left_over: tuple[str, ...]
    mentors_left_over: tuple[str, ...]

    def to_document(self) -> dict[str, Any]:
        """The pairs file, format 1."""
        return {
            "format": FORMAT,
            "stable": [vars(each) for each in self.stable],
            "most_mutual": [vars(each) for each in self.most_mutual],
            "left_over": {"mentees": list(self.mentees_left_over), "mentors": list(self.mentors_left_over)},
        }


def pair(rankings: Rankings, place_rest: PlaceRest = place) -> Pairs:
    """Pair everybody for whom there is a place, both ways. The same rankings give the same pairs.

    ``place_rest`` gives those left over a mentor: by default by the scores that came with the rankings.
    """
    by_stability = _with_the_rest(rankings, stable(rankings), place_rest)
    by_mutuality = _with_the_rest(rankings, most_mutual(rankings), place_rest)
    taken = set(by_stability.values())
    return Pairs(
        stable=_named(rankings, by_stability),
        most_mutual=_named(rankings, by_mutuality),
        mentees_left_over=tuple(name for mentee, name in enumerate(rankings.mentee_ids) if mentee not in by_stability),
        mentors_left_over=tuple(name for mentor, name in enumerate(rankings.mentor_ids) if mentor not in taken),
    )


def _with_the_rest(rankings: Rankings, chosen: Mapping[int, int], place_rest: PlaceRest) -> dict[int, int]:
    places = list(rankings.capacities)
    for mentor in chosen.values():
        places[mentor] -= 1
    left = [mentee for mentee in range(len(rankings.mentee_ids)) if mentee not in chosen]
    return {**chosen, **place_rest(rankings, left, places)}


def _named(rankings: Rankings, pairs: Mapping[int, int]) -> tuple[Pair, ...]:
    kinds = {(choice.mentee, choice.mentor): choice.kind for choice in rankings.choices}
    return tuple(
        Pair(
            rankings.mentee_ids[mentee],
            rankings.mentor_ids[mentor],
            kinds.get((mentee, mentor), ASSIGNED),
        )
        for mentee, mentor in sorted(pairs.items())
    )
