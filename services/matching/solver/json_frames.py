"""Frames on a socket: a length (4 bytes, big-endian) and so many bytes of JSON."""

import socket
import struct
from typing import Any

import orjson

_LENGTH = struct.Struct(">I")


class Closed(Exception):
    """The other end is gone."""


def send(connection: socket.socket, document: Any) -> None:
    """Send one document."""
    body = orjson.dumps(document)
    try:
        connection.sendall(_LENGTH.pack(len(body)) + body)
    except OSError as error:
        raise Closed from error


def receive(connection: socket.socket) -> Any:
    """Wait for one document."""
    (length,) = _LENGTH.unpack(_read(connection, _LENGTH.size))
    return orjson.loads(_read(connection, length))


def _read(connection: socket.socket, length: int) -> bytes:
    buffer = bytearray(length)
    view, at = memoryview(buffer), 0
    while at < length:
        try:
            count = connection.recv_into(view[at:])
        except OSError as error:
            raise Closed from error
        if not count:
            raise Closed
        at += count
    return bytes(buffer)
