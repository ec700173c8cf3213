"""Events: all that was published, from any moment on that is still kept, for other systems."""

from typing import Any

import orjson
from flask import Response

from services.gateway.door import ask
from services.gateway.routes.common import section
from services.gateway.schemas import requests, views
from shared.faults import Invalid, Problem

blueprint = section("events", "What has happened, as other systems read it.", integrators=True)


@blueprint.route("/events")
@blueprint.refuses(403, 410, 503)
@blueprint.arguments(requests.EventFilter, location="query")
@blueprint.response(200, views.Events)
def read_events(which: dict[str, Any]) -> Response:
    """Read published events, in the order of the log.

    Go on with `after` set to the `cursor` of the answer before; a page with fewer events than `limit`, even with none,
    has more after it where it says `more`. Of one subject events come in the order of their `ordinal`. A cursor whose
    events are not kept any more is answered with 410.
    """
    found = _asked_with("events", which)
    return _as_published(found, "cursor", "more")


@blueprint.route("/programs/<id:program_id>/snapshot")
@blueprint.refuses(403, 503)
@blueprint.arguments(requests.SnapshotFilter, location="query")
@blueprint.response(200, views.Snapshot)
def read_snapshot(which: dict[str, Any], program_id: str) -> Response:
    """Read of a program's events those from which its state comes out, to begin without its history.

    Take them in like any others, page by page with `page` set to the `next` of the answer before, and go on with
    `/events` after the `cursor`, which is the same in all pages. Ordinals have gaps here, where a later event of the
    same fact has taken the place of earlier ones.
    """
    return _as_published(_asked_with("snapshot", {**which, "program_id": program_id}), "cursor", "next")


def _asked_with(method: str, which: dict[str, Any]) -> dict[str, Any]:
    """What the integrations service answers; where it refuses, the fields are named as the address has them."""
    types = which.pop("types")
    try:
        found: dict[str, Any] = ask("integrations", method, **which, types=types.split(",") if types else [])
    except Invalid as fault:
        problems = [Problem(f"?{each.field.removeprefix('/')}", each.what, each.remedy) for each in fault.problems]
        raise Invalid(fault.detail, problems) from None
    return found


def _as_published(found: dict[str, Any], *more: str) -> Response:
    """The answer, with each event as it was published, byte for byte: written again it might be another text."""
    rest = orjson.dumps({name: found[name] for name in more})
    body = b'{"events":[' + ",".join(found["events"]).encode() + b"]," + rest[1:]
    return Response(body, content_type="application/json")
