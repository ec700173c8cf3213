"""Signatures of webhooks, so that a receiver can tell our requests from anybody else's.

Source: Standard Webhooks 1.0.0, "Signature scheme" (HMAC-SHA256, identifier ``v1``).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

PREFIX: Final = "whsec_"
#: Bytes that a secret may have by the specification, and that ours have.
SHORTEST_SECRET, LONGEST_SECRET, OUR_SECRET = 24, 64, 32
#: For how long the secret before still signs beside the new one, so that a receiver has time to take the new one.
OLD_SECRET_SIGNS: Final = timedelta(hours=24)


@dataclass(frozen=True)
class Secret:
    """A secret as it is told to the receiver (``whsec_…``), and until when it signs; None while it is the newest."""

    text: str
    until: datetime | None = None


def secret_from(raw: bytes) -> str:
    """``raw`` (24 to 64 random bytes) as receivers are given it.

    Raises:
        ValueError: there are too few or too many.
    """
    if not SHORTEST_SECRET <= len(raw) <= LONGEST_SECRET:
        raise ValueError(f"a secret has {SHORTEST_SECRET} to {LONGEST_SECRET} bytes")
    return PREFIX + base64.b64encode(raw).decode()


def raw_secret(text: str) -> bytes:
    """The inverse of :func:`secret_from`.

    Raises:
        ValueError: it is no such text.
    """
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if not text.startswith(PREFIX) or not SHORTEST_SECRET <= len(raw) <= LONGEST_SECRET:
        raise ValueError(f"expected {PREFIX} and base64 of {SHORTEST_SECRET} to {LONGEST_SECRET} bytes")
    return raw


def rotated(secrets: Sequence[Secret], new: str, now: datetime) -> tuple[Secret, ...]:
    """``secrets`` with ``new`` as the newest; the one before signs on for :data:`OLD_SECRET_SIGNS`, older ones never.

    Rotated twice in a short time, the first secret ends at once: it is the one that is feared to be known.
    """
    newest = [each for each in secrets if each.until is None]
    return (Secret(new), *(Secret(each.text, now + OLD_SECRET_SIGNS) for each in newest[:1]))


def valid(secrets: Sequence[Secret], now: datetime) -> tuple[Secret, ...]:
    """Those that sign at ``now``, the newest first."""
    return tuple(each for each in secrets if each.until is None or now < each.until)


def headers(secrets: Sequence[Secret], message_id: str, sent_at: datetime, body: bytes) -> Mapping[str, str]:
    """The three headers of a request that carries ``body`` and is sent at ``sent_at`` (aware).

    There is a signature for each secret that is valid then.

    Raises:
        ValueError: the id has a full stop, which separates the parts of what is signed, or ``sent_at`` has no offset.
    """
    if "." in message_id or sent_at.tzinfo is None:
        raise ValueError("an id without a full stop and a time with an offset are needed")
    seconds = int(sent_at.timestamp())
    signed = f"{message_id}.{seconds}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_signature(raw_secret(each.text), signed) for each in valid(secrets, sent_at)),
    }


def _signature(secret: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
