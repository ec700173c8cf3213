"""Free ports on the loopback interface.

They are taken from below the range that the system gives to outgoing connections: a port that is only reserved,
for a service that starts later, cannot be lost to some client in between.
"""

import hashlib
import socket
from collections.abc import Container

FIRST = 18_000
LAST = 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether somebody listens on ``port``."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def choose(owner: str, taken: Container[int] = ()) -> int:
    """A free port that is not ``taken``; each ``owner`` begins to look at another place."""
    offset = int.from_bytes(hashlib.sha256(owner.encode()).digest()[:4])
    for step in range(LAST - FIRST):
        port = FIRST + (offset + step) % (LAST - FIRST)
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port between {FIRST} and {LAST}")
