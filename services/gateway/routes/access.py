"""Logging in and out, and the time: open to everybody."""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from flask import Response, jsonify, request

from services.gateway import auth
from services.gateway.domain.throttle import Throttle
from services.gateway.door import ask, door
from services.gateway.routes.common import PREFIX, Section
from services.gateway.schemas import requests, views
from services.gateway.web.refusals import TooMany
from shared.clock import monotonic
from shared.events import write_time
from shared.faults import NotFound, Unauthenticated
from shared.messages import say
from shared.security.principal import ORGANIZER, Principal
from shared.security.tokens import LIFETIME, sign

blueprint = Section("access", __name__, url_prefix=PREFIX, description="Log-in and time; open to everybody.")

#: The account of whoever knows the organizers' password.
ACCOUNT = "organizer"


@blueprint.route("/log-in", methods=["POST"])
@blueprint.refuses(401, 429, 503)
@blueprint.doc(security=[])
@blueprint.arguments(requests.LogIn)
@blueprint.response(200, views.LoggedIn)
def log_in(given: dict[str, Any]) -> Response:
    """Log in with the organizers' password or a participant's access code."""
    auth.require_same_origin(strictly=False)
    if "password" in given:
        principal = _tried(door().passwords, lambda: _organizer(given["password"]))
    else:
        principal = _tried(door().codes, lambda: _participant(given["access_code"]))
    token = sign(principal, door().settings.token_private_key or b"")
    response: Response = jsonify(
        {
            "token": token,
            "role": principal.role,
            "subject": principal.subject,
            "program_id": next(iter(principal.programs), None),
            "site_id": next(iter(principal.sites), None),
            "expires_at": write_time(datetime.now(UTC) + LIFETIME),
        }
    )
    auth.set_cookie(response, token)
    return response


@blueprint.route("/log-out", methods=["POST"])
@blueprint.doc(security=[])
@blueprint.response(204)
def log_out() -> Response:
    """Have the browser forget the token. Tokens are not kept here: one that was copied holds until it is over."""
    response = Response(status=204)
    response.delete_cookie(auth.COOKIE, path="/", httponly=True, samesite="Strict")
    return response


@blueprint.route("/time")
@blueprint.doc(security=[])
@blueprint.response(200, views.Time)
def time() -> Response:
    """The time of the event.

    Screens estimate their offset by it: ask several times and trust the answer with the shortest round trip.
    """
    clock = door().clock
    return jsonify({"now": write_time(clock.now()), "speed": 1 / clock.real_seconds(1)})


def _tried(throttle: Throttle, attempt: Any) -> Principal:
    """The principal that ``attempt`` gives, unless too many have failed at this address."""
    address, begun = request.remote_addr or "", monotonic()
    wait = throttle.begin(address, begun)
    if wait:
        raise TooMany(
            say("too many log-ins have failed from here; try again in {seconds} s", seconds=int(wait) + 1),
            int(wait) + 1,
        )
    try:
        principal: Principal = attempt()
    except Unauthenticated:
        raise
    except Exception:
        # The service was away, say: nobody has guessed anything.
        throttle.succeed(address, begun)
        raise
    throttle.succeed(address, begun)
    return principal


def _organizer(password: str) -> Principal:
    settings = door().settings
    right = (settings.organizer_password or "").encode()
    # Digests are of one length, so the time it takes tells nothing at all.
    if not right or not hmac.compare_digest(sha256(password.encode()).digest(), sha256(right).digest()):
        raise Unauthenticated(say("this is not the password; ask whoever set up this system for it"))
    return Principal(ACCOUNT, ORGANIZER, settings.organization)


def _participant(access_code: str) -> Principal:
    try:
        found = ask("registration", "redeem_access_code", access_code=access_code)
    except NotFound as error:
        raise Unauthenticated(
            say("nobody has this access code; compare it with the invitation, or ask at the desk")
        ) from error
    return Principal(found["participant_id"], found["role"], found["org"], (found["program_id"],), (found["site_id"],))
