"""Tokens: JSON Web Tokens signed with Ed25519. The gateway signs; services can check, and cannot make, one.

Expiry is by real time: a token is about a log-in, not about the event. A token that a log-in made has an id (``jti``),
by which the log-in can be ended before; whether it was is for :mod:`shared.storage.ended_log_ins` to say.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import jwt
from jwt.types import Options

from shared.faults import Unauthenticated
from shared.messages import say
from shared.security.principal import PARTICIPANTS, Principal

ALGORITHM = "EdDSA"
#: ``iat`` says when a token was made and not from when on it holds (RFC 7519, 4.1.6): a service whose clock is a little
#: behind the gateway's must not refuse a log-in of just now.
OPTIONS: Options = {"require": ["exp", "sub", "aud"], "verify_iat": False}
AUDIENCE = "speedmentor"
#: How long a log-in lasts: a day of events.
LIFETIME = timedelta(hours=14)


def mark_of(ended_id: str) -> str:
    """What the end of a log-in, or the erasure of a participant, is remembered by: nobody can tell whose it was."""
    return sha256(ended_id.encode()).hexdigest()


@dataclass(frozen=True)
class LogIn:
    """What a token proves: who has logged in, until when it does so, and the id of that log-in.

    ``log_in_id`` is None in tokens that no log-in made (the gateway's own) or that an earlier release did.
    """

    principal: Principal
    expires_at: datetime
    log_in_id: str | None

    @property
    def ended_by(self) -> tuple[str, ...]:
        """The marks of what ends this log-in: its own end, and a participant's erasure, which ends all of that one."""
        principal = self.principal
        erased = principal.subject if principal.role in PARTICIPANTS else None
        return tuple(mark_of(each) for each in (self.log_in_id, erased) if each)


def sign(principal: Principal, private_key: bytes, lifetime: timedelta = LIFETIME, log_in_id: str | None = None) -> str:
    """A token that says ``principal`` until ``lifetime`` is over; ``private_key`` is PEM."""
    now = datetime.now(UTC)
    claims = {**principal.to_claims(), "aud": AUDIENCE, "iat": now, "exp": now + lifetime}
    if log_in_id is not None:
        claims["jti"] = log_in_id
    return jwt.encode(claims, private_key, algorithm=ALGORITHM)


def read_log_in(token: str, public_key: bytes) -> LogIn:
    """The log-in that a token proves.

    Raises:
        Unauthenticated: the token is not ours, has been changed, or is over.
    """
    try:
        claims = jwt.decode(token, public_key, algorithms=[ALGORITHM], audience=AUDIENCE, options=OPTIONS)
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        return LogIn(Principal.from_claims(claims), expires_at, claims.get("jti"))
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated(say("the log-in is over; log in again")) from error
    except (jwt.InvalidTokenError, KeyError) as error:
        raise Unauthenticated(say("the token is not valid; log in again")) from error


def verify(token: str, public_key: bytes) -> Principal:
    """Who the token says it is; raises as :func:`read_log_in`, and knows nothing of log-ins ended before their time."""
    return read_log_in(token, public_key).principal


def ended() -> Unauthenticated:
    """The refusal of a log-in that was ended before its token."""
    return Unauthenticated(say("this log-in has been ended; log in again"))
