"""What feedback makes of the events it listens to, and what it publishes."""

from collections.abc import Mapping
from typing import Any

from services.feedback import store
from services.feedback.domain.choices import Pair
from services.feedback.domain.meetings import Meeting, Told
from services.feedback.domain.report import K, figures, pairing_figures
from shared.events import Event, NewEvent
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


def submitted(meeting: Meeting, seat: Told, role: str, ratings: Mapping[str, int]) -> NewEvent:
    """One side has said something of a meeting: only the numbers are published."""
    data: dict[str, Any] = {
        "meeting_id": meeting.meeting_id,
        "program_id": meeting.program_id,
        "site_id": seat.site_id,
        "round": seat.round,
        "by_role": role,
        "ratings": dict(ratings),
    }
    return NewEvent(
        "feedback.feedback-submitted",
        meeting.meeting_id,
        data,
        org=meeting.org,
        program=meeting.program_id,
        site=seat.site_id,
    )


def connected(pair: Pair, org: str | None) -> NewEvent:
    """Both sides of a pair have chosen to stay in touch."""
    data = {
        "connection_id": pair.connection_id,
        "program_id": pair.program_id,
        "mentor_id": pair.mentor_id,
        "mentee_id": pair.mentee_id,
    }
    return NewEvent(
        "feedback.connection-formed", pair.connection_id, data, org=org, program=pair.program_id, site=pair.site_id
    )


def reported(program_id: str, org: str, made: Mapping[str, Any], pairing: Mapping[str, Any] | None) -> NewEvent:
    """A program's report is made; ``pairing`` are the figures of its pairs, where they are formed by then."""
    shown = figures(made) | pairing_figures(pairing)
    data = {"program_id": program_id, "figures": shown, "k": K, "answers": made["answers"]}
    return NewEvent("feedback.program-report-ready", program_id, data, org=org, program=program_id)
