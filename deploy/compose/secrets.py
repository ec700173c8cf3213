"""``python -m deploy.compose.secrets [FOLDER]``: the secrets of a deployment by Compose, as files; none is in the repo.

What is there stays, so that it may be called again at any time. The folder is for its owner only; the files in it
can be read by all, because Compose puts them into containers as they are, and those run as users of their own.
"""

import json
import secrets as random
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.compose.accounts import ADMINISTRATOR, BROKER_USERS, DATABASE_USERS, definitions
from shared.messaging.topology import ACCOUNTS_ADMIN, VHOST

FOLDER = Path(__file__).resolve().parents[2] / ".run" / "compose" / "secrets"

REPLICA_SET = "rs0"
BROKERS = ("broker",)
DATABASES = ("database",)


class Secrets:
    """The secrets in ``folder``."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def ensure(self) -> None:
        """Make what is missing, and write anew what follows from the rest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        if not self._is_there("token-private.pem"):
            key = Ed25519PrivateKey.generate()
            self.write(
                "token-private.pem",
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                ),
            )
            public = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            self.write("token-public.pem", public)
        for name, length in (("access-code.key", 32), ("webhook.key", 32), ("mongod.key", 256), ("erlang-cookie", 20)):
            if not self._is_there(name):
                self.write(name, random.token_hex(length).encode())
        if not self._is_there("organizer-password"):
            self.write("organizer-password", random.token_urlsafe(12).encode() + b"\n")
        for name in BROKER_USERS:
            if name != ACCOUNTS_ADMIN:
                self.write(f"amqp-uri-{name}", self.amqp_uri(name).encode())
        self.write("broker-admin-uri", self.broker_admin_uri().encode())
        for name in DATABASE_USERS:
            self.write(f"mongo-uri-{name}", self.mongo_uri(name).encode())
        self.write("database-passwords.json", json.dumps(self.database_passwords()).encode())
        # Hashes have new salt each time: only where they say something else is it another document.
        self.write("definitions.json", json.dumps(definitions(self.password), indent=1).encode())

    def password(self, account: str, part: str = "broker") -> str:
        """The password of an account at the broker or the database, made at the first call."""
        path = self.folder / f"password-{part}-{account}"
        if not path.exists():
            self.write(path.name, random.token_urlsafe(24).encode())
        return path.read_text(encoding="utf-8").strip()

    def database_passwords(self) -> dict[str, str]:
        """The passwords that the set-up of the database gives out."""
        return {name: self.password(name, "database") for name in (*DATABASE_USERS, ADMINISTRATOR)}

    def amqp_uri(self, account: str, host: str = "broker:5672") -> str:
        """Where ``account`` connects to the broker."""
        return f"amqp://{account}:{self.password(account)}@{host}/{VHOST}"

    def broker_admin_uri(self, host: str = "broker:15672") -> str:
        """Where other systems' accounts are made at the broker."""
        return f"http://{ACCOUNTS_ADMIN}:{self.password(ACCOUNTS_ADMIN)}@{host}"

    def mongo_uri(self, account: str, host: str = "database:27017", database: str | None = None) -> str:
        """Where ``account`` finds a database (its own, if no other is named)."""
        password = self.password(account, "database")
        options = f"replicaSet={REPLICA_SET}&authSource=admin"
        return f"mongodb://{account}:{password}@{host}/{database or account}?{options}"

    @property
    def organizer_password(self) -> str:
        """The organizer's password at the gateway."""
        return (self.folder / "organizer-password").read_text(encoding="utf-8").strip()

    def _is_there(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all, so that containers can read it."""
        path = self.folder / name
        draft = path.with_name(f".{name}.draft")
        draft.write_bytes(content)
        draft.chmod(0o444)
        draft.replace(path)


def main(arguments: list[str]) -> int:
    """Make the secrets."""
    secrets = Secrets(Path(arguments[0]) if arguments else FOLDER)
    secrets.ensure()
    print(f"secrets are in {secrets.folder}; the organizer's password is in {secrets.folder / 'organizer-password'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
