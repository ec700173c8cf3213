"""Who goes on with whom after the event: from the rankings to the pairs, and what a new pairing changes.

Everybody who has met somebody takes part and may rank whom they met. Sites that share no remote people are paired
apart, as they are planned apart.
"""

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.matching.domain.exclusions import kept_apart
from services.matching.domain.groups import Seat, question
from services.matching.domain.roster import MENTEE, MENTOR, Card
from services.matching.pairing.rankings import ASSIGNED, KINDS, MUTUAL
from shared.anonymity import K_ANONYMITY, shown
from shared.events import NewEvent

STABLE, MOST_MUTUAL = "stable", "most-mutual"
METHODS = (STABLE, MOST_MUTUAL)

_NAMES = uuid.UUID("d8a4b0de-4b56-5f0c-8d57-0f2d6d7c54e1")


def pairing_id_of(program_id: str) -> str:
    """A program has one pairing, whose revisions are counted: its id follows from the program's."""
    return str(uuid.uuid5(_NAMES, program_id))


def pair_id_of(pairing_id: str, pair: tuple[str, str]) -> str:
    """The id of a pair (mentee, mentor): the same in every revision of the pairing."""
    return str(uuid.uuid5(_NAMES, "/".join((pairing_id, *pair))))


@dataclass(frozen=True)
class Ranking:
    """Whom a participant would go on with, the dearest first; ``capacity`` is a mentor's number of places."""

    participant_id: str
    ranks: tuple[str, ...]
    capacity: int | None = None


@dataclass(frozen=True)
class Terms:
    """How an organizer has the pairs formed.

    Args:
        method: which of the two pairings is published.
        top: a top choice is among the first so many of a list.
        capacity: with how many mentees a mentor goes on who does not say.
    """

    method: str
    top: int
    capacity: int


@dataclass(frozen=True)
class FormedPair:
    """Two who go on together: by the stable pairing, by the one with the most mutual choices, or by both.

    A kind is that of the pair in that pairing, None where the pairing does not have the pair.
    """

    mentee_id: str
    mentor_id: str
    site_id: str
    stable: str | None
    most_mutual: str | None

    @property
    def pair(self) -> tuple[str, str]:
        """What it is told by."""
        return (self.mentee_id, self.mentor_id)

    def kind(self, method: str) -> str | None:
        """The kind of the pair by that method; None if it is no pair by it."""
        return self.stable if method == STABLE else self.most_mutual


def met(seats: Iterable[Seat], begun: Mapping[str, int]) -> list[Seat]:
    """The meetings whose round has begun."""
    return [seat for seat in seats if seat.round <= begun.get(seat.site_id, 0)]


def faults_of(ranks: Iterable[str], met_ids: set[str]) -> list[tuple[int, bool]]:
    """The places in ``ranks`` that do not hold, and whether it is a repetition (else: somebody not met)."""
    seen: set[str] = set()
    faults = []
    for number, other in enumerate(ranks):
        if other in seen or other not in met_ids:
            faults.append((number, other in seen))
        seen.add(other)
    return faults


def asked_for(
    group: tuple[str, ...],
    cards: Iterable[Card],
    seats: Iterable[Seat],
    begun: Mapping[str, int],
    rankings: Mapping[str, Ranking],
    terms: Terms,
) -> dict[str, Any] | None:
    """What the solver is asked for one group of sites; None if nobody has met there.

    ``rankings`` (format ``speedmentor.rankings/1``) are of all who have met somebody, and ``rest``
    (format ``speedmentor.plan-input/1``, one round) is by what those whom nobody chose are placed.
    """
    held = met((seat for seat in seats if seat.site_id in group), begun)
    there = {person for seat in held for person in seat.pair}
    everybody = list(cards)
    cards = [card for card in everybody if card.id in there and card.plannable and not card.withdrawn]
    mentors = [card.id for card in cards if card.role == MENTOR]
    mentees = [card.id for card in cards if card.role == MENTEE]
    if not mentors or not mentees:
        return None
    apart = kept_apart(everybody)
    score = {seat.pair: seat.score for seat in held}
    present = {*mentors, *mentees}

    def ranks(person: str) -> list[str]:
        given = rankings.get(person)
        return [other for other in given.ranks if other in present] if given else []

    def capacity(mentor: str) -> int:
        given = rankings.get(mentor)
        return terms.capacity if given is None or given.capacity is None else given.capacity

    pairs = {(person, other) for person in mentees for other in ranks(person)}
    pairs |= {(other, person) for person in mentors for other in ranks(person)}
    return {
        "rankings": {
            "format": "speedmentor.rankings/1",
            "top": terms.top,
            "mentors": [{"id": each, "capacity": capacity(each), "ranks": ranks(each)} for each in mentors],
            "mentees": [{"id": each, "ranks": ranks(each)} for each in mentees],
            "scores": [[*pair, -1 if pair in apart else max(0, score.get(pair, 0))] for pair in sorted(pairs)],
        },
        "rest": _rest(group, cards, everybody),
    }


