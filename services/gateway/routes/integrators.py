"""Integrators: accounts of other systems, for organizers of the whole organization."""

from typing import Any

from flask import Response, jsonify

from services.gateway.door import ask
from services.gateway.routes.common import key, section
from services.gateway.schemas import integrators as schemas

blueprint = section("integrators", "Accounts of other systems.")


@blueprint.route("/integrators")
@blueprint.refuses(403, 503)
@blueprint.response(200, schemas.Integrators)
def list_integrators() -> Any:
    """All integrators with their scopes and queues, without secrets."""
    return ask("integrations", "list_integrators")


@blueprint.route("/integrators", methods=["POST"])
@blueprint.refuses(403)
@blueprint.arguments(schemas.NewIntegrator)
@blueprint.response(201, schemas.IntegratorWithSecrets)
def add_integrator(given: dict[str, Any]) -> Response:
    """Give another system an account at the broker and an API key.

    The answer comes when the broker has it, and is the only one with the secrets in it. Repeated with the same
    `Idempotency-Key`, it has new ones, and those of before hold no longer.
    """
    return _secret(ask("integrations", "add_integrator", **given, idempotency_key=key()), 201)


@blueprint.route("/integrators/<id:name>/secrets", methods=["POST"])
@blueprint.refuses(403)
@blueprint.arguments(schemas.Rotation, required=False)
@blueprint.response(201, schemas.IntegratorWithSecrets)
def rotate_integrator(given: dict[str, Any], name: str) -> Response:
    """Give an integrator a new broker user and API key; the old ones hold for `keep_hours` more, or end at once."""
    return _secret(ask("integrations", "rotate_integrator", name=name, **given, idempotency_key=key()), 201)


@blueprint.route("/integrators/<id:name>", methods=["DELETE"])
@blueprint.refuses(403)
@blueprint.response(200, schemas.Integrator)
def remove_integrator(name: str) -> Any:
    """Remove an integrator with its queues and what waits in them; its connections end at once."""
    return ask("integrations", "remove_integrator", name=name, idempotency_key=key())


def _secret(answer: Any, status: int) -> Response:
    response: Response = jsonify(answer)
    response.status_code = status
    # Shown once: neither a browser nor a proxy is to show it again.
    response.headers["Cache-Control"] = "no-store"
    return response
