"""Connections to the broker, and what their loss looks like."""

from collections.abc import Iterator

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
        transport_options={"client_properties": {"connection_name": name}},
    )
    connection.connect()
    return connection


def backoff(first: float = 0.1, most: float = 5.0) -> Iterator[float]:
    """Seconds to wait before each further try to connect: doubling, up to ``most``."""
    seconds = first
    while True:
        yield seconds
        seconds = min(most, seconds * 2)
