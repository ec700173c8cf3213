"""Publishing single messages, each confirmed within a time of its own, over a few connections."""

from threading import BoundedSemaphore
from typing import Any

from shared.clock import monotonic
from shared.messaging.broker_state import BROKER
from shared.messaging.connection import LOST, NOTHING_CAME, connect
from shared.messaging.publisher import BrokerBlocks, ConfirmedPublisher, Outcome, Outgoing

#: Connections at the most; who finds them all in use waits, and opens none.
CONNECTIONS = 10
#: Seconds after which a connection that nobody used is not trusted any more: nobody has read on it meanwhile.
TRUSTED_SECONDS = 60.0


class PublisherPool:
    """Connections to ``amqp_uri`` that publish, each for one thread at a time.

    A connection on which anything went wrong, or took too long, is ended by a reset: a frame may be half written, an
    answer may still come, and what the broker has not read by then it is not to carry out later.
    """

    def __init__(self, amqp_uri: str, name: str, most: int = CONNECTIONS) -> None:
        self._amqp_uri = amqp_uri
        self._name = name
        self._places = BoundedSemaphore(most)
        #: (connection, publisher on it, when it was used last)
        self._idle: list[tuple[Any, ConfirmedPublisher, float]] = []

    def publish(self, message: Outgoing, seconds: float) -> Outcome:
        """Publish ``message`` and say what became of it, within ``seconds``.

        Raises:
            BrokerBlocks: the broker blocks; it has not taken the message.
            TimeoutError: it has not answered in time; it may have taken the message.
            OSError, amqp.exceptions.AMQPError: it is lost; it may have taken the message.
        """
        ends_at = monotonic() + seconds
        if not self._places.acquire(timeout=max(seconds, 0)):
            raise TimeoutError("all connections are in use")
        try:
            return self._publish(message, ends_at)
        finally:
            self._places.release()

    def close(self) -> None:
        """End the connections that nobody uses."""
        while self._idle:
            _end(self._idle.pop()[0])

    def _publish(self, message: Outgoing, ends_at: float) -> Outcome:
        while True:
            known = self._take_idle()
            amqp, publisher = known or self._open(ends_at)
            try:
                amqp.sock.settimeout(_left(ends_at))
                outcome = publisher.publish([message], _left(ends_at))[0]
            except BaseException as error:
                amqp.abort()
                # The broker may have been restarted since it was used last.
                if (
                    known is not None
                    and isinstance(error, LOST)
                    and not isinstance(error, (BrokerBlocks, *NOTHING_CAME))
                ):
                    continue
                raise
            self._idle.append((amqp, publisher, monotonic()))
            return outcome

    def _take_idle(self) -> tuple[Any, ConfirmedPublisher] | None:
        while self._idle:
            amqp, publisher, used_at = self._idle.pop()
            if monotonic() - used_at < TRUSTED_SECONDS:
                return amqp, publisher
            _end(amqp)
        return None

    def _open(self, ends_at: float) -> tuple[Any, ConfirmedPublisher]:
        # Without heartbeats: nobody would send them.
        connection = connect(self._amqp_uri, self._name, _left(ends_at), heartbeat=0)
        amqp = connection.connection
        try:
            amqp.sock.settimeout(_left(ends_at))
            return amqp, ConfirmedPublisher(connection)
        except BaseException:
            amqp.abort()
            raise


def _end(amqp: Any) -> None:
    """End a connection that nobody uses: as usual, or the broker would log a warning, but waiting for no answer."""
    if BROKER.takes:
        amqp.close()
    else:
        amqp.abort()


def _left(ends_at: float) -> float:
    """Seconds until ``ends_at``; never none, for which sockets do not wait at all."""
    return max(ends_at - monotonic(), 0.001)
