"""From a roster to what the planner is asked: one question for each group of sites that can meet.

People at one site meet there; remote people can also meet those of another site, but only where both sites'
sessions begin at the same instant, since otherwise their rounds are at different times. So the sites with remote
people that begin together form a group, every other site is one of its own, and groups are planned apart: what
happens at one site changes nothing at those it does not share people with. A group's rounds are frozen once one of
its sites has begun them.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from services.matching.domain.exclusions import kept_apart
from services.matching.domain.roster import MENTEE, MENTOR, Card


@dataclass(frozen=True)
class Seat:
    """One meeting of a plan: who, in which round, at which table, and why."""

    mentee_id: str
    mentor_id: str
    round: int
    table: str
    site_id: str
    score: int
    because: Mapping[str, int]

    @property
    def pair(self) -> tuple[str, str]:
        """What a meeting is told by: a pair meets at most once in a plan."""
        return (self.mentee_id, self.mentor_id)

    @property
    def place(self) -> tuple[int, str]:
        """When and where."""
        return (self.round, self.table)


def groups_of(sites: Iterable[Mapping[str, Any]], remote: Set[str]) -> list[tuple[str, ...]]:
    """The ids of the sites that can be planned apart from all others, in the order of the first of each.

    ``remote`` are the sites that have remote people: those of them that begin at the same instant are one group,
    every other site is a group of its own.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for site in sites:
        site_id = site["site_id"]
        apart = "" if site_id in remote else site_id
        groups.setdefault((site["starts_at"], apart), []).append(site_id)
    return [tuple(group) for group in groups.values()]


def touched_groups(
    groups: Iterable[tuple[str, ...]], touched: Set[str], planned: Iterable[Iterable[str]]
) -> list[tuple[str, ...]]:
    """The groups to plan anew: those with a ``touched`` site, and those that share a site with what was planned.

    ``planned`` are the groups of the plan that holds. Where somebody became remote, or stopped to be, groups have
    joined or parted since; then all of an old group's sites are planned anew, so that no site is counted twice.
    """
    groups, old = list(groups), [frozenset(each) for each in planned]
    wanted = set(touched)
    while True:
        reached = {site for group in [*groups, *old] if not wanted.isdisjoint(group) for site in group} | wanted
        if reached == wanted:
            return [group for group in groups if not wanted.isdisjoint(group)]
        wanted = reached


def question(
    group: tuple[str, ...],
    rounds: int,
    cards: Iterable[Card],
    current: Iterable[Seat],
    begun: Mapping[str, int],
    *,
    revised: bool,
    met_before: Iterable[tuple[str, str]] = (),
    others: Iterable[Card] = (),
) -> dict[str, Any]:
    """The planner's input (format ``speedmentor.plan-input/1``) for one group of sites.

    ``begun`` has the number of rounds begun by site: nobody is given a meeting in those. ``revised`` says that a plan
    has been announced: then, among the fairest plans, the one that changes the fewest of its ``current`` seats is asked
    for, since people have prepared for whom they meet. (No ``change_cost`` is given: no score is worth a change.)
    ``met_before`` are pairs (mentee, mentor) to keep apart because they met in an earlier program. ``others`` are
    not planned: they only tell who is the same person as somebody who is, so that both are avoided.
    """
    cards = list(cards)
    here = sorted((c for c in cards if c.plannable and c.site_id in group), key=lambda card: card.id)
    seats = [seat for seat in current if seat.site_id in group]
    frozen = rounds_begun(group, begun)
    met = {person for seat in seats if seat.round <= frozen for person in seat.pair}
    # Who comes to no round at all is left out: nobody is "unmet" for staying at home.
    present = [card for card in here if not (card.withdrawn or card.absent_from == 1) or card.id in met]
    mentors = [card for card in present if card.role == MENTOR]
    mentees = [card for card in present if card.role == MENTEE]
    mentor_ids, mentee_ids = {c.id for c in mentors}, {c.id for c in mentees}
    held = _Held([seat for seat in seats if seat.round <= frozen], mentor_ids, mentee_ids)
    asked: dict[str, Any] = {
        "format": "speedmentor.plan-input/1",
        "rounds": rounds,
        "table_policy": "mentor-stays",
        "mentors": [_mentor(card, mentee_ids) for card in mentors] + held.mentors,
        "mentees": [_mentee(card, mentor_ids) for card in mentees] + held.mentees,
        "never": _sorted(_among(_untold(kept_apart([*others, *cards]), present), mentee_ids, mentor_ids)),
        "met_before": _sorted(_among(met_before, mentee_ids, mentor_ids)),
        "absent": [
            {"id": card.id, "from_round": first} for card in present if (first := _gone_from(card, frozen)) <= rounds
        ]
        + [{"id": each["id"], "from_round": frozen + 1} for each in held.gone if frozen < rounds],
    }
    if revised:
        ahead = [
            seat
            for seat in seats
            if seat.round > frozen and seat.mentor_id in mentor_ids and seat.mentee_id in mentee_ids
        ]
        asked["current"] = [
            {"round": seat.round, "mentee": seat.mentee_id, "mentor": seat.mentor_id, "table": seat.table}
            for seat in sorted([*held.seats, *ahead], key=lambda seat: (seat.round, seat.mentee_id))
        ]
    if revised or frozen:
        asked["frozen_through"] = frozen
    return asked


