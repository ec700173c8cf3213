"""After the event: whom people would go on with, and who goes on with whom."""

from typing import Any

from services.gateway.routes.common import key, section
from services.gateway.routes.knowing import ask_as_participant, ask_of_program
from services.gateway.schemas import requests, views

blueprint = section("pairing", "Who goes on with whom after the event.")


@blueprint.route("/programs/<id:program_id>/ranking", methods=["PUT"])
@blueprint.arguments(requests.Ranking)
@blueprint.response(200, views.Ranked)
def submit_ranking(given: dict[str, Any], program_id: str) -> Any:
    """Say whom the caller would go on with, among those the caller has met; it replaces what was said before."""
    return ask_as_participant("matching", "submit_ranking", program_id=program_id, **given, idempotency_key=key())


@blueprint.route("/programs/<id:program_id>/ranking")
@blueprint.refuses(403, 409)
@blueprint.response(200, views.OwnRanking)
def get_ranking(program_id: str) -> Any:
    """The caller's own ranking, and whom the caller has met."""
    return ask_as_participant("matching", "get_ranking", program_id=program_id)


@blueprint.route("/programs/<id:program_id>/pairing", methods=["POST"])
@blueprint.arguments(requests.PairingTerms, required=False)
@blueprint.response(202, views.PairingState)
def request_pairing(given: dict[str, Any], program_id: str) -> Any:
    """Have the pairs formed from the rankings given so far; look at the pairing's state to see when they are there."""
    return ask_of_program("matching", "request_pairing", program_id=program_id, **given, idempotency_key=key())


@blueprint.route("/programs/<id:program_id>/pairing")
@blueprint.refuses(403, 409)
@blueprint.response(200, views.Pairing)
def get_pairing(program_id: str) -> Any:
    """Who goes on with whom: all for organizers, their own for participants."""
    return ask_as_participant("matching", "get_pairing", program_id=program_id)
