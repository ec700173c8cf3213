"""One channel to the broker on which bells are sent in one go, and confirmed by the broker afterwards."""

import socket
from collections import deque
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from kombu import Connection

from services.session_timer.publishing.amqp_frames import FrameEncoder
from shared.clock import monotonic

CHUNK = 128 * 1024
"""Bytes given to the socket at once; between two chunks others in the process get their turn."""
PROBE_SECONDS = 0.25
"""Real seconds after the sending of what was confirmed last before a probe is sent."""
SILENCE_SECONDS = 1.0
"""Real seconds after the sending of what was confirmed last before the broker counts as one that takes nothing. What
waits that long to be taken is late in any case."""


class ConfirmChannel:
    """One confirming channel. One thread sends, another one (:meth:`listen`) hears the confirms."""

    def __init__(self, connection: Connection, confirmed: Callable[[Any], None]) -> None:
        self._amqp = connection.connection
        self._amqp.on_blocked = self._on_blocked
        self._amqp.on_unblocked = self._on_unblocked
        self._is_blocked = False
        self._channel = self._amqp.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._confirmed = confirmed
        self._writing = Lock()
        self._unconfirmed: dict[int, Any] = {}
        self._sent = 0
        self._lowest = 1
        #: What was sent of which nothing is confirmed: from which tag on, and when (monotonic).
        self._sendings: deque[tuple[int, float]] = deque()
        #: When what was confirmed last had been sent (monotonic).
        self._taken_at = float("-inf")
        self.encoder = FrameEncoder(self._channel.channel_id, self._amqp.frame_max)
        self._probe = self.encoder.probe()
        self._probe_tag: int | None = None

    def send(self, parts: Iterable[tuple[Any, bytes, int]]) -> None:
        """Publish ``parts`` (a batch, bytes of its, and how many events are in them).

        ``confirmed(batch)`` is called for each event that the broker has.

        Raises:
            OSError: the connection is lost; some may be published.
        """
        with self._writing:
            data = []
            first = self._sent + 1
            for batch, frames, count in parts:
                data.append(frames)
                self._unconfirmed.update(dict.fromkeys(range(self._sent + 1, self._sent + count + 1), batch))
                self._sent += count
            if self._sent >= first:
                self._write(first, b"".join(data))

    def probe(self) -> None:
        """Send a probe if nothing was confirmed for a while, by which to know whether the broker takes messages.

        A bell would not do: the queue of one listener that confirms nothing leaves all bells unconfirmed.

        Raises:
            OSError: the connection is lost.
        """
        if self._probe_tag is not None or monotonic() - self._taken_at < PROBE_SECONDS:
            return
        if self._writing.acquire(blocking=False):
            try:
                self._sent += 1
                self._probe_tag = self._sent
                self._write(self._sent, self._probe)
            finally:
                self._writing.release()

    @property
    def takes(self) -> bool:
        """Whether the broker takes what is sent, as far as is known: it has confirmed what was sent a moment ago.

        One that is short of memory or disk, hangs, or cannot be reached does not read: what is sent to it now is taken
        at some time later, or never.
        """
        return not self._is_blocked and monotonic() - self._taken_at < SILENCE_SECONDS

    def _write(self, first: int, data: bytes) -> None:
        self._sendings.append((first, monotonic()))
        for start in range(0, len(data), CHUNK):
            self._amqp.transport.write(data[start : start + CHUNK])

    @property
    def in_flight(self) -> int:
        """How many events have been sent and are not confirmed yet."""
        return len(self._unconfirmed)

    def listen(self, seconds: float) -> None:
        """Hear the broker for at most that long, and keep the connection alive.

        Raises:
            OSError, amqp.exceptions.AMQPError: the connection is lost, or the broker refused a bell.
        """
        # Somebody may be writing for long, to a broker that does not read; that it answers is heard all the same.
        if self._writing.acquire(blocking=False):
            try:
                self._amqp.heartbeat_tick()
            finally:
                self._writing.release()
        try:
            self._amqp.drain_events(timeout=seconds)
        except (TimeoutError, socket.timeout):  # noqa: UP041 - eventlet's is its own type
            return

    def _on_ack(self, tag: int, multiple: bool) -> None:
        # Not always in the order of sending; but what was sent before has been read as well.
        while self._sendings and self._sendings[0][0] <= tag:
            self._taken_at = self._sendings.popleft()[1]
        if self._probe_tag is not None and self._probe_tag <= tag:
            self._probe_tag = None
        if not multiple:
            self._answered(tag)
            return
        for each in range(self._lowest, tag + 1):
            self._answered(each)
        self._lowest = tag + 1

    def _answered(self, tag: int) -> None:
        batch = self._unconfirmed.pop(tag, None)
        if batch is not None:
            self._confirmed(batch)

    def _on_blocked(self, _reason: str) -> None:
        self._is_blocked = True

    def _on_unblocked(self) -> None:
        self._is_blocked = False

    def _on_nack(self, tag: int, multiple: bool) -> None:
        raise ConnectionError("the broker refused a bell; it rings again on a new connection")
