"""Changes of a plan that come of people who are gone: the planner is not told of them, so it cannot explain these."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.matching.change_reasons import NOTHING_AHEAD, RELEASED, takes_the_place_of
from services.matching.domain.groups import Seat
from services.matching.domain.roster import MENTEE, MENTOR, Card
from shared.messages import Message, say

#: Stands for the id of an erased participant.
ERASED = "erased"

Change = dict[str, Any]


def with_those_gone(told: Iterable[Change], removed: Iterable[Seat], cards: Mapping[str, Card]) -> list[Change]:
    """The planner's changes and a release for each of the ``removed`` seats that it does not know of.

    ``cards`` are those of the sites that were planned; whoever is in none of them has been erased.
    """
    changes = list(told)
    explained = {(each["mentee"], each["mentor"]) for each in changes if each["kind"] == RELEASED}
    unknown = sorted((seat for seat in removed if seat.pair not in explained), key=lambda seat: seat.round)
    lost = {seat.mentee_id: seat for seat in reversed(unknown)}
    changes = [
        _said(each, takes_the_place_of(_shown(lost[each["mentee"]].mentor_id, cards), lost[each["mentee"]].round))
        if each["message"]["msgid"] == NOTHING_AHEAD.msgid and each["mentee"] in lost
        else each
        for each in changes
    ]
    changes += [_released(seat, cards) for seat in unknown]
    return sorted(changes, key=lambda each: (each["round"], each["mentee"], each["mentor"], each["kind"]))


def _released(seat: Seat, cards: Mapping[str, Card]) -> Change:
    mentee, mentor = _shown(seat.mentee_id, cards), _shown(seat.mentor_id, cards)
    change = {"kind": RELEASED, "round": seat.round, "mentee": mentee, "mentor": mentor}
    return _said(change, _why(seat, cards))


def _said(change: Change, why: Message) -> Change:
    return {**change, "why": str(why), "message": why.to_document()}


def _why(seat: Seat, cards: Mapping[str, Card]) -> Message:
    return (
        _gone(MENTOR, cards.get(seat.mentor_id), seat.round)
        or _gone(MENTEE, cards.get(seat.mentee_id), seat.round)
        or say("the two are no longer at the same site")
    )


def _gone(role: str, card: Card | None, number: int) -> Message | None:
    """Why somebody of ``role`` is not there in round ``number``, if so."""
    is_mentor = role == MENTOR
    if card is None or card.erased:
        return say("the mentor's data have been erased") if is_mentor else say("the mentee's data have been erased")
    if card.withdrawn:
        return (
            say("mentor {mentor} has withdrawn", mentor=card.id)
            if is_mentor
            else say("mentee {mentee} has withdrawn", mentee=card.id)
        )
    first = card.absent_from
    if first is None or first > number:
        return None
    return (
        say("mentor {mentor} is absent from round {round} on", mentor=card.id, round=first)
        if is_mentor
        else say("mentee {mentee} is absent from round {round} on", mentee=card.id, round=first)
    )


def _shown(participant: str, cards: Mapping[str, Card]) -> str:
    card = cards.get(participant)
    return ERASED if card is None or card.erased else participant
