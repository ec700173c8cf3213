"""nameko's consumer of requests and answers, on connections of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu import Connection
from nameko.messaging import QueueConsumer

from shared.messaging.connection import connection_to

#: Seconds before connecting anew, at first, how many more each time, and at the most.
FIRST, MORE, MOST = 0.2, 0.4, 2.0


class LimitedQueueConsumer(QueueConsumer):
    """Reads with limits for all waiting, and is back soon after the broker is.

    It publishes nothing, so that the broker never blocks its connection: acknowledgements get through an alarm.
    """

    #: Seconds between heartbeats; what is in the way of them for twice as long is taken for the loss of the other end.
    heartbeat = 10

    @property
    def connection(self) -> Connection:
        """The parameters of the connection, for kombu's mixin."""
        return connection_to(self.amqp_uri, f"{self.container.service_name} rpc", heartbeat=self.heartbeat)

    @contextmanager
    def establish_connection(self) -> Iterator[Any]:
        """Connect, as often as it takes."""
        with self.create_connection() as connection:
            connection.ensure_connection(
                self.on_connection_error, None, interval_start=FIRST, interval_step=MORE, interval_max=MOST
            )
            yield connection
