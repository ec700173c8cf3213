"""Feedback: what came of the meetings."""

from typing import Any

from services.gateway import auth
from services.gateway.door import ask
from services.gateway.routes.common import key, section
from services.gateway.routes.knowing import ask_of_participant, ask_of_program, list_of_program
from services.gateway.schemas import requests, views
from shared.faults import NotFound, NotYet
from shared.messages import say
from shared.security.principal import PARTICIPANTS

blueprint = section("feedback", "What came of the meetings.")


@blueprint.route("/meetings/<id:meeting_id>/feedback", methods=["POST"])
@blueprint.arguments(requests.Feedback)
@blueprint.response(200, views.Submitted)
def submit_feedback(given: dict[str, Any], meeting_id: str) -> Any:
    """Say how one's own meeting was, once its round is over; saying it again replaces what one has said."""
    try:
        return ask("feedback", "submit_feedback", meeting_id=meeting_id, **given, idempotency_key=key())
    except NotFound:
        # Meetings are matching's: what is in the caller's agenda is there, and feedback will hear of it.
        caller = auth.principal()
        if caller.role in PARTICIPANTS:
            agenda = ask_of_participant("matching", "get_agenda", participant_id=caller.subject)
            if meeting_id in {each["meeting_id"] for each in agenda["meetings"]}:
                raise NotYet(say("This meeting is not known here yet; try again in a moment.")) from None
        raise


@blueprint.route("/programs/<id:program_id>/feedback")
@blueprint.response(200, views.OwnAnswers)
def get_submitted(program_id: str) -> Any:
    """The ids of the meetings that the caller has given feedback on."""
    return list_of_program("feedback", "get_submitted", program_id=program_id)


@blueprint.route("/programs/<id:program_id>/connections")
@blueprint.refuses(403, 409)
@blueprint.response(200, views.Connections)
def get_connections(program_id: str) -> Any:
    """Who wants to stay in touch with whom, both ways: all for organizers, their own for participants."""
    return list_of_program("feedback", "get_connections", program_id=program_id)


@blueprint.route("/programs/<id:program_id>/closing", methods=["POST"])
@blueprint.response(200, views.Report)
def close_program(program_id: str) -> Any:
    """End the collection of feedback and make the report."""
    return ask_of_program("feedback", "close_program", program_id=program_id, idempotency_key=key())


@blueprint.route("/programs/<id:program_id>/report")
@blueprint.refuses(403, 409)
@blueprint.response(200, views.Report)
def get_report(program_id: str) -> Any:
    """What came of the program, in numbers that name nobody."""
    return ask_of_program("feedback", "get_report", program_id=program_id)
