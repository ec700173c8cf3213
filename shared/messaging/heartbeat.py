"""Keeping a connection alive while its own thread is busy with something else.

A handler may wait for the database longer than the broker waits for a sign of life. Were the connection closed
then, all it holds would be delivered anew, which the broker counts: after :data:`~shared.messaging.topology.\
DELIVERY_LIMIT` times it would give events up that nothing is wrong with.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

from shared.messaging.connection import LOST


class Pulse:
    """Sends heartbeats on ``amqp`` every ``seconds`` while :meth:`beating`; to be closed with the connection."""

    def __init__(self, amqp: Any, seconds: float) -> None:
        self._amqp = amqp
        self._seconds = seconds
        self._lock = Lock()
        self._busy = False
        self._closed = Flag()
        self._thread = Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    @contextmanager
    def beating(self) -> Iterator[None]:
        """The owner does not touch the connection meanwhile, so that nobody writes between its frames."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
            # A heartbeat on its way is let out whole.
            with self._lock:
                pass

    def close(self) -> None:
        """Beat no more."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(self._seconds):
            with self._lock:
                if self._busy:
                    try:
                        self._amqp.send_heartbeat()
                    except LOST:
                        # The owner finds out by itself.
                        return