def _rest(group: tuple[str, ...], cards: Iterable[Card], others: Iterable[Card]) -> dict[str, Any]:
    """A plan of one round, for which nobody is away: to go on together takes no seat on the day."""
    cards = [replace(card, presence=()) for card in cards]
    asked = question(group, 1, cards, (), {}, revised=False, others=others)
    for person in (*asked["mentors"], *asked["mentees"]):
        person |= {"rounds": [1], "max_meetings": 1}
    return asked


def pairs_in(answer: Mapping[str, Any], cards: Iterable[Card]) -> list[FormedPair]:
    """The pairs of the solver's answer (format ``speedmentor.pairs/1``)."""
    kinds: dict[tuple[str, str], dict[str, str]] = {}
    for method in (STABLE, MOST_MUTUAL):
        for each in answer[method.replace("-", "_")]:
            kinds.setdefault((each["mentee"], each["mentor"]), {})[method] = each["kind"]
    site_of = {card.id: card.site_id for card in cards}
    return [
        FormedPair(mentee, mentor, site_of[mentor] or "", by.get(STABLE), by.get(MOST_MUTUAL))
        for (mentee, mentor), by in sorted(kinds.items())
    ]


def counts(pairs: Iterable[FormedPair], method: str) -> dict[str, int]:
    """How many pairs of each kind a method gives."""
    found = Counter(kind for each in pairs if (kind := each.kind(method)))
    return {kind: found[kind] for kind in KINDS}


@dataclass(frozen=True)
class PairingFacts:
    """What the pairing's own event says beside the pairs."""

    program_id: str
    org: str
    revision: int
    method: str
    mentors: int
    mentees: int

    @property
    def pairing_id(self) -> str:
        """The pairing."""
        return pairing_id_of(self.program_id)


def events_of(
    facts: PairingFacts, before: Mapping[tuple[str, str], FormedPair], method_before: str, pairs: Iterable[FormedPair]
) -> list[NewEvent]:
    """What is published: which pairs no longer hold, which are new, then the pairing itself.

    ``before`` is the pairing that held, published by ``method_before``.
    """
    pairs = list(pairs)
    old = {pair: kind for pair, each in before.items() if (kind := _told_kind(each, method_before))}
    new = {each.pair: kind for each in pairs if (kind := _told_kind(each, facts.method))}
    by_pair = {each.pair: each for each in pairs}
    events = [_dissolved(facts, before[pair], kind) for pair, kind in sorted(old.items()) if new.get(pair) != kind]
    events += [
        _event("matching.pair-formed", facts, by_pair[pair], kind)
        for pair, kind in sorted(new.items())
        if old.get(pair) != kind
    ]
    return [*events, _published(facts, pairs)]


def events_of_erasure(facts: PairingFacts, ended: Iterable[FormedPair], left: Iterable[FormedPair]) -> list[NewEvent]:
    """What is published where people are erased: that their pairs, ``ended``, do not hold, then the figures of those
    that are ``left``."""
    events = [_dissolved(facts, pair, kind) for pair in ended if (kind := _told_kind(pair, facts.method))]
    return [*events, _published(facts, list(left))]


def _told_kind(pair: FormedPair, method: str) -> str | None:
    """The kind that others hear of: whether both have chosen it. More would tell how one ranked the other."""
    kind = pair.kind(method)
    return kind if kind in (None, MUTUAL) else ASSIGNED


def _told_counts(pairs: Collection[FormedPair], method: str) -> dict[str, int]:
    """How many pairs of each kind, where neither that nor what is left of all tells of a few."""
    counted = counts(pairs, method)
    kept = shown(counted) if sum(counted.values()) >= K_ANONYMITY else set()
    return {kind: count for kind, count in counted.items() if kind in kept}


def _dissolved(facts: PairingFacts, pair: FormedPair, kind: str) -> NewEvent:
    """Two do not go on together after all."""
    return _event("matching.pair-dissolved", facts, pair, kind)


def _published(facts: PairingFacts, pairs: Collection[FormedPair]) -> NewEvent:
    held = [each.pair for each in pairs if each.kind(facts.method)]
    data = {
        "pairing_id": facts.pairing_id,
        "program_id": facts.program_id,
        "revision": facts.revision,
        "method": facts.method,
        "mentors": facts.mentors,
        "mentees": facts.mentees,
        "pairs": len(held),
        "stable": _told_counts(pairs, STABLE),
        "most_mutual": _told_counts(pairs, MOST_MUTUAL),
        "mentees_left_over": facts.mentees - len({mentee for mentee, _ in held}),
    }
    return NewEvent("matching.pairing-published", facts.pairing_id, data, org=facts.org, program=facts.program_id)


def _event(name: str, facts: PairingFacts, pair: FormedPair, kind: str) -> NewEvent:
    pair_id = pair_id_of(facts.pairing_id, pair.pair)
    data = {
        "pair_id": pair_id,
        "pairing_id": facts.pairing_id,
        "program_id": facts.program_id,
        "site_id": pair.site_id,
        "revision": facts.revision,
        "mentor_id": pair.mentor_id,
        "mentee_id": pair.mentee_id,
        "kind": kind,
    }
    return NewEvent(name, pair_id, data, org=facts.org, program=facts.program_id, site=pair.site_id)
