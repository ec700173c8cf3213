"""Rings the bells: at the instant, once, by whoever holds the shard.

How a bell rings. A replica keeps the sessions of its shards in memory (:mod:`reading`). Ahead of its instant the frames
that publish a bell are made (:mod:`arming`). A moment ahead one write per shard *claims* all that rings in that moment
(:mod:`claiming`): conditional on the fencing token, so a replica that was away too long has no claim, and on the count
of changes in the shard, so what a command has taken back is never sent. The claim is the commit: what is left at the
instant is only to send the frames (:mod:`striker`). When the broker has confirmed them, sessions and outbox are brought
up to date (:mod:`settling`) and the claim is taken off. Whoever takes a shard over
sends again what was claimed and not settled: the same events with the same ids, which consumers drop if they had
them.
"""

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from datetime import datetime
from itertools import repeat
from threading import Event as Flag
from typing import Any

import eventlet
import structlog
from pymongo.errors import PyMongoError

from services.session_timer.abandoned import Abandoned
from services.session_timer.arming import Arming
from services.session_timer.book import Batch, Book, earliest
from services.session_timer.claiming import Claiming
from services.session_timer.reading import Reader
from services.session_timer.settling import Settler
from services.session_timer.shards import LOOK_SECONDS, Shards
from services.session_timer.striker import Striker
from services.session_timer.wire import Press, Wire
from services.session_timer.wires import WIRES, Wires
from shared.clock import event_time
from shared.events.times import to_milliseconds
from shared.messaging.connection import LOST, backoff, connect
from shared.messaging.topology import declare
from shared.steady_clock import SteadyClock
from shared.storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

READY = 10.0
"""Real seconds before its instant in which a bell's frames are made."""
LEAD = 0.2
"""Real seconds before its instant at which a bell is claimed at the latest: as long as a claim may take."""
LEAD_EACH = 0.0004
"""Real seconds more for each bell that rings with it: as long as it takes to put one in its place."""
LONGEST_LEAD = 2.0
"""Real seconds before its instant at which a bell is claimed at the earliest: a command waits for what is claimed."""
MOMENT = 0.2
"""Real seconds of further bells that a claim takes along."""
LONGEST_WAIT = 0.5
"""Real seconds after which a waiting ringer looks whether anything is to be made ready or read."""
MOST_MADE = 10
"""Bells made ready before others in the process get their turn."""


