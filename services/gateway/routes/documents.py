"""What integrators and orchestrators ask for, beside the API itself."""

import json

from flask import Blueprint, Response, current_app, jsonify, request

from services.gateway.door import door
from shared.events import asyncapi
from shared.events.catalogue import PUBLIC, json_schema
from shared.extensions.readiness import look
from shared.faults import NotFound
from shared.messages import say

blueprint = Blueprint("documents", __name__)


@blueprint.get("/schemas/")
def list_schemas() -> Response:
    """Where the JSON Schemas of all events are."""
    return jsonify({"schemas": [f"/schemas/{name}.json" for name in PUBLIC]})


@blueprint.get("/schemas/<event_type>.json")
def event_schema(event_type: str) -> Response:
    """The JSON Schema (2020-12) of the ``data`` of one type of event."""
    if event_type not in PUBLIC:
        raise NotFound(say("There is no such type of event; all are listed at /schemas/."))
    return Response(json.dumps(json_schema(event_type), indent=2), content_type="application/schema+json")


@blueprint.get("/asyncapi.json")
def asyncapi_document() -> Response:
    """The AsyncAPI document: every event and command with its schema and an example, and how it is delivered."""
    response = Response(current_app.config["ASYNCAPI"], content_type=asyncapi.MEDIA_TYPE)
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/health/live")
def live() -> Response:
    """The process answers."""
    return jsonify({"live": True})


@blueprint.get("/health/ready")
def ready() -> tuple[Response, int]:
    """The broker's events arrive here, and it takes what is sent.

    Which part does not work, and why, is told on the health port only, as are the figures.
    """
    is_ready, _ = look(door().checks)
    return jsonify({"ready": is_ready}), 200 if is_ready else 503
