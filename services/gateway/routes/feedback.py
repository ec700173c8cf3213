"""Feedback: what came of the meetings."""

from typing import Any

from services.gateway.door import ask
from services.gateway.routes.common import key, section
from services.gateway.schemas import requests, views

blueprint = section("feedback", "What came of the meetings.")


@blueprint.route("/meetings/<id:meeting_id>/feedback", methods=["POST"])
@blueprint.arguments(requests.Feedback)
@blueprint.response(200, views.Answer)
def submit_feedback(given: dict[str, Any], meeting_id: str) -> Any:
    """Say how one's own meeting was, once its round is over; saying it again replaces what one has said."""
    return ask("feedback", "submit_feedback", meeting_id=meeting_id, **given, idempotency_key=key())


@blueprint.route("/programs/<id:program_id>/feedback")
@blueprint.response(200, views.Answer)
def get_submitted(program_id: str) -> Any:
    """The ids of the meetings that the caller has given feedback on."""
    return ask("feedback", "get_submitted", program_id=program_id)


@blueprint.route("/programs/<id:program_id>/connections")
@blueprint.response(200, views.Connections)
def get_connections(program_id: str) -> Any:
    """Who wants to stay in touch with whom, both ways: all for organizers, their own for participants."""
    return ask("feedback", "get_connections", program_id=program_id)


@blueprint.route("/programs/<id:program_id>/closing", methods=["POST"])
@blueprint.response(200, views.Answer)
def close_program(program_id: str) -> Any:
    """End the collection of feedback and make the report."""
    return ask("feedback", "close_program", program_id=program_id, idempotency_key=key())


@blueprint.route("/programs/<id:program_id>/report")
@blueprint.response(200, views.Answer)
def get_report(program_id: str) -> Any:
    """What came of the program, in numbers that name nobody."""
    return ask("feedback", "get_report", program_id=program_id)
