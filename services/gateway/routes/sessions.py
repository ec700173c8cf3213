"""Sessions: the timer of each site, and the commands to it."""

from typing import Any

from services.gateway.door import ask
from services.gateway.routes.common import key, section
from services.gateway.routes.knowing import list_of_program, require_program
from services.gateway.schemas import requests, views
from shared.faults import Conflict, NotFound
from shared.messages import say

blueprint = section("sessions", "The timer of each site. A command may say on which revision it was given.")


@blueprint.route("/programs/<id:program_id>/sessions")
@blueprint.response(200, views.Session(many=True))
def list_sessions(program_id: str) -> Any:
    """The sessions of a program with their timetables."""
    return list_of_program("session_timer", "list_sessions", program_id=program_id)


@blueprint.route("/sessions/<id:session_id>")
@blueprint.response(200, views.Session)
def get_session(session_id: str) -> Any:
    """One session with its timetable."""
    return ask("session_timer", "get_session", session_id=session_id)


@blueprint.route("/programs/<id:program_id>/sessions/start-shift", methods=["POST"])
@blueprint.arguments(requests.StartShift)
@blueprint.response(200, views.Shifted)
def shift_start(given: dict[str, Any], program_id: str) -> Any:
    """Start later or earlier: one session, or all that have not begun."""
    try:
        return ask("session_timer", "shift_start", program_id=program_id, **given, idempotency_key=key())
    except NotFound:
        if given["session_id"] is not None:
            raise
        require_program(program_id)
        raise Conflict(say("The program has no sessions yet; they come with its first plan.")) from None


def _add_command(path: str, method: str, means: str, takes: type[requests.Command] = requests.Command) -> None:
    """Five commands say nothing but on what they were given."""

    @blueprint.arguments(takes, required=False)
    @blueprint.response(200, views.Session)
    def command(given: dict[str, Any], session_id: str) -> Any:
        return ask("session_timer", method, session_id=session_id, **given, idempotency_key=key())

    command.__name__, command.__doc__ = method, means
    blueprint.route(f"/sessions/<id:session_id>/{path}", methods=["POST"], endpoint=method)(command)


_add_command("pause", "pause", "Stop the clock.")
_add_command("resume", "resume", "Go on after a pause, or after the timer has held the session.")
_add_command("skip-break", "skip_break", "Start the next round now.", requests.RoundCommand)
_add_command("end-round", "end_round", "End the running round now.", requests.RoundCommand)
_add_command(
    "restart-round", "restart_round", "Begin the running round anew, within its first 30 s.", requests.RoundCommand
)


@blueprint.route("/sessions/<id:session_id>/extension", methods=["POST"])
@blueprint.arguments(requests.Extension)
@blueprint.response(200, views.Session)
def extend(given: dict[str, Any], session_id: str) -> Any:
    """Give the running round more time; no meeting passes 900 s."""
    return ask("session_timer", "extend", session_id=session_id, **given, idempotency_key=key())


@blueprint.route("/sessions/<id:session_id>/outage-policy", methods=["PUT"])
@blueprint.arguments(requests.OutagePolicy)
@blueprint.response(200, views.Session)
def choose_policy(given: dict[str, Any], session_id: str) -> Any:
    """Say what the session does after an outage of the timer."""
    return ask("session_timer", "choose_policy", session_id=session_id, **given, idempotency_key=key())
