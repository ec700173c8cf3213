"""Connections to the broker, and what their loss looks like."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from amqp.exceptions import AMQPError, RecoverableConnectionError
from kombu import Connection
from kombu.exceptions import OperationalError

#: Seconds between heartbeats: a broker that hangs is noticed within about two of them.
HEARTBEAT = 20

#: What tells that the connection or the broker is away: wait and connect anew.
LOST = (OSError, AMQPError, OperationalError, RecoverableConnectionError, ConnectionError, EOFError)


def connect(uri: str, name: str) -> Connection:
    """An open connection named ``name`` in the broker's list of connections."""
    connection = Connection(
        uri,
        heartbeat=HEARTBEAT,
        connect_timeout=5,
        ssl=encryption(uri),
        transport_options={"client_properties": {"connection_name": name}},
    )
    connection.connect()
    return connection


def encryption(uri: str) -> dict[str, Any] | None:
    """How a connection to ``uri`` is to be encrypted; None if it is not.

    The broker's certificate must be signed by an authority that the machine (or ``SSL_CERT_FILE``) trusts, and be for
    the host in ``uri``: without the name py-amqp would take any host's.
    """
    parts = urlsplit(uri)
    if parts.scheme != "amqps":
        return None
    return {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname}


#: What py-amqp raises when nothing has come in time; eventlet's is its own type.
NOTHING_CAME = (TimeoutError, socket.timeout)


def tend(amqp: Any, seconds: float = 0.0005) -> None:
    """Send a heartbeat if one is due, and have what has come, or comes within ``seconds``, dispatched.

    A connection on which nobody reads counts as dead after two heartbeats, and its loss goes unseen.
    ``amqp`` is the transport's connection (``Connection.connection`` of kombu, which would reconnect by itself).

    Raises:
        OSError, amqp.exceptions.AMQPError: the connection is lost.
    """
    amqp.heartbeat_tick()
    with suppress(*NOTHING_CAME):
        amqp.drain_events(timeout=seconds)


def backoff(first: float = 0.1, most: float = 5.0) -> Iterator[float]:
    """Seconds to wait before each further try to connect: doubling, up to ``most``."""
    seconds = first
    while True:
        yield seconds
        seconds = min(most, seconds * 2)
