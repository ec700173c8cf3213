"""What feedback publishes."""

from collections.abc import Mapping
from typing import Any

from services.feedback.domain.aggregates import RoundRated, published_figures, round_id_of
from services.feedback.domain.choices import Pair
from services.feedback.domain.meetings import Meeting, Told
from services.feedback.domain.report import pairing_figures
from shared.anonymity import K_ANONYMITY
from shared.events import NewEvent


def submitted(meeting: Meeting, seat: Told, role: str) -> NewEvent:
    """One side has said something of a meeting. What it said is told of nobody: who met whom is public."""
    data: dict[str, Any] = {
        "meeting_id": meeting.meeting_id,
        "program_id": meeting.program_id,
        "site_id": seat.site_id,
        "round": seat.round,
        "by_role": role,
        "ratings": {},
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
    shown = published_figures(made) | pairing_figures(pairing)
    data = {"program_id": program_id, "figures": shown, "k": K_ANONYMITY, "answers": made["answers"]}
    return NewEvent("feedback.program-report-ready", program_id, data, org=org, program=program_id)


def closed(program_id: str, org: str) -> NewEvent:
    """A program takes no more feedback."""
    return NewEvent("feedback.program-closed", program_id, {"program_id": program_id}, org=org, program=program_id)


def rated(program_id: str, org: str, found: RoundRated) -> NewEvent:
    """What may be told of the ratings of a round at a site."""
    round_id = round_id_of(program_id, found.site_id, found.round)
    data = {
        "round_id": round_id,
        "program_id": program_id,
        "site_id": found.site_id,
        "round": found.round,
        "figures": dict(found.figures),
        "k": K_ANONYMITY,
    }
    return NewEvent("feedback.round-rated", round_id, data, org=org, program=program_id, site=found.site_id)
