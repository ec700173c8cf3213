"""A browser that an organizer has logged in with before: whoever guesses beside it does not keep it waiting.

The browser keeps a signed cookie with an id of its own, by which its failed tries are counted apart from those of its
address. It lets nobody in. Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

from datetime import UTC, datetime, timedelta

import jwt
from flask import Response, request

from services.gateway.door import door
from shared.ids import new_id
from shared.security.tokens import ALGORITHM

COOKIE = "speedmentor-device"
#: Another audience than that of tokens, so that none is taken for the other.
AUDIENCE = "speedmentor-device"
LIFETIME = timedelta(days=180)


def known_device(account: str) -> str | None:
    """The id of the device that the request at hand comes from, if ``account`` has logged in with it before."""
    try:
        claims = jwt.decode(
            request.cookies.get(COOKIE, ""),
            door().settings.token_public_key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            subject=account,
            options={"require": ["exp", "sub", "aud", "jti"]},
        )
    except jwt.InvalidTokenError:
        return None
    return str(claims["jti"])


def remember_device(response: Response, account: str, path: str, *, secure: bool) -> None:
    """Have the browser keep that ``account`` has logged in with it; the cookie is sent to ``path`` only."""
    expires = datetime.now(UTC) + LIFETIME
    claims = {"aud": AUDIENCE, "sub": account, "jti": known_device(account) or new_id(), "exp": expires}
    response.set_cookie(
        COOKIE,
        jwt.encode(claims, door().settings.token_private_key or b"", algorithm=ALGORITHM),
        max_age=LIFETIME,
        expires=expires,
        httponly=True,
        samesite="Strict",
        secure=secure,
        path=path,
    )