_GONE_MENTEE = "gone-mentee-"


def fewest_met(asked: Mapping[str, Any], answer: Mapping[str, Any]) -> int:
    """How many the one of the mentees asked about meets who meets the fewest, without those who stand for somebody."""
    counted = Counter(each["mentee"] for each in answer["meetings"])
    there = (each["id"] for each in asked["mentees"] if not each["id"].startswith(_GONE_MENTEE))
    return min((counted[mentee] for mentee in there), default=0)


class _Held:
    """Meetings that are history, with somebody in the place of each who is no longer known (erased, or gone elsewhere).

    They count for the other one: who has met somebody who is erased has met somebody.
    """

    def __init__(self, seats: Iterable[Seat], mentors: Set[str], mentees: Set[str]) -> None:
        self.seats: list[Seat] = []
        self.mentors: list[dict[str, Any]] = []
        self.mentees: list[dict[str, Any]] = []
        at_table: dict[tuple[int, str], dict[str, Any]] = {}
        for seat in seats:
            if seat.mentor_id not in mentors and seat.mentee_id not in mentees:
                continue
            held = seat
            if seat.mentor_id not in mentors:
                mentor = at_table.get(seat.place)
                if mentor is None:
                    mentor = {"id": f"gone-mentor-{seat.round}-{seat.table}", "site": seat.site_id, "seats": 0}
                    at_table[seat.place] = mentor
                    self.mentors.append(mentor)
                mentor["seats"] += 1
                held = replace(held, mentor_id=mentor["id"])
            if seat.mentee_id not in mentees:
                mentee = {"id": f"{_GONE_MENTEE}{len(self.mentees)}", "site": seat.site_id}
                self.mentees.append(mentee)
                held = replace(held, mentee_id=mentee["id"])
            self.seats.append(held)

    @property
    def gone(self) -> list[dict[str, Any]]:
        """Whoever stands for somebody: nobody meets them any more."""
        return [*self.mentors, *self.mentees]


def rounds_begun(group: tuple[str, ...], begun: Mapping[str, int]) -> int:
    """How many rounds of a group are history: those that any of its sites has begun."""
    return max((begun.get(site, 0) for site in group), default=0)


def seats_in(answer: Mapping[str, Any]) -> list[Seat]:
    """The meetings of the planner's answer (format ``speedmentor.plan/1``)."""
    return [
        Seat(
            mentee_id=each["mentee"],
            mentor_id=each["mentor"],
            round=each["round"],
            table=each["table"],
            site_id=each["site"],
            score=each["score"],
            because=each.get("because", {}),
        )
        for each in answer["meetings"]
    ]


def _person(card: Card, others: set[str]) -> dict[str, Any]:
    data = card.data or {}
    known = {"person": card.person_id, "team": card.team_id}
    return {
        "id": card.id,
        "site": card.site_id,
        "remote": data["remote"],
        "languages": data["languages"],
        "rounds": data["rounds"],
        "max_meetings": data["max_meetings"],
        "wants": [other for other in card.wanted if other in others],
        **{name: value for name, value in known.items() if value},
    }


def _mentor(card: Card, mentees: set[str]) -> dict[str, Any]:
    data = card.data or {}
    return {
        **_person(card, mentees),
        "topics": data["topics"],
        "motives": data["motives"],
        "storytelling": data["storytelling"],
        "seats": data["seats"],
    }


def _mentee(card: Card, mentors: set[str]) -> dict[str, Any]:
    data = card.data or {}
    return {
        **_person(card, mentors),
        "motive": data["motive"],
        "topics": data["topics"],
        "avoid": [other for other in card.avoided if other in mentors],
        **({"manager": card.manager_id} if card.manager_id in mentors else {}),
    }


def _gone_from(card: Card, frozen: int) -> float:
    """The first round a participant misses."""
    if card.withdrawn:
        return frozen + 1
    return math.inf if card.absent_from is None else card.absent_from


def _untold(apart: Iterable[tuple[str, str]], cards: Iterable[Card]) -> Iterable[tuple[str, str]]:
    """Without those of one team, whom the planner keeps apart by that: of a large team they are many."""
    teams = {card.id: team for card in cards if (team := card.team_id)}
    return (pair for pair in apart if pair[0] not in teams or teams[pair[0]] != teams.get(pair[1]))


def _sorted(pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    return sorted(list(pair) for pair in {*pairs})


def _among(pairs: Iterable[tuple[str, str]], mentees: set[str], mentors: set[str]) -> Iterable[tuple[str, str]]:
    return (pair for pair in pairs if pair[0] in mentees and pair[1] in mentors)
