"""The relay: carries committed events from the outbox to the bus, and marks what the broker confirmed.

One replica of a service relays at a time, by lease. It wakes at once when its own process commits, and by a
change stream when another replica does. A crash anywhere repeats events at most; consumers dedupe.
"""

from contextlib import suppress
from threading import Event as Flag
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from shared.clock import monotonic
from shared.events import CONTENT_TYPE
from shared.messaging.connection import LOST, backoff, connect
from shared.messaging.publisher import ConfirmedPublisher, Outcome, Outgoing
from shared.messaging.topology import EVENTS, declare, is_expected
from shared.observability.metrics import OUTBOX_PUBLISHED, OUTBOX_UNROUTABLE
from shared.storage.lease import Lease
from shared.storage.outbox import Outbox, Pending

log = structlog.get_logger()

#: Events published before their confirmation is written down.
BATCH = 500
#: Seconds a relay holds its duty; another replica takes over this long after its death.
LEASE_SECONDS = 5.0
#: Seconds between two looks at what other replicas have committed.
WATCH_PAUSE = 0.02


class Relay:
    """Publishes the outbox of one service until stopped. :meth:`run` and :meth:`watch` want a thread each."""

    def __init__(self, outbox: Outbox, lease: Lease, amqp_uri: str, name: str) -> None:
        self._outbox = outbox
        self._lease = lease
        self._amqp_uri = amqp_uri
        self._name = name
        self._bell = Flag()
        self._stopping = Flag()
        self._held_until = 0.0
        #: Set when :meth:`run` has returned.
        self.ended = Flag()
        self.connected = False

    def ring(self) -> None:
        """Say that something was committed."""
        self._bell.set()

    def stop(self) -> None:
        """Ask both threads to end; what is not published stays in the outbox for the next relay."""
        self._stopping.set()
        self._bell.set()

    @property
    def leads(self) -> bool:
        """Whether this replica is the one that relays."""
        return monotonic() < self._held_until

    def run(self) -> None:
        """Relay until stopped, through losses of broker and database."""
        waits = backoff()
        while not self._stopping.is_set():
            try:
                with connect(self._amqp_uri, self._name) as connection:
                    declare(connection)
                    publisher = ConfirmedPublisher(connection)
                    self.connected = True
                    waits = backoff()
                    while not self._stopping.is_set():
                        self._turn(publisher, connection)
            except (*LOST, PyMongoError, TimeoutError) as error:
                pause = next(waits)
                log.warning("relay-interrupted", error=type(error).__name__, detail=str(error), retry_in=pause)
                self._stopping.wait(pause)
            finally:
                self.connected = False
        if self.leads:
            with suppress(PyMongoError):
                self._lease.release()
        self.ended.set()

    def watch(self) -> None:
        """Ring whenever a replica adds to the outbox, until stopped."""
        waits = backoff()
        pipeline: list[dict[str, Any]] = [{"$match": {"operationType": "insert"}}, {"$project": {"_id": 1}}]
        while not self._stopping.is_set():
            try:
                with self._outbox.events.watch(pipeline, max_await_time_ms=1000) as changes:
                    waits = backoff()
                    self.ring()
                    while not self._stopping.is_set():
                        if changes.try_next() is not None:
                            self.ring()
                            # Our own commits ring by themselves; of others' one ring serves all that come together.
                            self._stopping.wait(WATCH_PAUSE)
            except PyMongoError as error:
                pause = next(waits)
                log.warning("watch-interrupted", error=type(error).__name__, detail=str(error), retry_in=pause)
                self._stopping.wait(pause)

    def _turn(self, publisher: ConfirmedPublisher, connection: Any) -> None:
        """One round: keep the lease, publish what is there, then wait for the bell or the time to renew."""
        connection.heartbeat_check()
        now = monotonic()
        if now > self._held_until - LEASE_SECONDS / 2:
            if self._lease.acquire() is None:
                self._bell.wait(LEASE_SECONDS / 4)
                self._bell.clear()
                return
            # Counted from before the call: we may think that we lost it too early, never too late.
            self._held_until = now + LEASE_SECONDS
        self._bell.clear()
        pending = self._outbox.pending(BATCH)
        if not pending:
            self._bell.wait(LEASE_SECONDS / 4)
            return
        self._publish(publisher, pending)

    def _publish(self, publisher: ConfirmedPublisher, pending: list[Pending]) -> None:
        outcomes = publisher.publish([_outgoing(each) for each in pending])
        sent = []
        held_back = 0
        for event, outcome in zip(pending, outcomes, strict=True):
            if outcome is Outcome.CONFIRMED:
                sent.append(event.id)
            elif outcome is Outcome.RETURNED and not is_expected(event.type):
                # Nobody has subscribed to it, which is allowed: the state change stands in our database.
                OUTBOX_UNROUTABLE.inc()
                sent.append(event.id)
            else:
                held_back += 1
        if sent:
            self._outbox.mark_sent(sent)
            OUTBOX_PUBLISHED.inc(len(sent))
        if held_back:
            log.error("events-held-back", count=held_back, remedy="declare the topology; the relay tries again")
            raise TimeoutError(f"{held_back} events came back from the broker")


def _outgoing(event: Pending) -> Outgoing:
    return Outgoing(
        EVENTS,
        event.type,
        event.body,
        {
            "content_type": CONTENT_TYPE,
            "delivery_mode": 2,
            "message_id": event.id,
            "timestamp": int(event.time.timestamp()),
            "type": event.type,
        },
    )
