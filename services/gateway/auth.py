"""Who sent a request: a bearer token, or the same token in a cookie of our own pages."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Response, g, request

from services.gateway.door import door
from shared.faults import Forbidden, Unauthenticated
from shared.messages import say
from shared.security.principal import INTEGRATOR, Principal
from shared.security.tokens import LIFETIME, LogIn, read_log_in

COOKIE = "speedmentor-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def read_token() -> None:
    """Find the token of the request at hand; for every request, before its route."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        g.token = token.strip()
        return
    g.token = request.cookies.get(COOKIE) or None
    # A browser sends cookies along with what other sites make it send; a header only our own code can set.
    if g.token and request.method not in _SAFE:
        require_same_origin(strictly=True)


def log_in() -> LogIn:
    """The log-in that the request at hand was made with.

    Raises:
        Unauthenticated: there is no token, none that holds, or its log-in is known to have ended.
    """
    if "log_in" not in g:
        if not g.get("token"):
            raise Unauthenticated(say("this needs a log-in; log in and send the token"))
        found = read_log_in(g.token, door().settings.token_public_key)
        door().log_ins.refuse(found)
        g.log_in = found
    known: LogIn = g.log_in
    return known


def principal() -> Principal:
    """Who asks; raises as :func:`log_in`."""
    return log_in().principal


def require() -> None:
    """Refuse the request at hand where nobody has logged in."""
    principal()


def require_person() -> None:
    """Refuse the request at hand where nobody, or another system, has logged in."""
    if principal().role == INTEGRATOR:
        raise Forbidden(say("an integrator reads events and nothing else; log in as an organizer for this"))


def require_same_origin(*, strictly: bool) -> None:
    """Raise :class:`Forbidden` for what another site made a browser send.

    Browsers say so in ``Sec-Fetch-Site`` (Fetch Metadata), older ones in ``Origin``. Where neither is there, a
    ``strictly`` checked request is refused.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        same = site in ("same-origin", "none")
    elif origin is not None:
        same = urlsplit(origin).netloc in {request.host, urlsplit(door().settings.public_url).netloc} - {""}
    else:
        same = not strictly
    if not same:
        raise Forbidden(say("this was sent from another site; send it from a page of this one, or with a bearer token"))


def is_secure() -> bool:
    """Whether the browser reaches us by TLS, so that it need not send a cookie without."""
    return request.is_secure or door().settings.public_url.startswith("https:")


def set_cookie(response: Response, token: str) -> None:
    """Have the browser keep ``token`` where no script can read it and no other site can use it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=LIFETIME,
        expires=datetime.now(UTC) + LIFETIME,
        httponly=True,
        samesite="Strict",
        secure=is_secure(),
        path="/",
    )


def forget_cookie(response: Response) -> None:
    """Have the browser forget its token."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
