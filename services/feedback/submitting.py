"""Taking what one side says of a meeting."""

from typing import Any

from services.feedback import store
from services.feedback.domain import ERASED
from services.feedback.domain.choices import Pair, connection_id_of
from services.feedback.domain.meetings import Meeting, Told
from services.feedback.domain.ratings import faults_in
from services.feedback.events import connected, submitted
from shared.events import write_time
from shared.faults import Conflict, Forbidden, Invalid, NotFound
from shared.messages import say
from shared.security.principal import PARTICIPANTS, Principal
from shared.storage.unit_of_work import Transaction


def submit(transaction: Transaction, principal: Principal, given: dict[str, Any]) -> dict[str, Any]:
    """Store what ``principal`` says of a meeting, publish that it was said, and see whether a connection comes of it.

    Raises:
        NotFound: the meeting is not known.
        Forbidden: it is not the caller's.
        Invalid: a rating is not on its scale, or not for this side.
        Conflict: the meeting is off or not over, or the program takes no more feedback.
    """
    meeting, role = _own_meeting(transaction, principal, given["meeting_id"])
    problems = faults_in(given["ratings"], role)
    if problems:
        raise Invalid(say("The feedback cannot be taken as it is."), problems)
    seat = _held_seat(transaction, meeting)
    row = {
        "meeting_id": meeting.meeting_id,
        "program_id": meeting.program_id,
        "site_id": seat.site_id,
        "round": seat.round,
        "role": role,
        "author_id": principal.subject,
        "ratings": given["ratings"],
        "stay_in_touch": given["stay_in_touch"],
        "takeaway": (given["takeaway"] or "").strip() or None,
    }
    submitted_at, is_new = store.save_said(transaction, meeting.meeting_id, role, row, transaction.now)
    if is_new:
        transaction.publish(submitted(meeting, seat, role))
    pair = _choose(transaction, meeting, seat, role, given["stay_in_touch"])
    return {
        "meeting_id": meeting.meeting_id,
        "by_role": role,
        "submitted_at": write_time(submitted_at),
        "connection_id": pair.connection_id if pair is not None and pair.is_connection else None,
    }


def _own_meeting(transaction: Transaction, principal: Principal, meeting_id: str) -> tuple[Meeting, str]:
    found = store.take_meeting(transaction, meeting_id)
    if found is None or not principal.knows(found[0].org or "", found[0].program_id):
        raise NotFound(say("There is no such meeting; see your agenda for those you have."))
    meeting, sealed = found
    role = meeting.role_of(principal.subject)
    if role is None or principal.role not in PARTICIPANTS:
        raise Forbidden(say("Only the mentor and the mentee of a meeting can give feedback on it; log in as one."))
    if sealed:
        raise Conflict(say("The program is closed: no more feedback is taken. What was given before still counts."))
    return meeting, role


def _held_seat(transaction: Transaction, meeting: Meeting) -> Told:
    ended = store.ended_for(transaction, meeting)
    seat = meeting.seat(ended)
    if seat is None:
        raise Conflict(say("This meeting did not take place; see your agenda for those you have."))
    if ended.at(seat.site_id, seat.round) is None:
        raise Conflict(say("Round {round} is not over yet; give feedback when it has ended.", round=seat.round))
    return seat


def _choose(transaction: Transaction, meeting: Meeting, seat: Told, role: str, stay_in_touch: bool) -> Pair | None:
    """Store the choice; returns the pair as it then is, None where one of the two is erased."""
    if ERASED in (meeting.mentor_id, meeting.mentee_id):
        return None
    connection_id = connection_id_of(meeting.program_id, meeting.mentor_id, meeting.mentee_id)
    new = Pair(connection_id, meeting.program_id, meeting.mentor_id, meeting.mentee_id, seat.site_id)
    before = store.choose(transaction, new, role, stay_in_touch)
    after, formed = before.choose(role, stay_in_touch, transaction.now)
    if formed:
        store.save_connection(transaction, after)
        transaction.publish(connected(after, meeting.org))
    return after
