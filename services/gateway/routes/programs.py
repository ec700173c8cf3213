"""Programs: what an organizer makes, publishes and compares."""

from typing import Any

from services.gateway.door import ask
from services.gateway.routes.common import key, section
from services.gateway.routes.knowing import ask_of_program
from services.gateway.schemas import requests, views

blueprint = section("programs", "Events, from the import of an organizer's files on.")

_OTHERS = ("matching", "session_timer", "feedback")


@blueprint.route("/programs")
@blueprint.refuses(503)
@blueprint.response(200, views.Program(many=True))
def list_programs() -> Any:
    """The programs the caller may see."""
    return [_standing(each) for each in ask("registration", "list_programs")]


@blueprint.route("/programs:import", methods=["POST"])
@blueprint.arguments(requests.Import)
@blueprint.response(201, views.Imported)
def import_event(given: dict[str, Any]) -> Any:
    """Make a program from files; every fault in them is named by file, row and column, and then nothing is made."""
    return ask("registration", "import_event", **given, idempotency_key=key())


@blueprint.route("/programs/<id:program_id>")
@blueprint.response(200, views.Program)
def get_program(program_id: str) -> Any:
    """One program."""
    return _standing(ask("registration", "get_program", program_id=program_id))


@blueprint.route("/programs/<id:program_id>/publication", methods=["POST"])
@blueprint.response(200, views.Program)
def publish_program(program_id: str) -> Any:
    """Make a program known to planning, timing and feedback."""
    return _standing(ask("registration", "publish_program", program_id=program_id, idempotency_key=key()))


@blueprint.route("/programs/<id:program_id>/cancellation", methods=["POST"])
@blueprint.arguments(requests.Cancellation)
@blueprint.response(200, views.Program)
def cancel_program(given: dict[str, Any], program_id: str) -> Any:
    """Call a program off."""
    reason = given["reason"]
    return _standing(ask("registration", "cancel_program", program_id=program_id, reason=reason, idempotency_key=key()))


@blueprint.route("/programs/<id:program_id>/access-codes")
@blueprint.refuses(403)
@blueprint.response(200, views.AccessCode(many=True))
def access_codes(program_id: str) -> Any:
    """What the participants log in with, for their invitations."""
    return ask("registration", "access_codes", program_id=program_id)


@blueprint.route("/programs/<id:program_id>/ledgers")
@blueprint.refuses(403, 409)
@blueprint.response(200, views.Ledgers)
def ledgers(program_id: str) -> Any:
    """What each service holds of the program. After a while without changes they agree.

    Of a program that was never published there is registration's alone.
    """
    own = ask("registration", "ledger", program_id=program_id)
    # A registration of an earlier release does not say.
    others = _OTHERS if own.get("told", True) else ()
    return {"registration": own} | {
        service: ask_of_program(service, "ledger", program_id=program_id) for service in others
    }


def _standing(view: dict[str, Any]) -> dict[str, Any]:
    """The view with where the program stands as its state.

    Registration tells the two apart, because the pages of an earlier gateway know only the states that a program has
    of its own; and an earlier registration tells nothing else.
    """
    if "standing" not in view:
        return view
    return {**{name: value for name, value in view.items() if name != "standing"}, "state": view["standing"]}
