"""Who is kept apart from whom: by what people have said of each other, and since nobody meets herself.

It holds between persons: whoever avoids somebody avoids that person as mentor and as mentee.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from services.matching.domain.roster import MENTEE, MENTOR, Card

Pair = tuple[str, str]


def kept_apart(cards: Iterable[Card]) -> set[Pair]:
    """The pairs (mentee, mentor) of ``cards`` that must not meet.

    Somebody who is named and has no card here is kept apart under the id that was named.
    """
    known = {card.id: card for card in cards}
    persons = _ids_by_person(known.values())
    apart = {pair for ids in persons.values() for pair in _pairs(ids, ids)}
    for card in known.values():
        for other in named_by(card):
            apart.add((card.id, other) if card.role == MENTEE else (other, card.id))
            if other in known:
                one, two = persons[person_of(card)], persons[person_of(known[other])]
                apart |= {*_pairs(one, two), *_pairs(two, one)}
    return apart


def named_by(card: Card) -> tuple[str, ...]:
    """Whom the participant must not meet: said by the participant, or entered for a mentor."""
    return (*card.avoided, *card.never)


def person_of(card: Card) -> str:
    """What tells the person behind a card: the participant's own id where the person is not known."""
    return card.person_id or card.id


def _ids_by_person(cards: Iterable[Card]) -> Mapping[str, Mapping[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: {MENTOR: [], MENTEE: []})
    for card in cards:
        found[person_of(card)][card.role].append(card.id)
    return found


def _pairs(mentees: Mapping[str, list[str]], mentors: Mapping[str, list[str]]) -> Iterable[Pair]:
    return ((mentee, mentor) for mentee in mentees[MENTEE] for mentor in mentors[MENTOR])
