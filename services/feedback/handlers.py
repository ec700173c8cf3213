"""What feedback makes of the events it listens to."""

from collections.abc import Mapping

from services.feedback import store
from services.feedback.domain.meetings import Meeting, Told
from shared.events import Event
from shared.storage.unit_of_work import Transaction

_ASSIGNED, _RELEASED = "matching.meeting-assigned", "matching.meeting-released"
_ERASED = "registration.participant-erased"
_NAMING = frozenset({_ASSIGNED, _RELEASED, _ERASED})


def hear(events: list[Event], transaction: Transaction) -> None:
    """Keep programs, meetings and ended rounds, and forget who is erased."""
    told: dict[str, list[Event]] = {}
    # A meeting that names somebody must not pass unseen by that one's erasure in another replica.
    closing = store.hold_programs(transaction, {event.data["program_id"] for event in events if event.name in _NAMING})
    for event in events:
        data = event.data
        match event.name:
            case "registration.program-published":
                sites = [site["site_id"] for site in data["sites"]]
                store.save_program(transaction, data["program_id"], {"org": event.org, "sites": sites})
            case "registration.program-cancelled":
                store.save_program(transaction, data["program_id"], {"cancelled": True})
            case name if name in (_ASSIGNED, _RELEASED):
                told.setdefault(data["meeting_id"], []).append(event)
            case "matching.pairing-published":
                store.pairing_published(transaction, data["program_id"], data)
            case "session-timer.round-ended":
                store.round_ended(transaction, data["program_id"], data["site_id"], data["round"], event.time)
    _hear_meetings(told, transaction, closing)
    # After the meetings, so that none of this batch still names somebody erased.
    for event in events:
        if event.name == _ERASED:
            store.erase(transaction, event.data["participant_id"], event.org)


def _hear_meetings(told: Mapping[str, list[Event]], transaction: Transaction, closing: set[str]) -> None:
    if not told:
        return
    known = store.meetings_by_id(transaction, told)
    people = {event.data[side] for events in told.values() for event in events for side in ("mentor_id", "mentee_id")}
    erased = store.erased(transaction, people)
    meetings = []
    for meeting_id, events in told.items():
        first = events[0]
        data = first.data
        meeting = known.get(meeting_id) or Meeting(
            meeting_id, data["program_id"], first.org, data["mentor_id"], data["mentee_id"]
        )
        for participant_id in erased & {meeting.mentor_id, meeting.mentee_id}:
            meeting = meeting.without(participant_id)
        meetings.append(meeting.hear(_told(event) for event in events))
    store.save_meetings(transaction, meetings, closing)


def _told(event: Event) -> Told:
    data = event.data
    assigned = event.name == _ASSIGNED
    return Told(event.ordinal, assigned, data["round"], data["table"], data.get("site_id"), event.time)
