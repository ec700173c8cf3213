"""What an integrator proves itself by: a password at the broker, and an API key over HTTP; each is shown once.

Both are random, of 256 bits, so a plain hash keeps them as well as a slow one would. Of the password RabbitMQ's own
salted hash is kept: with it the user can be made again at a broker that has lost it, and nobody can log in with it.
"""

import base64
import hashlib
import secrets as random
from dataclasses import dataclass

KEY_PREFIX = "smk_"


@dataclass(frozen=True, slots=True)
class Secret:
    """A password and an API key in the clear; never stored, never logged."""

    password: str
    api_key: str

    def __repr__(self) -> str:
        return "Secret(…)"

    @property
    def password_hash(self) -> str:
        """What the broker is given: https://www.rabbitmq.com/docs/passwords."""
        salt = random.token_bytes(4)
        return base64.b64encode(salt + hashlib.sha256(salt + self.password.encode()).digest()).decode()

    @property
    def key_digest(self) -> str:
        """What the API key is found by."""
        return digest(self.api_key)


def new_secret() -> Secret:
    """A secret that nobody has had."""
    return Secret(random.token_urlsafe(32), KEY_PREFIX + random.token_urlsafe(32))


def digest(api_key: str) -> str:
    """What is kept of an API key."""
    return hashlib.sha256(api_key.encode()).hexdigest()
