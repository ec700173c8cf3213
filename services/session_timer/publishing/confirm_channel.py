"""One channel to the broker on which bells are sent in one go, and confirmed by the broker afterwards."""

import socket
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

from kombu import Connection

from services.session_timer.publishing.amqp_frames import FrameEncoder

CHUNK = 128 * 1024
"""Bytes given to the socket at once; between two chunks others in the process get their turn."""


class ConfirmChannel:
    """One confirming channel. One thread sends, another one (:meth:`listen`) hears the confirms."""

    def __init__(self, connection: Connection, confirmed: Callable[[Any], None]) -> None:
        self._amqp = connection.connection
        self._channel = self._amqp.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._confirmed = confirmed
        self._writing = Lock()
        self._unconfirmed: dict[int, Any] = {}
        self._sent = 0
        self._lowest = 1
        self.encoder = FrameEncoder(self._channel.channel_id, self._amqp.frame_max)

    def send(self, parts: Iterable[tuple[Any, bytes, int]]) -> None:
        """Publish ``parts`` (a batch, bytes of its, and how many events are in them).

        ``confirmed(batch)`` is called for each event that the broker has.

        Raises:
            OSError: the connection is lost; some may be published.
        """
        with self._writing:
            data = []
            for batch, frames, count in parts:
                data.append(frames)
                self._unconfirmed.update(dict.fromkeys(range(self._sent + 1, self._sent + count + 1), batch))
                self._sent += count
            whole = b"".join(data)
            for start in range(0, len(whole), CHUNK):
                self._amqp.transport.write(whole[start : start + CHUNK])

    @property
    def in_flight(self) -> int:
        """How many events have been sent and are not confirmed yet."""
        return len(self._unconfirmed)

    def listen(self, seconds: float) -> None:
        """Hear the broker for at most that long, and keep the connection alive.

        Raises:
            OSError, amqp.exceptions.AMQPError: the connection is lost, or the broker refused a bell.
        """
        with self._writing:
            self._amqp.heartbeat_tick()
        try:
            self._amqp.drain_events(timeout=seconds)
        except (TimeoutError, socket.timeout):  # noqa: UP041 - eventlet's is its own type
            return

    def _on_ack(self, tag: int, multiple: bool) -> None:
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

    def _on_nack(self, tag: int, multiple: bool) -> None:
        raise ConnectionError("the broker refused a bell; it rings again on a new connection")
