"""Connections to the broker, and what their loss looks like.

Every one of them waits for a limited time only, whatever is at its other end: a broker that blocks it, one that hangs,
a host that is gone without a word. And every one tells :data:`~shared.messaging.broker_state.BROKER` of being blocked.
"""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from amqp import spec
from amqp.exceptions import AMQPError, RecoverableConnectionError
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.transport import pyamqp

from shared.clock import monotonic
from shared.messaging.broker_state import BROKER

#: Seconds between heartbeats: a broker that hangs is noticed within about two of them.
HEARTBEAT = 20
#: Seconds to connect, for each step of it.
CONNECT_SECONDS = 5.0
#: Seconds that a write, or a read without a limit of its own, waits for the other end.
SOCKET_SECONDS = 10.0
#: Seconds for the broker to agree to the end of a connection.
CLOSE_SECONDS = 2.0

#: What the kernel watches over. py-amqp's own limit for what is not acknowledged is one second: a network that loses
#: every fourth packet would break connections all the time.
_SOCKET_SETTINGS = {
    socket.TCP_NODELAY: 1,
    socket.TCP_USER_TIMEOUT: int(SOCKET_SECONDS * 1000),
    socket.TCP_KEEPIDLE: 10,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 3,
}

#: What tells that the connection or the broker is away: wait and connect anew.
LOST = (OSError, AMQPError, OperationalError, RecoverableConnectionError, ConnectionError, EOFError)


class LimitedConnection(pyamqp.Connection):
    """py-amqp's connection, with limits for all waiting and an ear for being blocked."""

    # py-amqp does not read the reason that the broker gives for blocking.
    _METHODS = {  # noqa: RUF012 - as the base has it
        **pyamqp.Connection._METHODS,
        spec.Connection.Blocked: spec.method(spec.Connection.Blocked, "s"),
    }

    #: Whether the broker has stopped reading from this connection.
    is_blocked = False

    def connect(self, callback: Any = None) -> Any:
        """Connect, and have every wait from now on end."""
        answer = super().connect(callback)
        # With real sockets and with eventlet's, whose sockets SO_SNDTIMEO does nothing for.
        self.sock.settimeout(SOCKET_SECONDS)
        return answer

    def close(self, *_args: Any, **_kwargs: Any) -> None:
        """End the connection, politely if the other end is so within :data:`CLOSE_SECONDS`."""
        deadline = monotonic() + CLOSE_SECONDS
        try:
            # A broker that blocks does not read the request for an end.
            if self.connected and not self.is_blocked:
                self.is_closing = True
                self.sock.settimeout(CLOSE_SECONDS)
                self.send_method(spec.Connection.Close, "BsBB", (0, "", 0, 0))
                while self.connected and (left := deadline - monotonic()) > 0:
                    self.drain_events(timeout=left)
        except (*LOST, AttributeError):
            # What is in the way of a polite end ends it as well.
            pass
        finally:
            self.is_closing = False
            self.abort()

    def abort(self) -> None:
        """End the connection at once by a reset: what the broker has not taken by now it never takes.

        An ordinary end of the socket would leave what was written into a blocked connection to be carried out later.
        """
        self._hang_up(reset=True)

    def _on_close_ok(self) -> None:
        # py-amqp would wait for the other end to agree to the end of the encryption, too.
        self._hang_up(reset=False)

    def _hang_up(self, reset: bool) -> None:
        transport = self._transport
        if transport is not None and transport.sock is not None:
            sock, transport.sock, transport.connected = transport.sock, None, False
            if reset:
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with suppress(OSError):
                sock.close()
        self.collect()

    def _on_blocked(self, reason: str = "") -> None:
        self.is_blocked = True
        BROKER.blocked(reason)
        if self.on_blocked is not None:
            self.on_blocked(reason)

    def _on_unblocked(self) -> None:
        self.is_blocked = False
        BROKER.unblocked()
        if self.on_unblocked is not None:
            self.on_unblocked()


class _Transport(pyamqp.Transport):
    Connection = LimitedConnection


def connection_to(uri: str, name: str, seconds: float = CONNECT_SECONDS, heartbeat: float = HEARTBEAT) -> Connection:
    """A connection named ``name`` in the broker's list of connections, not open yet.

    Each step of opening it may take ``seconds``.
    """
    return Connection(
        uri,
        transport=_Transport,
        heartbeat=heartbeat,
        connect_timeout=seconds,
        ssl=encryption(uri),
        transport_options={"client_properties": {"connection_name": name}, "socket_settings": _SOCKET_SETTINGS},
    )


def connect(uri: str, name: str, seconds: float = CONNECT_SECONDS, heartbeat: float = HEARTBEAT) -> Connection:
    """An open connection named ``name`` in the broker's list of connections; see :func:`connection_to`."""
    connection = connection_to(uri, name, seconds, heartbeat)
    # Once: kombu's own `connect` would wait for two seconds and try again.
    connection.ensure_connection(max_retries=0, reraise_as_library_errors=False)
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
    """Have what has come, or comes within ``seconds``, dispatched, and send a heartbeat if one is due.

    A connection on which nobody reads counts as dead after two heartbeats, and its loss goes unseen.
    ``amqp`` is the transport's connection (``Connection.connection`` of kombu, which would reconnect by itself).

    Raises:
        OSError, amqp.exceptions.AMQPError: the connection is lost.
    """
    # First hear: what has come while nobody read are signs of life that the tick counts.
    with suppress(*NOTHING_CAME):
        amqp.drain_events(timeout=seconds)
    amqp.heartbeat_tick()


def backoff(first: float = 0.1, most: float = 5.0) -> Iterator[float]:
    """Seconds to wait before each further try to connect: doubling, up to ``most``."""
    seconds = first
    while True:
        yield seconds
        seconds = min(most, seconds * 2)
