"""Faults as problem documents (RFC 9457), in the reader's language: the one place where they become HTTP."""

from collections.abc import Iterator
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException

from services.gateway.web.http_protocol import TIMED_OUT
from services.gateway.web.language import language
from services.gateway.web.refusals import Refused, refusal
from services.gateway.web.validation import as_message
from shared.faults import (
    Conflict,
    Fault,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    NotYet,
    Problem,
    Stale,
    TooMany,
    Unauthenticated,
    pointer_step,
)
from shared.messages import say
from shared.translation import spoken

log = structlog.get_logger()

CONTENT_TYPE = "application/problem+json"

#: The HTTP status of each kind of fault; kinds derived from one of these have its status.
STATUS: dict[type[Fault], int] = {
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Gone: 410,
    Invalid: 422,
    TooMany: 429,
    Fault: 500,
    NotYet: 503,
}
#: So many faults of a request are named: one cause may have thousands, and putting all into words would hold others up.
MOST_PROBLEMS = 100

_TITLES = {
    "invalid": say("Something in the request is not valid"),
    "not-found": say("Not found"),
    "gone": say("Not kept any more"),
    "conflict": say("Not possible in this state"),
    "stale": say("Given on an older state"),
    "unauthenticated": say("Not logged in"),
    "forbidden": say("Not allowed"),
    "not-yet": say("Not available yet"),
    "too-many": say("Too many tries"),
    "no-such-address": say("No such address"),
    "no-such-method": say("No such method"),
    "too-slow": say("Too slow"),
    "too-large": say("Too large"),
    "not-json": say("Not JSON"),
    "bad-request": say("Not a valid request"),
    "fault": say("Internal fault"),
}


def status_of(fault: Fault) -> int:
    """The HTTP status of ``fault``."""
    if isinstance(fault, Refused):
        return fault.status
    return next(STATUS[kind] for kind in type(fault).__mro__ if kind in STATUS)


def document(fault: Fault, tongue: str, instance: str) -> dict[str, Any]:
    """``fault`` as a problem document in the language ``tongue``; ``instance`` leads to it in the logs."""
    title = _TITLES.get(fault.code, _TITLES["fault"])
    written: dict[str, Any] = {
        "type": f"urn:speedmentor:problem:{fault.code}",
        "title": spoken(title, tongue),
        "status": status_of(fault),
        "detail": spoken(fault.detail, tongue),
        "instance": f"urn:uuid:{instance}",
        "code": fault.code,
    }
    if fault.problems:
        written["problems"] = [one_problem(each, tongue) for each in fault.problems]
    if isinstance(fault, Stale):
        written["current"] = fault.current
    return written


def response(fault: Fault) -> Response:
    """The answer to the request at hand."""
    tongue = language()
    body = current_app.json.dumps(document(fault, tongue, g.trace.correlationid))
    answer = Response(body, status_of(fault), content_type=CONTENT_TYPE)
    answer.content_language.add(tongue)
    answer.vary.update(("Accept-Language", "Cookie"))
    if isinstance(fault, Unauthenticated):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="speedmentor"'
    if isinstance(fault, TooMany):
        answer.headers["Retry-After"] = str(fault.retry_after)
    elif isinstance(fault, NotYet):
        answer.headers["Retry-After"] = "1"
    return answer


def register(app: Flask) -> None:
    """Answer every fault and every error of ``app`` with a problem document."""
    app.register_error_handler(Fault, response)
    app.register_error_handler(Exception, _unexpected)


def of_http(error: HTTPException) -> Any:
    """The answer to an error that the framework raised; redirections stay what they are."""
    messages = getattr(error, "data", {}).get("messages")
    if messages and error.code == STATUS[Invalid]:
        return response(_invalid(list(_problems(messages))))
    if error.code is None or error.code < 400:
        return error.get_response()
    answer = response(refusal(408 if _timed_out() else error.code))
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers[name] = value
    return answer


def _timed_out() -> bool:
    asked = request.environ.get(TIMED_OUT)
    return asked is not None and asked()


def _invalid(problems: list[Problem]) -> Invalid:
    if len(problems) <= MOST_PROBLEMS:
        return Invalid(say("The request is not valid; every fault is named."), problems)
    return Invalid(
        say(
            "The request is not valid; of its {count} faults the first {most} are named.",
            count=len(problems),
            most=MOST_PROBLEMS,
        ),
        problems[:MOST_PROBLEMS],
    )


def _unexpected(error: Exception) -> Any:
    if isinstance(error, HTTPException):
        return of_http(error)
    # No values: they may be personal. The place is in the stack.
    log.exception("request-failed", correlationid=g.trace.correlationid)
    return response(refusal(500))


def one_problem(problem: Problem, tongue: str) -> dict[str, Any]:
    """``problem`` in the language ``tongue``."""
    shown: dict[str, Any] = {
        "field": problem.field,
        "what": spoken(problem.what, tongue),
        "remedy": spoken(problem.remedy, tongue),
    }
    if problem.file is not None:
        shown["file"] = problem.file
    if problem.row is not None:
        shown["row"] = problem.row
    if problem.count > 1:
        first = ", ".join(map(str, problem.rows))
        shown["what"] += " " + spoken(say("({count} rows, first {rows})", count=problem.count, rows=first), tongue)
        shown |= {"rows": list(problem.rows), "count": problem.count}
    if problem.confirm:
        shown["confirm"] = list(problem.confirm)
    return shown


_REMEDY = say("see this request in /openapi.json and send the field as described there")


def _problems(messages: Any) -> Iterator[Problem]:
    """Marshmallow's messages by place, each as a JSON pointer into the body (or ``?name`` of the query)."""
    for place, inner in messages.items():
        prefix = {"query": "?", "headers": "header "}.get(place)
        for path, text in _leaves(inner, ()):
            field = "/" + "/".join(pointer_step(step) for step in path) if prefix is None else prefix + "/".join(path)
            yield Problem(field if path else "", as_message(text), _REMEDY)


def _leaves(messages: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            # "key" and "value" are marshmallow's own steps within an object of any names.
            yield from _leaves(inner, path if name in ("_schema", "value") else (*path, str(name)))
    else:
        for text in [messages] if isinstance(messages, str) else messages:
            yield path, str(text)
