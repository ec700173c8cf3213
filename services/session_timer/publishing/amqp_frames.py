"""The AMQP frames that publish bells, made ahead.

Making an AMQP message costs many times what sending it does, so for what is due soon the bytes are ready and only
the time of ringing is filled in. py-amqp makes the frames; it only does so into memory.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from amqp import Message, spec
from amqp.method_framing import frame_writer
from amqp.serialization import dumps

from shared.events import CONTENT_TYPE, Event, encode, write_time
from shared.messaging.topology import EVENTS, RPC_EXCHANGE

PROBE = "probe"
"""No queue is bound by it, so the broker drops a probe and confirms that; every service may write to the exchange."""
TIME_PLACEHOLDER = datetime(1, 1, 1, tzinfo=UTC)
"""Stands in prepared frames where the time of ringing goes."""


@dataclass(frozen=True, slots=True)
class Frames:
    """The bytes that publish ``count`` events, but for the time of ringing; ``second`` is what they say of it."""

    data: bytes
    count: int
    second: int

    def at(self, now: datetime) -> bytes:
        """The bytes with the time of ringing filled in."""
        data = self.data.replace(_PLACEHOLDER, write_time(now).encode())
        second = int(now.timestamp())
        if second != self.second:
            data = data.replace(_timestamp(self.second), _timestamp(second))
        return data


_PLACEHOLDER = write_time(TIME_PLACEHOLDER).encode()


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


class FrameEncoder:
    """Makes frames for one channel of a connection."""

    def __init__(self, channel: int, frame_max: int) -> None:
        self._channel = channel
        self._memory = _Memory(frame_max)
        self._write = frame_writer(self._memory, self._memory)

    def frames(self, events: Iterable[Event], due_at: datetime) -> Frames:
        """The frames of ``basic.publish`` for ``events``, whose time may be :data:`TIME_PLACEHOLDER`."""
        count = 0
        for event in events:
            count += 1
            message = Message(
                encode(event),
                content_type=CONTENT_TYPE,
                delivery_mode=2,
                message_id=event.id,
                timestamp=int((due_at if event.time == TIME_PLACEHOLDER else event.time).timestamp()),
                type=event.type,
            )
            self._publish(EVENTS, event.type, message)
        return Frames(self._taken(), count, int(due_at.timestamp()))

    def probe(self) -> bytes:
        """The frames of a message that nobody gets: that it is confirmed tells that the broker takes messages."""
        self._publish(RPC_EXCHANGE, PROBE, Message(b"", delivery_mode=1))
        return self._taken()

    def _publish(self, exchange: str, routing_key: str, message: Message) -> None:
        arguments = dumps("Bssbb", (0, exchange, routing_key, False, False))
        self._write(1, self._channel, spec.Basic.Publish, arguments, message)

    def _taken(self) -> bytes:
        data = bytes(self._memory.written)
        self._memory.written.clear()
        return data
