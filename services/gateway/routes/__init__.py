"""The addresses, by what they are about."""

from services.gateway.routes import (
    access,
    documents,
    events,
    feedback,
    integrators,
    live,
    pairing,
    participants,
    plans,
    programs,
    replays,
    sessions,
    webhooks,
)

#: In the API document, in this order.
API = (
    access.blueprint,
    programs.blueprint,
    participants.blueprint,
    plans.blueprint,
    sessions.blueprint,
    live.blueprint,
    feedback.blueprint,
    pairing.blueprint,
    events.blueprint,
    replays.blueprint,
    integrators.blueprint,
    webhooks.blueprint,
)
#: Beside it.
SERVING = (documents.blueprint,)

__all__ = ["API", "SERVING"]
