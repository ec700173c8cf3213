"""Consuming in batches: take what is there, commit once, acknowledge once.

The batch is whatever has already arrived, up to a limit: under load batches are large and cheap, and at low load
an event is handled the moment it comes.
"""

import socket
import time
from collections.abc import Callable
from threading import Event as Flag
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from shared.events import Event
from shared.messaging.batches import settle
from shared.messaging.connection import LOST, backoff, connect
from shared.messaging.delivery import Delivery
from shared.messaging.publisher import ConfirmedPublisher, Outcome
from shared.messaging.topology import Subscription, declare
from shared.observability.metrics import BATCH_SECONDS
from shared.storage.mongo import is_passing

log = structlog.get_logger()

#: The largest batch, and how many events the broker may have under way to us.
BATCH = 300
PREFETCH = 2 * BATCH
#: Seconds to listen before looking whether to stop and whether the connection lives.
LISTEN = 1.0


class QueueConsumer:
    """Consumes one queue until stopped, through losses of broker and database.

    ``handle`` commits the effect of a list of events in one transaction, or raises and has none. An event is
    acknowledged after its effect is committed, or after it is safe in a retry or dead-letter queue.
    """

    def __init__(
        self,
        subscription: Subscription,
        handle: Callable[[list[Event]], None],
        amqp_uri: str,
        name: str,
    ) -> None:
        self._subscription = subscription
        self._handle = handle
        self._amqp_uri = amqp_uri
        self._name = name
        self._stopping = Flag()
        self._arrived: list[Delivery] = []
        self.consuming = False

    def stop(self) -> None:
        """Ask :meth:`run` to end after the batch in hand; what is not begun goes back to the queue."""
        self._stopping.set()

    def run(self) -> None:
        """Consume until stopped."""
        waits = backoff()
        while not self._stopping.is_set():
            try:
                with connect(self._amqp_uri, self._name) as connection:
                    declare(connection)
                    waits = backoff()
                    self._consume(connection)
            except (*LOST, PyMongoError) as error:
                pause = next(waits)
                log.warning(
                    "consumer-interrupted",
                    queue=self._subscription.queue,
                    error=type(error).__name__,
                    detail=str(error)[:300],
                    retry_in=pause,
                )
                self._stopping.wait(pause)
            finally:
                self.consuming = False
                # What was in hand belongs to a channel that is gone: the broker delivers it again.
                self._arrived.clear()

    def _consume(self, connection: Any) -> None:
        amqp = connection.connection
        channel = amqp.channel()
        channel.basic_qos(0, PREFETCH, False)
        publisher = ConfirmedPublisher(connection)
        channel.basic_consume(self._subscription.queue, callback=self._on_message)
        self.consuming = True
        while not self._stopping.is_set():
            connection.heartbeat_check()
            self._listen(amqp)
            if self._arrived:
                self._finish_batch(channel, publisher)
        channel.close()

    def _listen(self, amqp: Any) -> None:
        """Wait for one message at the most :data:`LISTEN` seconds, then take all that has come with it."""
        try:
            if not self._arrived:
                amqp.drain_events(timeout=LISTEN)
            while len(self._arrived) < BATCH:
                amqp.drain_events(timeout=0.0005)
        except (TimeoutError, socket.timeout):  # noqa: UP041 - eventlet's is its own type
            pass

    def _on_message(self, message: Any) -> None:
        body = message.body
        self._arrived.append(
            Delivery(
                tag=message.delivery_tag,
                body=body.encode() if isinstance(body, str) else bytes(body),
                properties=message.properties,
                headers=message.properties.get("application_headers") or {},
            )
        )

    def _finish_batch(self, channel: Any, publisher: ConfirmedPublisher) -> None:
        batch, self._arrived = self._arrived, []
        started = time.perf_counter()
        outgoing = settle(batch, self._subscription, self._handle, is_passing)
        if outgoing:
            outcomes = publisher.publish(outgoing)
            if any(outcome is not Outcome.CONFIRMED for outcome in outcomes):
                raise ConnectionError("the broker did not take failed events; they will be delivered again")
        channel.basic_ack(batch[-1].tag, multiple=True)
        BATCH_SECONDS.labels(self._subscription.queue).observe(time.perf_counter() - started)
