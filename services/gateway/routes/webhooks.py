"""Webhooks: events sent to addresses of integrators, for organizers of the whole organization."""

from typing import Any

from flask import Response, jsonify

from services.gateway.door import ask
from services.gateway.routes.common import key, section
from services.gateway.schemas import webhooks as schemas

blueprint = section("webhooks", "Events sent to other systems, by the Standard Webhooks specification.")


@blueprint.route("/webhooks")
@blueprint.refuses(403, 503)
@blueprint.arguments(schemas.WebhookFilter, location="query")
@blueprint.response(200, schemas.Webhooks)
def list_webhooks(which: dict[str, Any]) -> Any:
    """All webhooks and how they do, without secrets."""
    return ask("integrations", "list_webhooks", **which)


@blueprint.route("/webhooks", methods=["POST"])
@blueprint.refuses(403, 404, 410)
@blueprint.arguments(schemas.NewWebhook)
@blueprint.response(201, schemas.WebhookWithSecret)
def add_webhook(given: dict[str, Any]) -> Response:
    """Have an integrator's events sent to an address. The answer has the secret by which they are signed."""
    return _secret(ask("integrations", "add_webhook", **given, idempotency_key=key()))


@blueprint.route("/webhooks/<id:webhook_id>")
@blueprint.refuses(403)
@blueprint.response(200, schemas.WebhookInFull)
def get_webhook(webhook_id: str) -> Any:
    """One webhook, with what has become of its events."""
    return ask("integrations", "get_webhook", webhook_id=webhook_id)


@blueprint.route("/webhooks/<id:webhook_id>", methods=["DELETE"])
@blueprint.response(204)
def remove_webhook(webhook_id: str) -> None:
    """Send nothing more there, and forget it."""
    ask("integrations", "remove_webhook", webhook_id=webhook_id, idempotency_key=key())


@blueprint.route("/webhooks/<id:webhook_id>/secrets", methods=["POST"])
@blueprint.response(201, schemas.WebhookWithSecret)
def rotate_webhook(webhook_id: str) -> Response:
    """Give it a new secret; for a day the one before signs beside it."""
    return _secret(ask("integrations", "rotate_webhook", webhook_id=webhook_id, idempotency_key=key()))


@blueprint.route("/webhooks/<id:webhook_id>/activation", methods=["POST"])
@blueprint.arguments(schemas.Activation, required=False)
@blueprint.response(200, schemas.Webhook)
def enable_webhook(given: dict[str, Any], webhook_id: str) -> Any:
    """Send there again: what it has not had, or what comes from now on. It is tried at once, with all attempts."""
    from_now = given.get("from_now", False)
    return ask("integrations", "enable_webhook", webhook_id=webhook_id, from_now=from_now, idempotency_key=key())


@blueprint.route("/webhooks/<id:webhook_id>/deactivation", methods=["POST"])
@blueprint.response(200, schemas.Webhook)
def disable_webhook(webhook_id: str) -> Any:
    """Send nothing there until it is enabled; what comes meanwhile waits."""
    return ask("integrations", "disable_webhook", webhook_id=webhook_id, idempotency_key=key())


@blueprint.route("/webhooks/<id:webhook_id>/tests", methods=["POST"])
@blueprint.response(202, schemas.TestSent)
def test_webhook(webhook_id: str) -> Any:
    """Send a test event once, also where it is disabled; the webhook's `test` tells what came of it."""
    return ask("integrations", "test_webhook", webhook_id=webhook_id, idempotency_key=key())


@blueprint.route("/webhooks/<id:webhook_id>/redeliveries", methods=["POST"])
@blueprint.arguments(schemas.Redelivery)
@blueprint.response(202, schemas.Redelivered)
def redeliver_webhook(given: dict[str, Any], webhook_id: str) -> Any:
    """Send an event once more, by its id, or those that were given up since a time."""
    return ask("integrations", "redeliver_webhook", webhook_id=webhook_id, **given, idempotency_key=key())


def _secret(answer: Any) -> Response:
    response: Response = jsonify(answer)
    response.status_code = 201
    # Shown once: neither a browser nor a proxy is to show it again.
    response.headers["Cache-Control"] = "no-store"
    return response
