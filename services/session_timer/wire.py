"""The way of a bell to the broker: frames made ahead, sent in one go, confirmed by the broker afterwards.

Making an AMQP message costs many times what sending it does, so for what is due soon the bytes are ready and only
the time of ringing is filled in. py-amqp makes the frames; it only does so into memory first.
"""

import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from amqp import Message, spec
from amqp.method_framing import frame_writer
from amqp.serialization import dumps
from kombu import Connection

from shared.events import CONTENT_TYPE, Event, encode, write_time
from shared.messaging.topology import EVENTS

UNWRITTEN = datetime(1, 1, 1, tzinfo=UTC)
"""Stands in prepared frames where the time of ringing goes."""

CHUNK = 128 * 1024
"""Bytes given to the socket at once; between two chunks others in the process get their turn."""


@dataclass(frozen=True, slots=True)
class Frames:
    """The bytes that publish ``count`` events, but for the time of ringing; ``second`` is what they say of it."""

    data: bytes
    count: int
    second: int

    def at(self, now: datetime) -> bytes:
        """The bytes with the time of ringing filled in."""
        data = self.data.replace(_UNWRITTEN, write_time(now).encode())
        second = int(now.timestamp())
        if second != self.second:
            data = data.replace(_timestamp(self.second), _timestamp(second))
        return data


_UNWRITTEN = write_time(UNWRITTEN).encode()


def _timestamp(second: int) -> bytes:
    """A time as AMQP's basic properties have it."""
    return struct.pack(">Q", second)


class _Memory:
    """What py-amqp takes for the broker's socket and connection while frames are made."""

    def __init__(self, frame_max: int) -> None:
        self.frame_max = frame_max
        self.bytes_sent = 0
        self.written = bytearray()

    def write(self, data: Any) -> None:
        self.written += data


class Press:
    """Makes frames for one channel of a connection."""

    def __init__(self, channel: int, frame_max: int) -> None:
        self._channel = channel
        self._memory = _Memory(frame_max)
        self._write = frame_writer(self._memory, self._memory)

    def frames(self, events: Iterable[Event], due_at: datetime) -> Frames:
        """The frames of ``basic.publish`` for ``events``, whose time may be :data:`UNWRITTEN`."""
        count = 0
        for event in events:
            count += 1
            message = Message(
                encode(event),
                content_type=CONTENT_TYPE,
                delivery_mode=2,
                message_id=event.id,
                timestamp=int((due_at if event.time == UNWRITTEN else event.time).timestamp()),
                type=event.type,
            )
            arguments = dumps("Bssbb", (0, EVENTS, event.type, False, False))
            self._write(1, self._channel, spec.Basic.Publish, arguments, message)
        data = bytes(self._memory.written)
        self._memory.written.clear()
        return Frames(data, count, int(due_at.timestamp()))


class Wire:
    """One confirming channel. One thread sends, another one (:meth:`listen`) hears the confirms."""

    def __init__(self, connection: Connection, confirmed: Callable[[Any], None]) -> None:
        self._amqp = connection.connection
        self._channel = self._amqp.channel()
        self._channel.confirm_select()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._confirmed = confirmed
        self._writing = Lock()
        self._open: dict[int, Any] = {}
        self._sent = 0
        self._lowest = 1
        self.press = Press(self._channel.channel_id, self._amqp.frame_max)

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
                self._open.update(dict.fromkeys(range(self._sent + 1, self._sent + count + 1), batch))
                self._sent += count
            whole = b"".join(data)
            for start in range(0, len(whole), CHUNK):
                self._amqp.transport.write(whole[start : start + CHUNK])

    @property
    def in_flight(self) -> int:
        """How many events have been sent and are not confirmed yet."""
        return len(self._open)

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
        batch = self._open.pop(tag, None)
        if batch is not None:
            self._confirmed(batch)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        raise ConnectionError("the broker refused a bell; it rings again on a new connection")
