"""Mentors and mentees."""

from typing import Any

from services.gateway.door import ask, door
from services.gateway.routes.common import key, section
from services.gateway.routes.knowing import ask_of_participant
from services.gateway.schemas import registering, requests, views

blueprint = section("participants", "Mentors and mentees: who they are, what they want, whether they are there.")


@blueprint.route("/programs/<id:program_id>/participants")
@blueprint.refuses(403)
@blueprint.arguments(requests.ParticipantFilter, location="query")
@blueprint.response(200, views.Participant(many=True))
def list_participants(which: dict[str, Any], program_id: str) -> Any:
    """The participants of a program; a participant sees the other role, and its public part."""
    return ask("registration", "list_participants", program_id=program_id, role=which["role"], site_id=which["site_id"])


@blueprint.route("/programs/<id:program_id>/mentors", methods=["POST"])
@blueprint.arguments(registering.Mentor)
@blueprint.response(201, views.Participant)
def register_mentor(mentor: dict[str, Any], program_id: str) -> Any:
    """Register one mentor, before the event or at its door."""
    return ask("registration", "register_mentor", program_id=program_id, mentor=mentor, idempotency_key=key())


@blueprint.route("/programs/<id:program_id>/mentees", methods=["POST"])
@blueprint.arguments(registering.Mentee)
@blueprint.response(201, views.Participant)
def register_mentee(mentee: dict[str, Any], program_id: str) -> Any:
    """Register one mentee, before the event or at its door."""
    return ask("registration", "register_mentee", program_id=program_id, mentee=mentee, idempotency_key=key())


@blueprint.route("/participants/<id:participant_id>")
@blueprint.response(200, views.Participant)
def get_participant(participant_id: str) -> Any:
    """One participant."""
    return ask("registration", "get_participant", participant_id=participant_id)


@blueprint.route("/participants/<id:participant_id>", methods=["DELETE"])
@blueprint.response(204)
def erase_participant(participant_id: str) -> None:
    """Erase all that is known of a person; what remains are numbers."""
    ask("registration", "erase_participant", participant_id=participant_id, idempotency_key=key())
    door().log_ins.end_all_of(participant_id)


@blueprint.route("/participants/<id:participant_id>/check-in", methods=["POST"])
@blueprint.arguments(requests.Arrival, required=False)
@blueprint.response(200, views.Participant)
def check_in(given: dict[str, Any], participant_id: str) -> Any:
    """Somebody is there."""
    return ask("registration", "check_in", participant_id=participant_id, **given, idempotency_key=key())


@blueprint.route("/participants/<id:participant_id>/absence", methods=["POST"])
@blueprint.arguments(requests.Absence)
@blueprint.response(200, views.Participant)
def mark_absent(given: dict[str, Any], participant_id: str) -> Any:
    """Somebody is not there from a round on; the plan is mended."""
    return ask(
        "registration",
        "mark_absent",
        participant_id=participant_id,
        **given,
        idempotency_key=key(),
    )


@blueprint.route("/participants/<id:participant_id>/withdrawal", methods=["POST"])
@blueprint.response(200, views.Participant)
def withdraw(participant_id: str) -> Any:
    """Somebody takes no part any more; the plan is mended."""
    return ask("registration", "withdraw", participant_id=participant_id, idempotency_key=key())


@blueprint.route("/participants/<id:participant_id>/questions", methods=["PUT"])
@blueprint.arguments(requests.Questions)
@blueprint.response(200, views.Participant)
def update_questions(given: dict[str, Any], participant_id: str) -> Any:
    """Put a mentee's questions in the place of the old ones."""
    return ask(
        "registration",
        "update_questions",
        participant_id=participant_id,
        **given,
        idempotency_key=key(),
    )


@blueprint.route("/participants/<id:participant_id>/preferences", methods=["PUT"])
@blueprint.arguments(requests.Preferences, required=False)
@blueprint.response(200, views.Participant)
def state_preference(given: dict[str, Any], participant_id: str) -> Any:
    """Say whom one wants to meet, and whom not."""
    return ask("registration", "state_preference", participant_id=participant_id, **given, idempotency_key=key())


@blueprint.route("/participants/<id:participant_id>/agenda")
@blueprint.refuses(403, 409)
@blueprint.response(200, views.Agenda)
def get_agenda(participant_id: str) -> Any:
    """Whom a participant meets when, and at which table."""
    return ask_of_participant("matching", "get_agenda", participant_id=participant_id)
