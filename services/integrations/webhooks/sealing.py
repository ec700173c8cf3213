"""Secrets as they are kept: encrypted by a key that is not in the database, since a signature needs them in the clear.

The key is a setting: one or more lines, each a key. The first encrypts, all decrypt; so a new key is put before the old
one, and secrets are sealed by it as they are rotated. Encrypted is with Fernet (https://github.com/fernet/spec).
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.integrations.domain.signing import Secret


class Seal:
    """Encrypts and decrypts secrets."""

    def __init__(self, keys: bytes) -> None:
        """Take the keys over.

        Raises:
            ValueError: there is none.
        """
        # Fernet's keys have 32 bytes; ours are random, of any form, so a digest of one is as good as it.
        digests = (hashlib.sha256(b"webhooks|" + each).digest() for each in keys.split())
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(each)) for each in digests])

    def closed(self, secrets: Sequence[Secret]) -> list[dict[str, Any]]:
        """``secrets`` as they are kept."""
        return [{"sealed": self._fernet.encrypt(each.text.encode()), "until": each.until} for each in secrets]

    def opened(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Secret, ...]:
        """The inverse of :meth:`closed`; one whose key is gone is left out, so that a rotation mends it."""
        return tuple(secret for row in rows if (secret := self._open(row)))

    def _open(self, row: Mapping[str, Any]) -> Secret | None:
        try:
            return Secret(self._fernet.decrypt(row["sealed"]).decode(), row["until"])
        except InvalidToken:
            return None
