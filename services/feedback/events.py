"""What feedback publishes."""

from collections.abc import Mapping
from typing import Any

from services.feedback.domain.choices import Pair
from services.feedback.domain.meetings import Meeting, Told
from services.feedback.domain.report import K_ANONYMITY, figures, pairing_figures
from shared.events import NewEvent


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
    data = {"program_id": program_id, "figures": shown, "k": K_ANONYMITY, "answers": made["answers"]}
    return NewEvent("feedback.program-report-ready", program_id, data, org=org, program=program_id)
