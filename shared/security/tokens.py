"""Tokens: JSON Web Tokens signed with Ed25519. The gateway signs; services can check, and cannot make, one.

Expiry is by real time: a token is about a log-in, not about the event.
"""

from datetime import UTC, datetime, timedelta

import jwt
from jwt.types import Options

from shared.faults import Unauthenticated
from shared.messages import say
from shared.security.principal import Principal

ALGORITHM = "EdDSA"
#: ``iat`` says when a token was made and not from when on it holds (RFC 7519, 4.1.6): a service whose clock is a little
#: behind the gateway's must not refuse a log-in of just now.
OPTIONS: Options = {"require": ["exp", "sub", "aud"], "verify_iat": False}
AUDIENCE = "speedmentor"
#: How long a log-in lasts: a day of events.
LIFETIME = timedelta(hours=14)


def sign(principal: Principal, private_key: bytes, lifetime: timedelta = LIFETIME) -> str:
    """A token that says ``principal`` until ``lifetime`` is over; ``private_key`` is PEM."""
    now = datetime.now(UTC)
    claims = {**principal.to_claims(), "aud": AUDIENCE, "iat": now, "exp": now + lifetime}
    return jwt.encode(claims, private_key, algorithm=ALGORITHM)


def verify(token: str, public_key: bytes) -> Principal:
    """Who the token says it is.

    Raises:
        Unauthenticated: the token is not ours, has been changed, or is over.
    """
    try:
        claims = jwt.decode(token, public_key, algorithms=[ALGORITHM], audience=AUDIENCE, options=OPTIONS)
        return Principal.from_claims(claims)
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated(say("the log-in is over; log in again")) from error
    except (jwt.InvalidTokenError, KeyError) as error:
        raise Unauthenticated(say("the token is not valid; log in again")) from error
