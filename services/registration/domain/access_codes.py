"""Access codes: what a participant types to get in, such as ``K7QF-2M9X-7TBD``.

A code is 60 bits of an HMAC (RFC 2104) of the participant's id, in Crockford's base 32 (no I, L, O, U, so that
it survives handwriting). It can be worked out again for a badge, so it is stored nowhere; what is stored is an
HMAC of the code, by which it is looked up. Whoever steals the database without the key gets no code from it.
"""

import hashlib
import hmac

from services.registration.domain.texts import mailbox

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 12
#: Bits of the names under which failed log-ins are counted: so many names that two seldom meet, and few enough to keep.
LANE_BITS = 20
_LOOK_ALIKE = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None, "–": None, "_": None})


class AccessCodes:
    """Codes under one secret key; another key makes other codes."""

    def __init__(self, key: bytes) -> None:
        if len(key) < 16:
            raise ValueError("the access code key needs at least 16 bytes")
        self._key = key

    def code(self, participant_id: str) -> str:
        """The code of a participant: the same every time."""
        digest = hmac.digest(self._key, b"access-code|" + participant_id.encode(), hashlib.sha256)
        number = int.from_bytes(digest, "big")
        symbols = "".join(ALPHABET[(number >> (5 * place)) & 31] for place in range(LENGTH))
        return "-".join(symbols[start : start + 4] for start in range(0, LENGTH, 4))

    def person_id(self, org: str, email: str) -> str | None:
        """The same opaque id for a mailbox in every program of ``org``, however it is written; None without one.

        Nobody without the key can tell whose it is, or whether it belongs to a given address.
        """
        if not email:
            return None
        named = b"person|" + org.encode() + b"|" + mailbox.canonical(email).encode()
        return hmac.digest(self._key, named, hashlib.sha256).hex()[:32]

    def team_id(self, program_id: str, team: str) -> str | None:
        """An opaque id for a team of one program; None without a team. It tells colleagues, and not whose they are."""
        if not team:
            return None
        named = b"team|" + program_id.encode() + b"|" + team.encode()
        return hmac.digest(self._key, named, hashlib.sha256).hex()[:32]

    def lane_name(self, whose: str) -> str:
        """What failed log-ins of an address, a device or an account are counted under: nobody can tell whose it is."""
        digest = hmac.digest(self._key, b"log-in-lane|" + whose.encode(), hashlib.sha256)
        return f"{int.from_bytes(digest, 'big') >> (256 - LANE_BITS):05x}"

    def fingerprint(self, code: str) -> str | None:
        """What a typed code is looked up by, however it was typed; None if it cannot be a code."""
        plain = code.strip().upper().translate(_LOOK_ALIKE)
        if len(plain) != LENGTH or not set(plain) <= set(ALPHABET):
            return None
        return hmac.new(self._key, b"fingerprint|" + plain.encode(), hashlib.sha256).hexdigest()
