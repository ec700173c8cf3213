"""The relay: carries committed events from the outbox to the bus, and marks what the broker confirmed.

One replica of a service relays at a time, by lease. It wakes at once when its own process commits, and by a
change stream when another replica does. A crash anywhere repeats events at most; consumers dedupe.

Between a commit and its event on the bus stand one read and one confirm: the lease is prolonged by a thread of its
own, and that an event was sent is written down later, for many at once and without waiting for the database's
journal. What is sent and not yet seen to be written down is remembered here; where a database that was killed has
lost what was written down, it is written again.
"""

from contextlib import suppress
from threading import Event as Flag
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from shared.clock import monotonic
from shared.events import CONTENT_TYPE
from shared.messaging.broker_state import BROKER
from shared.messaging.connection import LOST, backoff, connect, tend
from shared.messaging.publisher import ConfirmedPublisher, Outcome, Outgoing
from shared.messaging.topology import declare, exchange_of, is_expected
from shared.observability.metrics import OUTBOX_PUBLISHED, OUTBOX_UNROUTABLE
from shared.storage.lease import Lease
from shared.storage.outbox import WRITER, Outbox, Pending

log = structlog.get_logger()

#: Events published before their confirmation is written down.
BATCH = 500
#: Seconds a relay holds its duty; another replica takes over this long after its death. For so long the screens of a
#: site do not hear of a pause, so it is as short as a busy machine bears: a replica that is late to prolong it only
#: waits for its turn to have it again.
LEASE_SECONDS = 1.2
#: Seconds that the last events may take when the replica ends.
LAST_EVENTS = 5.0
#: Seconds between two looks at what other replicas have committed.
WATCH_PAUSE = 0.02
#: Seconds that events sent may wait to be written down as sent, together with others.
MARK_SECONDS = 0.05
#: Seconds after which an event that was written down as sent and is still shown as pending has lost that mark. A read
#: shows what is in the journal, so that for a moment it is always behind.
MARK_LOST = 5.0
#: Seconds between two looks at an idle connection: so soon its loss is seen.
IDLE = 0.5


