"""Generated keys and passwords, each once per checkout, in ``.run/secrets`` for the owner's eyes only."""

import json
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.local.state import write_secret


class Secrets:
    """The secrets in ``folder``; what is missing is made."""

    def __init__(self, folder: Path) -> None:
        self.token_private_key = folder / "token-private.pem"
        self.token_public_key = folder / "token-public.pem"
        self.access_code_key = folder / "access-code.key"
        self.webhook_key = folder / "webhook.key"
        self.organizer_password = folder / "organizer-password"
        self.database_key = folder / "mongod.key"
        self._passwords = folder / "passwords.json"

    def ensure(self) -> None:
        """Make what is missing; what is there stays, so that data written under it stays readable."""
        if not (self.token_private_key.exists() and self.token_public_key.exists()):
            key = Ed25519PrivateKey.generate()
            private = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            public = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            write_secret(self.token_private_key, private)
            write_secret(self.token_public_key, public)
        for each in (self.access_code_key, self.webhook_key):
            if not each.exists():
                write_secret(each, secrets.token_hex(32))
        if not self.organizer_password.exists():
            write_secret(self.organizer_password, secrets.token_urlsafe(12) + "\n")
        if not self.database_key.exists():
            # mongod reads base64 of at most 1024 characters; hexadecimal digits are among those.
            write_secret(self.database_key, secrets.token_hex(256))

    def password(self, account: str) -> str:
        """The password of a broker and database account, made at the first call."""
        known = json.loads(self._passwords.read_text()) if self._passwords.exists() else {}
        if account not in known:
            known[account] = secrets.token_urlsafe(24)
            write_secret(self._passwords, json.dumps(known, indent=2) + "\n")
        return str(known[account])
