"""Server-sent events as bytes (WHATWG HTML, 9.2: one event ends with an empty line)."""

from itertools import count
from typing import Any

import orjson

from shared.ids import new_id

#: Keeps proxies from closing a quiet stream, and finds the dead ones. An event and no comment: scripts hear nothing of
#: comments, and a screen whose connection died without a word could not tell that from a quiet one.
HEARTBEAT = b"event: still-here\ndata: {}\n\n"
#: Milliseconds after which a browser connects anew.
RETRY = b"retry: 1000\n\n"


class Frames:
    """Numbers the events of one replica, so that every one has an id of its own."""

    def __init__(self) -> None:
        self._replica = new_id()[-12:]
        self._numbers = count(1)

    def frame(self, name: str, data: Any) -> bytes:
        """One event called ``name`` with ``data`` as JSON."""
        number = next(self._numbers)
        # JSON has no line breaks of its own, so one data line holds it.
        return b"event: %b\nid: %b-%d\ndata: %b\n\n" % (
            name.encode(),
            self._replica.encode(),
            number,
            orjson.dumps(data),
        )
