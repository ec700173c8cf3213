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
    types = which.pop("types")
    try:
        found = ask("integrations", "events", **which, types=types.split(",") if types else [])
    except Invalid as fault:
        problems = [Problem(f"?{each.field.removeprefix('/')}", each.what, each.remedy) for each in fault.problems]
        raise Invalid(fault.detail, problems) from None
    # Each event as it was published, byte for byte: read and written again it might be another text.
    rest = orjson.dumps({name: found[name] for name in ("cursor", "more")})
    body = b'{"events":[' + ",".join(found["events"]).encode() + b"]," + rest[1:]
    return Response(body, content_type="application/json")
