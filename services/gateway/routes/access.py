"""Logging in and out, and the time: open to everybody."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from flask import Response, g, jsonify, request
from prometheus_client import Counter

from services.gateway import auth
from services.gateway.door import ask, door
from services.gateway.known_device import known_device, remember_device
from services.gateway.routes.common import PREFIX, Section
from services.gateway.schemas import requests, views
from services.gateway.web import problems
from shared.events import write_time
from shared.faults import Fault, NotFound, TooMany, Unauthenticated
from shared.ids import new_id
from shared.messages import say
from shared.security.principal import INTEGRATOR, ORGANIZER, EventScope, Principal
from shared.security.tokens import LIFETIME, sign

LOG_INS = Counter("speedmentor_log_ins_total", "Tries to log in", ["by", "outcome"])

blueprint = Section("access", __name__, url_prefix=PREFIX, description="Log-in and time; open to everybody.")

#: How long a token holds that was got by an API key, which is at hand whenever another one is needed.
INTEGRATORS_LIFETIME = timedelta(hours=1)

#: The account of whoever knows the organizers' password.
ACCOUNT = "organizer"


@blueprint.route("/log-in", methods=["POST"])
@blueprint.refuses(401, 429, 503)
@blueprint.doc(security=[])
@blueprint.arguments(requests.LogIn)
@blueprint.response(200, views.LoggedIn)
def log_in(given: dict[str, Any]) -> Response:
    """Log in with the organizers' password, a participant's access code, or the API key of another system.

    A token for an API key holds for an hour and is no cookie; it reads events in the scope of that system, and no more.
    """
    auth.require_same_origin(strictly=False)
    ((kind, credential),) = given.items()
    by, let_in = _WAYS[kind]
    outcome = "let-in"
    try:
        principal = let_in(credential)
    except Fault as fault:
        outcome = fault.code
        raise
    finally:
        LOG_INS.labels(by, outcome).inc()
    lifetime = INTEGRATORS_LIFETIME if principal.scope else LIFETIME
    token = sign(principal, door().settings.token_private_key or b"", lifetime, log_in_id=new_id())
    response: Response = jsonify(
        {
            "token": token,
            "role": principal.role,
            "subject": principal.subject,
            "program_id": next(iter(principal.programs), None),
            "site_id": next(iter(principal.sites), None),
            "expires_at": write_time(datetime.now(UTC) + lifetime),
            **({"types": list(principal.scope.types), "programs": principal.scope.programs} if principal.scope else {}),
        }
    )
    if principal.scope is None:
        auth.set_cookie(response, token)
    if by == "password":
        remember_device(response, ACCOUNT, f"{PREFIX}/log-in", secure=auth.is_secure())
    return response


@blueprint.route("/log-out", methods=["POST"])
@blueprint.refuses(503)
@blueprint.doc(security=[])
@blueprint.response(204)
def log_out() -> Response:
    """End the log-in: its token is refused everywhere from now on, wherever it was copied to, and its streams end.

    Without a token, or with one that is over already, there is nothing left to do. Where the log-in cannot be ended at
    once the answer is 503; the browser forgets the token all the same, and the log-in is ended as soon as that is
    possible.
    """
    response = Response(status=204)
    try:
        log_in = auth.log_in()
        if log_in.log_in_id is not None:
            calls = door().calls(g.trace, g.token)
            door().log_ins.end_everywhere(
                log_in.log_in_id, log_in.expires_at, lambda: calls.call("registration", "end_log_in")
            )
    except Unauthenticated:
        pass
    except Fault as fault:
        response = problems.response(fault)
    auth.forget_cookie(response)
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


def _organizer(password: str) -> Principal:
    """The organizer, with the right password; slowly, where many are tried."""
    settings = door().settings
    known = (settings.organizer_password or "").encode()
    # Digests are of one length, so the time it takes tells nothing at all.
    right = bool(known) and hmac.compare_digest(sha256(password.encode()).digest(), sha256(known).digest())
    calls = door().own_calls(g.trace)
    tried = calls.call(
        "registration",
        "try_password",
        account=ACCOUNT,
        right=right,
        address=request.remote_addr or "",
        device=known_device(ACCOUNT),
    )
    if tried["wait"]:
        # Before that nobody may learn whether it was right: a guess is worth the wait only if it must be waited for.
        door().pause(tried["wait"])
    if right:
        return Principal(ACCOUNT, ORGANIZER, settings.organization)
    if tried["wait"]:
        raise TooMany(
            say(
                "this is not the password, and many have been tried from here; the next one is looked at in "
                "{seconds} s",
                seconds=tried["retry_after"],
            ),
            tried["retry_after"],
        )
    raise Unauthenticated(say("this is not the password; ask whoever set up this system for it"))


def _participant(access_code: str) -> Principal:
    try:
        found = ask("registration", "redeem_access_code", access_code=access_code, address=request.remote_addr)
    except NotFound as error:
        raise Unauthenticated(
            say("nobody has this access code; compare it with the invitation, or ask at the desk")
        ) from error
    return Principal(found["participant_id"], found["role"], found["org"], (found["program_id"],), (found["site_id"],))


def _integrator(api_key: str) -> Principal:
    try:
        found = ask("integrations", "redeem_api_key", api_key=api_key)
    except NotFound as error:
        # Counted by address, as wrong access codes are; a right key is let in whatever goes on.
        door().own_calls(g.trace).call("registration", "try_api_key", address=request.remote_addr or "")
        raise Unauthenticated(
            say("no integrator has this API key, or it was rotated; ask an organizer for another one")
        ) from error
    scope = EventScope(tuple(found["types"]), None if found["programs"] is None else tuple(found["programs"]))
    return Principal(found["name"], INTEGRATOR, found["org"], scope=scope)


#: What one can log in with, how the figures call it, and who it lets in.
_WAYS: dict[str, tuple[str, Callable[[str], Principal]]] = {
    "password": ("password", _organizer),
    "access_code": ("code", _participant),
    "api_key": ("key", _integrator),
}