class Relay:
    """Publishes the outbox of one service until stopped.

    :meth:`run`, :meth:`lead` and :meth:`watch` want a thread each.
    """

    def __init__(self, outbox: Outbox, lease: Lease, amqp_uri: str, name: str) -> None:
        self._outbox = outbox
        self._lease = lease
        self._amqp_uri = amqp_uri
        self._name = name
        self._wanted = Flag()
        self._stopping = Flag()
        self._held_until = 0.0
        #: Confirmed by the broker, and maybe still pending in what the database shows; and when that was written down.
        self._sent: dict[str, float] = {}
        #: Those of them that are not written down as sent yet, and when they are to be.
        self._unmarked: list[str] = []
        self._mark_at = 0.0
        #: When the connection is to be looked after, however busy the outbox is.
        self._tend_at = 0.0
        #: Set when :meth:`run` has returned.
        self.ended = Flag()
        #: Set when :meth:`lead` has returned.
        self.released = Flag()
        self.connected = False

    def wake(self) -> None:
        """Say that something was committed."""
        self._wanted.set()

    def stop(self) -> None:
        """Ask the threads to end; what is not published stays in the outbox for the next relay."""
        self._stopping.set()
        self._wanted.set()

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
                        self._turn(publisher, connection.connection)
                    # What the last calls have committed still goes out, if the broker takes it.
                    self._publish_pending(publisher)
                    self._mark()
            except (*LOST, PyMongoError, TimeoutError) as error:
                pause = next(waits)
                log.warning("relay-interrupted", error=type(error).__name__, detail=str(error), retry_in=pause)
                self._stopping.wait(pause)
            finally:
                self.connected = False
        self.ended.set()

    def lead(self) -> None:
        """Hold or seek the lease, until stopped; then give it up."""
        while not self._stopping.is_set():
            self._prolong()
            self._stopping.wait(LEASE_SECONDS / 4)
        # No sooner than the last event is out: another replica may begin at once.
        give_up_at = monotonic() + LAST_EVENTS
        while not self.ended.wait(LEASE_SECONDS / 4) and monotonic() < give_up_at:
            self._prolong()
        if self.leads:
            with suppress(PyMongoError):
                self._lease.release()
        self.released.set()

    def _prolong(self) -> None:
        if not self.connected or BROKER.is_away:
            # Another replica may reach the broker from where it is.
            return
        # Counted from before the call: we may think that we lost it too early, never too late.
        asked, led = monotonic(), self.leads
        try:
            held = self._lease.acquire() is not None
        except PyMongoError as error:
            log.warning("lease-not-renewed", error=type(error).__name__, detail=str(error)[:300])
            return
        self._held_until = asked + LEASE_SECONDS if held else 0.0
        if held and not led:
            self.wake()

    def watch(self) -> None:
        """Wake whenever a replica adds to the outbox, until stopped."""
        waits = backoff()
        others = {"operationType": "insert", "fullDocument.by": {"$ne": WRITER}}
        pipeline: list[dict[str, Any]] = [{"$match": others}, {"$project": {"_id": 1}}]
        while not self._stopping.is_set():
            try:
                with self._outbox.events.watch(pipeline, max_await_time_ms=1000) as changes:
                    waits = backoff()
                    self.wake()
                    while not self._stopping.is_set():
                        if changes.try_next() is not None:
                            self.wake()
                            # Our own commits wake us by themselves; of others' one waking serves all of a moment.
                            self._stopping.wait(WATCH_PAUSE)
            except PyMongoError as error:
                pause = next(waits)
                log.warning("watch-interrupted", error=type(error).__name__, detail=str(error), retry_in=pause)
                self._stopping.wait(pause)

    def _turn(self, publisher: ConfirmedPublisher, amqp: Any) -> None:
        """One round: publish what is there, or wait to be woken; look after the connection when it is time."""
        amqp.heartbeat_tick()
        self._wanted.clear()
        more = self._publish_pending(publisher)
        if self._unmarked and monotonic() >= self._mark_at:
            self._mark()
        if not BROKER.takes:
            # What was committed meanwhile is found when that has ended.
            self._mark()
            BROKER.wait(IDLE)
        # Whatever was committed after we looked has woken us.
        elif not more and not self._wanted.wait(self._mark_at - monotonic() if self._unmarked else IDLE):
            self._mark()
        # Not only when nothing is committed: where another replica relays, nothing else reads on this connection.
        if monotonic() >= self._tend_at:
            tend(amqp)
            self._tend_at = monotonic() + IDLE

    def _publish_pending(self, publisher: ConfirmedPublisher) -> bool:
        """Publish the oldest events not yet sent, if it is our duty; returns whether there may be more."""
        if not self.leads or not BROKER.takes:
            return False
        limit = BATCH + len(self._sent)
        shown = self._outbox.pending(limit)
        known = {*(each.id for each in shown), *self._unmarked}
        self._sent = {event_id: at for event_id, at in self._sent.items() if event_id in known}
        self._mark_again()
        pending = [each for each in shown if each.id not in self._sent]
        if pending:
            self._publish(publisher, pending)
        return len(shown) >= limit

    def _goes_on(self) -> bool:
        return not self._stopping.is_set()

    def _mark_again(self) -> None:
        """Have what was written down long ago and is still pending written down once more."""
        long_ago = monotonic() - MARK_LOST
        lost = [event_id for event_id, at in self._sent.items() if at < long_ago]
        if lost:
            self._unmarked = [*dict.fromkeys([*self._unmarked, *lost])]
            log.warning("marks-lost", count=len(lost))
            self._mark()

    def _mark(self) -> None:
        """Write down what was sent; a crash before repeats it."""
        if self._unmarked:
            self._outbox.mark_sent(self._unmarked)
            self._sent.update(dict.fromkeys(self._unmarked, monotonic()))
            self._unmarked.clear()

    def _publish(self, publisher: ConfirmedPublisher, pending: list[Pending]) -> None:
        # While the broker blocks what was sent stays sent: on a new connection it would be sent once more.
        outcomes = publisher.publish([_outgoing(each) for each in pending], patient=self._goes_on)
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
            if not self._unmarked:
                self._mark_at = monotonic() + MARK_SECONDS
            self._sent.update(dict.fromkeys(sent, monotonic()))
            self._unmarked += sent
            OUTBOX_PUBLISHED.inc(len(sent))
            if len(self._unmarked) >= BATCH:
                self._mark()
        if held_back:
            log.error("events-held-back", count=held_back, remedy="declare the topology; the relay tries again")
            raise TimeoutError(f"{held_back} events came back from the broker")


def _outgoing(event: Pending) -> Outgoing:
    return Outgoing(
        exchange_of(event.type),
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
