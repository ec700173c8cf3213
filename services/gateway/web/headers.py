"""What every answer carries, and what every request is measured by."""

import re
import time

import structlog
from flask import Flask, Response, g, request
from prometheus_client import Histogram

from services.gateway.auth import principal, read_token
from services.gateway.pages.routes import POLICY
from services.gateway.web.http_protocol import MALFORMED
from services.gateway.web.refusals import malformed, refusal
from shared.ids import new_id
from shared.security.principal import ORGANIZER
from shared.trace import Trace

log = structlog.get_logger()

HTTP_SECONDS = Histogram(
    "speedmentor_http_seconds", "Real seconds until an answer began", ["route", "method", "status"]
)

#: The methods of HTTP (RFC 9110 and 5789).
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})

#: Bytes that a body may have: files of people come by the megabyte, nothing else does.
MOST_BYTES, MOST_BYTES_OF_FILES = 1_000_000, 20_000_000

_SECURITY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def register(app: Flask) -> None:
    """Begin every request of ``app`` with a trace and end it with the headers that keep browsers safe."""
    app.before_request(_begin)
    app.before_request(_require_framing)
    app.before_request(read_token)
    app.before_request(_measure)
    app.after_request(_end)


def _begin() -> None:
    g.started = time.perf_counter()
    given = request.headers.get("traceparent", "")
    g.trace = Trace(new_id(), given).child() if _TRACEPARENT.fullmatch(given) else Trace.start()


def _require_framing() -> None:
    fault = request.environ.get(MALFORMED)
    if fault is not None:
        raise malformed(fault)


def _measure() -> None:
    # Megabytes are read, and looked through, for those only who may import; who has not logged in is told that.
    if request.path.endswith(":import") and (not g.token or principal().role == ORGANIZER):
        request.max_content_length = MOST_BYTES_OF_FILES
    # Also where nothing reads the body.
    if (request.content_length or 0) > (request.max_content_length or MOST_BYTES):
        raise refusal(413)


def _end(response: Response) -> Response:
    for name, value in _SECURITY.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")
    if response.status_code == 204:
        # There is nothing that could be of a type.
        response.headers.pop("Content-Type", None)
    if "trace" in g:
        response.headers["Correlation-Id"] = g.trace.correlationid
        seconds = time.perf_counter() - g.started
        # The rule, not the path: ids would make a series each.
        rule = request.url_rule.rule if request.url_rule else "none"
        # The methods that there are: anybody may make up others.
        method = request.method if request.method in METHODS else "other"
        HTTP_SECONDS.labels(rule, method, response.status_code).observe(seconds)
        log.debug(
            "answered",
            route=rule,
            method=method,
            status=response.status_code,
            milliseconds=round(seconds * 1000, 1),
            correlationid=g.trace.correlationid,
        )
    return response
