"""The live channel: server-sent events for screens."""

from collections.abc import Iterator
from typing import Any

from flask import Response, request

from services.gateway import auth
from services.gateway.door import ask, door
from services.gateway.live.frames import RETRY
from services.gateway.live.hub import Hub
from services.gateway.live.stream import Stream
from services.gateway.routes.common import section
from services.gateway.routes.knowing import require_site
from services.gateway.schemas import requests
from shared.faults import NotFound
from shared.messages import say
from shared.security.principal import OPERATOR

#: Each event, as OpenAPI 3.2 describes one; 3.1 has no word of its own for streams.
EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["timetables", "timetable", "bell", "plan", "pairs", "still-here"]},
        "id": {"type": "string", "description": "tells events apart, and no more"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer", "description": "ms to wait before connecting again"},
    },
}

blueprint = section("live", "What the screens follow.")


@blueprint.route("/programs/<id:program_id>/live")
@blueprint.arguments(requests.LiveFilter, location="query")
@blueprint.alt_response(
    200, content_type="text/event-stream", schema=EVENT, description="Server-sent events", success=True
)
def live(which: dict[str, Any], program_id: str) -> Response:
    """Follow the timers of a program (server-sent events).

    The stream begins with `timetables`: all sessions, whole, as `GET …/sessions` gives them. Then comes a `timetable`
    (one whole session) whenever one has changed, a `bell` (kind, round, scheduled_at, revision) when one rings, and a
    `plan` (plan_id, revision) when the plan has changed. Whatever `Last-Event-ID` a client brings, it gets the whole
    truth first, so nothing that it missed matters. Of two views of a session the one with the higher revision holds.
    """
    log_in, here = auth.log_in(), door()
    principal = log_in.principal
    if principal.programs and program_id not in principal.programs:
        raise NotFound(say("There is no such program."))
    if not here.log_ins.complete:
        # Whether the log-in has ended may not be known here; the session timer refuses it where it has.
        ask("session_timer", "list_sessions", program_id=program_id)
    hub = here.hub
    org = None if principal.role == OPERATOR else principal.org
    stream = Stream(program_id, org, which["site_id"], ended_by=log_in.ended_by)
    first = hub.join(stream)
    try:
        # It may have ended while we asked.
        here.log_ins.refuse(log_in)
        if not hub.shows_anything(stream):
            require_site(program_id, which["site_id"])
    except BaseException:
        hub.leave(stream)
        raise
    # eventlet would gather small writes; a bell cannot wait for the next one.
    request.environ["eventlet.minimum_write_chunk_size"] = 1
    response = Response(_Body(hub, stream, first), content_type="text/event-stream; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


class _Body:
    """The frames of a stream; the server closes it when the client is gone, begun or not."""

    def __init__(self, hub: Hub, stream: Stream, first: bytes) -> None:
        self._hub, self._stream, self._first = hub, stream, first

    def __iter__(self) -> Iterator[bytes]:
        yield RETRY + self._first
        yield from self._stream.frames()

    def close(self) -> None:
        self._hub.leave(self._stream)
