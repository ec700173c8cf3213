"""Replays: sending an integrator once more what is in the log, to it alone."""

from typing import Any

from services.gateway.door import ask
from services.gateway.routes.common import key, section
from services.gateway.schemas import replays as schemas

blueprint = section("replays", "Sending an integrator once more what was published, to it alone.")


@blueprint.route("/integrators/<id:name>/replays")
@blueprint.refuses(403)
@blueprint.response(200, schemas.Replays)
def list_replays(name: str) -> Any:
    """The last replays to an integrator, the latest first."""
    return ask("integrations", "list_replays", name=name)


@blueprint.route("/integrators/<id:name>/replays", methods=["POST"])
@blueprint.refuses(410)
@blueprint.arguments(schemas.NewReplay)
@blueprint.response(202, schemas.Replay)
def start_replay(given: dict[str, Any], name: str) -> Any:
    """Begin to send an integrator's queue what was published from a moment on, within its scope.

    It goes on in the background, whatever dies, and at most one at a time for each integrator. Events come as they were
    published, in order, at least once.
    """
    return ask("integrations", "start_replay", name=name, **given, idempotency_key=key())


@blueprint.route("/replays/<id:replay_id>")
@blueprint.refuses(403)
@blueprint.response(200, schemas.Replay)
def get_replay(replay_id: str) -> Any:
    """How far a replay is."""
    return ask("integrations", "get_replay", replay_id=replay_id)


@blueprint.route("/replays/<id:replay_id>/cancellation", methods=["POST"])
@blueprint.response(200, schemas.Replay)
def cancel_replay(replay_id: str) -> Any:
    """Call a replay off; what has been sent stays sent."""
    return ask("integrations", "cancel_replay", replay_id=replay_id, idempotency_key=key())