class Ringer:
    """Rings for one replica until stopped. :meth:`threads` are what it needs a thread each for."""

    def __init__(self, unit_of_work: UnitOfWork, clock: SteadyClock, amqp_uri: str, holder: str) -> None:
        self._database = unit_of_work.database
        self._amqp_uri = amqp_uri
        self._holder = holder
        self._clock = clock
        self._shards = Shards(self._database, holder, clock.witnessed)
        self._books: dict[int, Book] = {}
        self._wires: Wires | None = None
        self._striker = Striker(self._clock, self._less, self._forget)
        self._settler = Settler(unit_of_work, self._striker.real_seconds_left, self._in_flight)
        self._arming = Arming(unit_of_work.outbox, self._striker)
        self._reader = Reader(self._database, unit_of_work.outbox, clock, self._arming, self._settler)
        self._claiming = Claiming(self._database, holder)
        self._wake = Flag()
        self._stopping = Flag()
        self.ended = Flag()

    @property
    def works(self) -> bool:
        """Whether the broker is reached."""
        return self._wires is not None

    def threads(self) -> Iterable[Any]:
        """What runs beside each other."""
        return (self.ring, self.hold, self.watch, self.settle, self.free)

    def free(self) -> None:
        """End what killed or stopped replicas have begun and left, until stopped."""
        Abandoned(self._database, self._holder).run(self._stopping)

    def settle(self) -> None:
        """Write down what has rung, until stopped."""
        self._settler.run(self._stopping)

    def stop(self) -> None:
        """Ask all threads to end; what has been claimed is rung and settled by whoever comes next."""
        self._stopping.set()
        self._wake.set()
        self._settler.wake()

    # Holding shards

    def hold(self) -> None:
        """Keep a fair share of the shards until stopped."""
        while not self._stopping.is_set():
            try:
                self._shards.turn()
                self._open_books()
            except PyMongoError as error:
                log.warning("shards-unreachable", error=type(error).__name__, detail=str(error)[:300])
            self._stopping.wait(LOOK_SECONDS)
        self._books.clear()
        with suppress(PyMongoError):
            self._shards.release_all()

    def _open_books(self) -> None:
        for shard in list(self._books):
            held = self._shards.held.get(shard)
            if held is None or held.token != self._books[shard].held.token:
                log.info("shard-left", shard=shard)
                del self._books[shard]
        for shard, held in self._shards.held.items():
            book = self._books.get(shard)
            if book is None:
                log.info("shard-taken", shard=shard, token=held.token)
                self._books[shard] = Book(held)
                self._wake.set()
            else:
                book.held = held

    # Hearing of changes

    def watch(self) -> None:
        """Hear of changes that other transactions make in the shards, until stopped."""
        waits = backoff()
        pipeline = [{"$match": {"updateDescription.updatedFields.changes": {"$exists": True}}}]
        while not self._stopping.is_set():
            try:
                with self._database["shards"].watch(pipeline, max_await_time_ms=500) as changes:
                    waits = backoff()
                    for book in self._books.values():
                        book.stale = True
                    while not self._stopping.is_set():
                        change = changes.try_next()
                        if change is not None:
                            self._heard(change["documentKey"]["_id"])
            except PyMongoError as error:
                pause = next(waits)
                log.warning("watch-interrupted", error=type(error).__name__, detail=str(error)[:300], retry_in=pause)
                self._stopping.wait(pause)

    def _heard(self, name: str) -> None:
        book = self._books.get(int(name.removeprefix("shard-")))
        if book is not None:
            book.stale = True
            self._wake.set()

    # Ringing

    def ring(self) -> None:
        """Ring until stopped, through losses of broker and database."""
        waits = backoff()
        while not self._stopping.is_set():
            try:
                with ExitStack() as open_connections:
                    names = [f"{self._holder} bells {number}" for number in range(1, WIRES + 1)]
                    connections = [open_connections.enter_context(connect(self._amqp_uri, name)) for name in names]
                    declare(connections[0])
                    self._wires = Wires([Wire(connection, self._less) for connection in connections])
                    waits = backoff()
                    self._forget()
                    self._ring_on(self._wires)
            except (*LOST, PyMongoError) as error:
                pause = next(waits)
                log.warning("ringing-interrupted", error=type(error).__name__, detail=str(error)[:300], retry_in=pause)
                self._stopping.wait(pause)
            finally:
                self._wires = None
        self.ended.set()

    def _ring_on(self, wires: Wires) -> None:
        helpers = [eventlet.spawn(self._listen, wire) for wire in wires.all]
        helpers.append(eventlet.spawn(self._striker.run, wires, self._stopping))
        try:
            while not self._stopping.is_set():
                for helper in helpers:
                    if helper.dead:
                        helper.wait()
                self._turn(wires.press)
        finally:
            for helper in helpers:
                helper.kill()

    def _turn(self, press: Press) -> None:
        """Read what has changed, claim what comes next, and make ready what comes after; or wait."""
        self._wake.clear()
        outdated = [book for book in self._books.values() if self._reader.is_wanted(book)]
        # All at once: after a takeover every round trip counts.
        for _ in eventlet.GreenPool(len(outdated) or 1).imap(self._read, outdated, repeat(press)):
            pass
        now = self._clock.now()
        next_at = earliest(book.next_at() for book in self._books.values())
        wait = LONGEST_WAIT
        lead = LEAD
        if next_at is not None:
            lead = self._lead(next_at)
            wait = min(wait, self._clock.real_seconds((next_at - now).total_seconds()) - lead)
        if wait <= 0:
            self._arm_due(press, now, lead)
        elif not self._make_ready(press, now):
            self._wake.wait(wait)

    def _read(self, book: Book, press: Press) -> None:
        if not self._reader.read(book, press) and self._books.get(book.held.shard) is book:
            del self._books[book.held.shard]
            self._shards.held.pop(book.held.shard, None)

    def _listen(self, wire: Wire) -> None:
        while not self._stopping.is_set():
            wire.listen(1.0)

    def _in_flight(self) -> int:
        return self._wires.in_flight if self._wires is not None else 0

    def _forget(self) -> None:
        """After a loss: read everything anew, and with it what was claimed and perhaps not sent."""
        self._striker.clear()
        self._settler.clear()
        for shard, book in list(self._books.items()):
            self._books[shard] = Book(book.held)
        self._wake.set()

    def _less(self, batch: Batch) -> None:
        self._settler.less(batch)

    # Getting ready, and claiming

    def _make_ready(self, press: Press, now: datetime) -> bool:
        """Make frames for what rings soon, a few at a time; whether any were made."""
        limit = now + event_time(self._clock, READY)
        made = 0
        for book in self._books.values():
            while made < MOST_MADE and (armed := book.take_unmade(limit)) is not None:
                self._arming.prepare(press, armed)
                made += 1
        eventlet.sleep(0)
        return made > 0

    def _lead(self, next_at: datetime) -> float:
        """How long before the next bell all that rings with it has to be claimed, to be ready at the instant."""
        by = next_at + event_time(self._clock, MOMENT)
        together = sum(book.count_due(by) for book in self._books.values())
        return min(LEAD + together * LEAD_EACH, LONGEST_LEAD)

    def _arm_due(self, press: Press, now: datetime, lead: float) -> None:
        """Claim what rings in the next moment in all shards held here, and have it sent at its instants."""
        since = to_milliseconds(now)
        through = since + event_time(self._clock, lead + MOMENT)
        due = [book for book in self._books.values() if (at := book.next_at()) is not None and at <= through]
        for book, claim in self._claiming.claim(due, since, through):
            if self._books.get(book.held.shard) is not book:
                continue
            if claim is None:
                self._books[book.held.shard] = Book(book.held)
                continue
            batch = Batch(book.held.shard, claim)
            self._settler.add(batch)
            self._arming.arm(press, book, batch)
            self._less(batch)
            eventlet.sleep(0)
