"""An outside consumer that measures: it reads the socket, notes when, and works out what came only afterwards.

A consumer that decodes each message as it comes is itself late when thousands come at once. This one takes the time
of every read and parses AMQP's frames when nothing has come for a while. It knows nothing of the product but the
exchange, the event types it wants and the field ``scheduled_at``.

``python -m bench.outside``: reads one JSON object with the AMQP URI and event types from standard input, says
``ready``, then takes requests ``{"expected": n, "after": t, "until": t}`` (wall seconds) and answers each with
the arrivals.
"""

import json
import selectors
import struct
import sys
import time
from typing import Any

from kombu import Connection

EXCHANGE = "speedmentor.events"
QUIET = 0.4
"""Seconds without a byte after which there is time to look at what has come."""

_METHOD, _HEADER, _BODY = 1, 2, 3
_DELIVER = struct.pack(">HH", 60, 60)


class Tape:
    """What came over the socket, each read with its time, and the messages found in it."""

    def __init__(self) -> None:
        self._reads: list[tuple[float, bytes]] = []
        self._left = b""
        self._body = bytearray()
        self._missing = 0
        self.arrived: list[tuple[float, bytes]] = []

    def add(self, at: float, data: bytes) -> None:
        """Note what one read gave."""
        self._reads.append((at, data))

    def parse(self) -> None:
        """Find the messages; one has arrived with the read that brought its last byte."""
        for at, data in self._reads:
            self._left += data
            offset = 0
            while len(self._left) - offset >= 8:
                kind, _, size = struct.unpack_from(">BHI", self._left, offset)
                if len(self._left) - offset < size + 8:
                    break
                self._frame(at, kind, self._left[offset + 7 : offset + 7 + size])
                offset += size + 8
            self._left = self._left[offset:]
        self._reads.clear()

    def _frame(self, at: float, kind: int, payload: bytes) -> None:
        if kind == _HEADER:
            (self._missing,) = struct.unpack_from(">Q", payload, 4)
            self._body.clear()
        elif kind == _BODY:
            self._body += payload
            self._missing -= len(payload)
            if self._missing == 0:
                self.arrived.append((at, bytes(self._body)))
        elif kind == _METHOD and not payload.startswith(_DELIVER):
            raise ConnectionError(f"the broker said {payload[:4]!r} to a consumer that measures")


def listen(amqp_uri: str, types: list[str]) -> None:
    """Serve requests on standard input until it ends."""
    connection = Connection(amqp_uri, heartbeat=0)
    connection.connect()
    channel = connection.connection.channel()
    queue = channel.queue_declare("", exclusive=True).queue
    for each in types:
        channel.queue_bind(queue, EXCHANGE, each)
    channel.basic_consume(queue, no_ack=True)
    sock = connection.connection.transport.sock
    sock.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(sock, selectors.EVENT_READ)
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        arrived = _record(sock, selector, request["expected"], request["after"], request["until"])
        print(json.dumps([[at, json.loads(body)] for at, body in arrived]), flush=True)


def _record(sock: Any, selector: Any, expected: int, after: float, until: float) -> list[tuple[float, bytes]]:
    tape = Tape()
    while time.time() < until:
        if selector.select(QUIET):
            data = sock.recv(1 << 18)
            tape.add(time.time(), data)
            if not data:
                raise ConnectionError("the broker closed the connection")
            continue
        tape.parse()
        if len(tape.arrived) >= expected and time.time() > after:
            break
    tape.parse()
    return tape.arrived


if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    listen(given["amqp_uri"], given["types"])
