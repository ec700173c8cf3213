"""What all addresses of the API share."""

from typing import Any

from flask import request
from flask_smorest import Blueprint

from services.gateway import auth
from services.gateway.web.bodies import BoundedParser
from shared.faults import Invalid, Problem
from shared.ids import new_id
from shared.messages import say

PREFIX = "/api/v1"
LONGEST_KEY = 200


class Section(Blueprint):
    """A part of the API, whose bodies are read with bounds."""

    ARGUMENTS_PARSER = BoundedParser()

    def refuses(self, *statuses: int) -> Any:
        """Have the document say that an operation can refuse with ``statuses`` too; most follow from what it takes."""
        return self.doc(**{"x-refusals": statuses})


def section(name: str, means: str, *, integrators: bool = False) -> Section:
    """A part of the API for people who have logged in, and for ``integrators`` where that is said."""
    blueprint = Section(name, __name__, url_prefix=PREFIX, description=means)
    blueprint.before_request(auth.require if integrators else auth.require_person)
    return blueprint


def key() -> str:
    """The ``Idempotency-Key`` of the request at hand.

    Where there is none it gets one of its own: the services' own redelivery is harmless then, a repetition by the
    client is not.
    """
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return new_id()
    if not 1 <= len(given) <= LONGEST_KEY:
        problem = Problem(
            "header Idempotency-Key",
            say("it has {length} characters", length=len(given)),
            say("send 1 to {most} characters, a UUID for example", most=LONGEST_KEY),
        )
        raise Invalid(say("The request is not valid; every fault is named."), [problem])
    return given
