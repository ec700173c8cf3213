"""Carrying out one command: by the request over HTTP that it is, through the same app.

So validation, rights, idempotency, language and problem documents are the same by construction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Flask, Response
from werkzeug.test import EnvironBuilder, run_wsgi_app

from services.gateway.commands.catalogue import command_of
from services.gateway.domain.json_documents import UnreadableError, read
from services.gateway.routes.common import LONGEST_KEY
from services.gateway.web import problems
from shared.faults import Fault, Forbidden, Invalid, Problem
from shared.messages import say
from shared.security.principal import Principal


@dataclass(frozen=True, slots=True)
class Given:
    """A command as it came: by whom is what the broker has checked."""

    routing_key: str
    body: bytes
    message_id: str | None
    language: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Giver:
    """An integrator with the commands it may give, and as whom its commands are carried out."""

    commands: frozenset[str]
    principal: Principal


@dataclass(frozen=True, slots=True)
class Answer:
    """What HTTP would answer."""

    status: int
    content_type: str
    body: bytes


def carry_out(app: Flask, given: Given, giver: Giver, sign: Callable[[Principal], str]) -> Answer:
    """Carry out ``given`` for ``giver``; ``sign`` makes the token with which the request is sent. Raises nothing."""
    try:
        name, command = command_of(given.routing_key)
        # The broker has refused it already; a right is checked where it is used, too.
        if name not in giver.commands:
            raise Forbidden(say("this integrator may not give this command; an organizer can allow it"))
        address, body = command.request(_read(given))
    except Fault as fault:
        return refuse(app, fault, given)
    headers = {
        **_headers(given),
        "Authorization": f"Bearer {sign(giver.principal)}",
        "Idempotency-Key": given.message_id or "",
    }
    environ = EnvironBuilder(
        address,
        method=command.method,
        data=orjson.dumps(body),
        content_type="application/json",
        headers=list(headers.items()),
    ).get_environ()
    chunks, status, answered = run_wsgi_app(app.wsgi_app, environ, buffered=True)
    return Answer(int(status.split()[0]), answered.get("Content-Type", ""), b"".join(chunks))


def _read(given: Given) -> Mapping[str, Any]:
    """The body, an object; raises :class:`Invalid` where it is none or the message has no id to repeat it by."""
    found = []
    if not (given.message_id and len(given.message_id) <= LONGEST_KEY):
        found.append(
            Problem(
                "property message_id",
                say("it is missing") if not given.message_id else say("it is too long"),
                say("send 1 to {most} characters, a UUID for example", most=LONGEST_KEY),
            )
        )
    data: Any = None
    try:
        data, unkept = read(given.body)
        found += unkept
    except UnreadableError:
        # What it is besides an object is no matter here.
        pass
    if not isinstance(data, dict):
        found.append(
            Problem("", say("the body is no JSON object"), say("send the command's fields as one JSON object in UTF-8"))
        )
    if found:
        raise Invalid(say("The request is not valid; every fault is named."), found)
    return dict(data)


def refuse(app: Flask, fault: Fault, given: Given) -> Answer:
    """The answer to a command that is not carried out: the problem document that HTTP would answer with."""
    with app.test_request_context("/", headers=_headers(given)):
        app.preprocess_request()
        response: Response = problems.response(fault)
    return Answer(response.status_code, response.content_type or "", response.get_data())


def _headers(given: Given) -> dict[str, str]:
    headers = {"Accept-Language": given.language, "Traceparent": given.traceparent}
    return {name: value for name, value in headers.items() if value}
