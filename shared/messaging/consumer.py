"""Consuming in batches: take what is there, commit once, acknowledge once.

The batch is whatever has already arrived, up to a limit: under load batches are large and cheap, and at low load
an event is handled the moment it comes.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event as Flag
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from shared.events import Event
from shared.messaging.batches import settle
from shared.messaging.connection import HEARTBEAT, LOST, NOTHING_CAME, backoff, connect, tend
from shared.messaging.delivery import Delivery
from shared.messaging.heartbeat import Pulse
from shared.messaging.publisher import ConfirmedPublisher, Outcome, Outgoing
from shared.messaging.topology import Subscription, declare
from shared.observability.metrics import BATCH_SECONDS
from shared.storage.mongo import is_passing

log = structlog.get_logger()

#: Of how many largest batches events may be under way to us.
PREFETCH = 2
#: Seconds for the broker to take what has failed; the connection that it came by is silent for so long.
SEND_SECONDS = 10.0
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

    @property
    def stopping(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopping.is_set()

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
                self._interrupted(error, pause)
                self._stopping.wait(pause)
            finally:
                self.consuming = False
                # What was in hand belongs to a channel that is gone: the broker delivers it again.
                self._arrived.clear()

    def _consume(self, connection: Any) -> None:
        amqp = connection.connection
        channel = amqp.channel()
        # Bodies are bytes: a content encoding that a stranger claims is not for us to try.
        channel.auto_decode = False
        channel.basic_qos(0, PREFETCH * self._subscription.batch, False)
        pulse = Pulse(amqp, HEARTBEAT / 4)
        try:
            tag = channel.basic_consume(self._subscription.queue, callback=self._on_message)
            self.consuming = True
            while not self._stopping.is_set():
                self._listen(amqp)
                amqp.heartbeat_tick()
                if self._arrived:
                    self._finish_batch(amqp, channel, pulse)
            # What is on its way comes before the broker's answer: nothing is sent to a channel that is closing.
            channel.basic_cancel(tag)
            channel.close()
        finally:
            pulse.close()

    def _listen(self, amqp: Any) -> None:
        """Wait for one message at the most :data:`LISTEN` seconds, then take all that has come with it."""
        with suppress(*NOTHING_CAME):
            if not self._arrived:
                amqp.drain_events(timeout=LISTEN)
            while len(self._arrived) < self._subscription.batch:
                amqp.drain_events(timeout=0.0005)

    def _on_message(self, message: Any) -> None:
        self._arrived.append(
            Delivery(
                tag=message.delivery_tag,
                body=bytes(message.body),
                properties=message.properties,
                headers=message.properties.get("application_headers") or {},
            )
        )

    def _finish_batch(self, amqp: Any, channel: Any, pulse: Pulse) -> None:
        limit = self._subscription.batch
        batch, self._arrived = self._arrived[:limit], self._arrived[limit:]
        started = time.perf_counter()
        outgoing = self._settle(batch, amqp, pulse)
        if outgoing is None:
            return
        if outgoing:
            self._send(outgoing, amqp)
        channel.basic_ack(batch[-1].tag, multiple=True)
        BATCH_SECONDS.labels(self._subscription.queue).observe(time.perf_counter() - started)

    def _send(self, outgoing: list[Outgoing], amqp: Any) -> None:
        """Publish what has failed, over a connection of its own.

        While the broker blocks it reads nothing from connections that publish, and would not hear of what is
        acknowledged. What has failed is held on to then: given back, it would count as delivered once more.
        """

        def patient() -> bool:
            tend(amqp)
            return not self._stopping.is_set()

        with connect(self._amqp_uri, f"{self._name} retries") as connection:
            outcomes = ConfirmedPublisher(connection).publish(outgoing, SEND_SECONDS, patient)
        if any(outcome is not Outcome.CONFIRMED for outcome in outcomes):
            raise ConnectionError("the broker did not take failed events; they will be delivered again")

    def _settle(self, batch: list[Delivery], amqp: Any, pulse: Pulse) -> list[Outgoing] | None:
        """Settle ``batch``; while the database is away hold on to it and try again. None: asked to stop meanwhile."""
        waits = backoff()
        while True:
            try:
                with pulse.beating():
                    return settle(batch, self._subscription, self._handle, is_passing)
            except Exception as error:
                if not is_passing(error):
                    raise
                pause = next(waits)
                self._interrupted(error, pause)
                self._stopping.wait(pause)
            if self._stopping.is_set():
                return None
            tend(amqp)

    def _interrupted(self, error: BaseException, pause: float) -> None:
        log.warning(
            "consumer-interrupted",
            queue=self._subscription.queue,
            error=type(error).__name__,
            detail=str(error)[:300],
            retry_in=pause,
        )
