"""Taking whom a participant would go on with."""

from typing import Any

from services.matching.domain.final_pairs import Ranking, faults_of, met
from services.matching.domain.leaving import ERASED
from services.matching.domain.roster import MENTOR, Card
from services.matching.storage import meetings, pairings, programs, roster
from shared.events import NewEvent, write_time
from shared.faults import Conflict, Forbidden, Invalid, NotFound, Problem
from shared.messages import say
from shared.security.principal import PARTICIPANTS, Principal
from shared.storage.unit_of_work import Transaction


def rank(transaction: Transaction, principal: Principal, given: dict[str, Any]) -> dict[str, Any]:
    """Keep what ``principal`` says, in the place of what was said before.

    Raises:
        Forbidden: the caller is an organizer or an operator.
        NotFound: the caller does not take part in this program.
        Conflict: the program is cancelled.
        Invalid: somebody is ranked twice or was not met, or a mentee names a number of places.
    """
    card = own_card(transaction, principal, given["program_id"])
    if (programs.program(transaction, card.program_id) or {}).get("cancelled"):
        raise Conflict(say("The program is cancelled: there is nobody to pair."))
    known = set(_met(transaction, card))
    problems = [
        Problem(
            f"/ranks/{number}",
            say("this participant is named twice") if again else say("you have not met this participant"),
            say("rank whom you met, everybody once; your ranking tells whom you have met"),
        )
        for number, again in faults_of(given["ranks"], known)
    ]
    if given["capacity"] is not None and card.role != MENTOR:
        problems.append(
            Problem("/capacity", say("only mentors say with how many they go on"), say("leave the field out"))
        )
    if problems:
        raise Invalid(say("The ranking cannot be taken as it is."), problems)
    # A ranking must not pass unseen by the erasure of whoever gives it or is in it.
    roster.lock_cards(transaction, (card.id, *given["ranks"]))
    ranking = Ranking(card.id, tuple(given["ranks"]), given["capacity"])
    if pairings.ranking(transaction, card.id) != ranking:
        pairings.save_ranking(transaction, card.program_id, card.role, ranking)
        transaction.publish(_submitted(card, principal.org))
    return {"program_id": card.program_id, "submitted_at": write_time(transaction.now)}


def _submitted(card: Card, org: str) -> NewEvent:
    """That something was said, and by whom. Of whom is told of nobody."""
    data = {"participant_id": card.id, "program_id": card.program_id, "site_id": card.site_id, "role": card.role}
    return NewEvent("matching.ranking-submitted", card.id, data, org=org, program=card.program_id, site=card.site_id)


def ranking_view(transaction: Transaction, principal: Principal, program_id: str) -> dict[str, Any]:
    """What ``principal`` has said, and whom the caller has met.

    Raises:
        Forbidden: the caller is an organizer or an operator.
        NotFound: the caller does not take part in this program.
    """
    card = own_card(transaction, principal, program_id)
    ranking = pairings.ranking(transaction, card.id)
    return {
        "program_id": program_id,
        "submitted": ranking is not None,
        "ranks": list(ranking.ranks) if ranking else [],
        "capacity": ranking.capacity if ranking else None,
        "met": _met(transaction, card),
    }


def own_card(transaction: Transaction, principal: Principal, program_id: str) -> Card:
    """The card of ``principal`` in a program.

    Raises:
        Forbidden: the caller is an organizer or an operator.
        NotFound: the caller does not take part in this program.
    """
    if principal.role not in PARTICIPANTS:
        raise Forbidden(say("Only mentors and mentees rank whom they met; log in as one."))
    card = roster.card(transaction, principal.subject)
    if card is None or card.program_id != program_id or card.erased:
        raise NotFound(say("You do not take part in this program."))
    return card


def _met(transaction: Transaction, card: Card) -> list[str]:
    """Whom the participant has met, in the order of the rounds, but nobody who is erased."""
    begun = (programs.program(transaction, card.program_id) or {}).get("begun", {})
    seats = met(meetings.seats_of(transaction, card.id), begun)
    others = [seat.mentee_id if card.role == MENTOR else seat.mentor_id for seat in seats]
    # Who was erased before the round began has the id in it until the next plan.
    erased = {card.id for card in roster.cards_by_id(transaction, others).values() if card.erased}
    return [other for other in others if other != ERASED and other not in erased]
