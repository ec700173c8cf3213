"""Rings the bells: at the instant, once, by whoever holds the shard.

How a bell rings. Ahead of its instant the frames that publish it are made. At the instant one write per shard
*claims* it: conditional on the fencing token, so a replica that was away too long has no claim, and on the count
of changes in the shard, so what a command has taken back is never sent. The claim is the commit: from then on the
bells have rung, and what is left is only to send the frames. When the broker has confirmed them, sessions and
outbox are brought up to date (*settled*) and the claim is taken off. Whoever takes a shard over sends again what
was claimed and not settled: the same events with the same ids, which consumers drop if they had them.
"""

import heapq
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Event as Flag
from typing import Any

import eventlet
import structlog
from prometheus_client import Counter, Histogram
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from services.session_timer.chime import chime, chimes
from services.session_timer.domain.bells import bells, next_bell_at, rung
from services.session_timer.shards import LEASE_SECONDS, LOOK_SECONDS, Held, Shards
from services.session_timer.steady import SteadyClock
from services.session_timer.store import Claim, Kept, Sessions, claims_of, kept_of, settled, shard_name
from services.session_timer.wire import UNWRITTEN, Frames, Press, Wire
from shared.events import Event
from shared.messaging.connection import LOST, backoff, connect
from shared.messaging.topology import declare
from shared.storage.outbox import Place
from shared.storage.unit_of_work import Transaction, UnitOfWork
from shared.trace import Trace

log = structlog.get_logger()

LATENESS = Histogram(
    "speedmentor_bell_lateness_seconds",
    "Real seconds from a bell's instant to the claim on it",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 60),
)
RUNG = Counter("speedmentor_bells_total", "Bells rung by this replica")
FENCED = Counter("speedmentor_claims_refused_total", "Claims refused: the shard was lost or had changed")

AHEAD = 120.0
"""Real seconds of bells that are kept in memory."""
READY = 10.0
"""Real seconds before its instant in which a bell's frames are made."""
LONGEST_WAIT = 0.5
"""Real seconds after which a waiting ringer looks whether anything is to be made ready or read."""
CHUNK = 250
"""Sessions settled in one transaction."""


@dataclass(slots=True)
class Armed:
    """A session in memory, and the bells that it rings next, ready to be sent."""

    kept: Kept
    ordinal: int
    #: Its last event's position in the outbox while that may not have been relayed yet, else None.
    behind: int | None
    next_at: datetime
    #: What it last rang through the outbox, until that is settled.
    behind_batch: "Batch | None" = None
    #: When it rings after that: ``frames`` are all there is to send before then.
    after_at: datetime | None = None
    frames: Frames | None = None


@dataclass(slots=True)
class Rung:
    """One session's part of a claim: as it was before, and as it is now."""

    before: Kept
    ordinal: int
    after: Kept
    sent: bool


@dataclass(slots=True)
class Batch:
    """What one claim on one shard rang, on its way to be settled."""

    shard: int
    claim: Claim
    rung: list[Rung]
    holds: list[str]
    confirmed: bool = False
    #: The highest position in the outbox that settling it can have used.
    settled_to: int | None = None


@dataclass
class Book:
    """A shard as the ringing replica has it in memory. ``changes`` is the last change in it that is known here."""

    held: Held
    changes: int = -1
    claimed: int = 0
    loaded_until: datetime | None = None
    stale: bool = True
    armed: dict[str, Armed] = field(default_factory=dict)
    heap: list[tuple[datetime, str]] = field(default_factory=list)
    own: set[int] = field(default_factory=set)

    def put(self, armed: Armed) -> None:
        """Keep a session, in the place of what was known of it."""
        session_id = armed.kept.session.session_id
        self.armed[session_id] = armed
        heapq.heappush(self.heap, (armed.next_at, session_id))

    def next_at(self) -> datetime | None:
        """When the shard rings next."""
        while self.heap:
            at, session_id = self.heap[0]
            armed = self.armed.get(session_id)
            if armed is not None and armed.next_at == at:
                return at
            heapq.heappop(self.heap)
        return None

    def take_due(self, now: datetime) -> list[Armed]:
        """Take out the sessions that ring by ``now``."""
        found = []
        while (at := self.next_at()) is not None and at <= now:
            _, session_id = heapq.heappop(self.heap)
            found.append(self.armed.pop(session_id))
        return found


class Ringer:
    """Rings for one replica until stopped. :meth:`threads` are what it needs a thread each for."""

    def __init__(self, unit_of_work: UnitOfWork, amqp_uri: str, holder: str) -> None:
        self._work = unit_of_work
        self._database = unit_of_work.database
        self._outbox = unit_of_work.outbox
        self._amqp_uri = amqp_uri
        self._holder = holder
        self._clock = SteadyClock(unit_of_work.clock)
        self._shards = Shards(self._database, holder)
        self._books: dict[int, Book] = {}
        self._wire: Wire | None = None
        self._batches: dict[int, deque[Batch]] = {}
        self._wake = Flag()
        self._unsettled = Flag()
        self._stopping = Flag()
        self.ended = Flag()

    @property
    def works(self) -> bool:
        """Whether the broker is reached."""
        return self._wire is not None

    def threads(self) -> Iterable[Any]:
        """What runs beside each other."""
        return (self.ring, self.hold, self.watch, self.settle)

    def stop(self) -> None:
        """Ask all threads to end; what has been claimed is settled by whoever comes next."""
        self._stopping.set()
        self._wake.set()
        self._unsettled.set()

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
                with connect(self._amqp_uri, f"{self._holder} bells") as connection:
                    declare(connection)
                    self._wire = Wire(connection, self._on_confirmed)
                    waits = backoff()
                    self._forget()
                    self._ring_on(self._wire)
            except (*LOST, PyMongoError) as error:
                pause = next(waits)
                log.warning("ringing-interrupted", error=type(error).__name__, detail=str(error)[:300], retry_in=pause)
                self._stopping.wait(pause)
            finally:
                self._wire = None
        self.ended.set()

    def _ring_on(self, wire: Wire) -> None:
        listener = eventlet.spawn(self._listen, wire)
        try:
            while not self._stopping.is_set():
                if listener.dead:
                    listener.wait()
                self._wake.clear()
                for book in list(self._books.values()):
                    if book.stale or self._runs_short(book):
                        self._read(book, wire)
                now = self._clock.now()
                due_at = self._next_at()
                if due_at is not None and due_at <= now:
                    self._ring_due(wire, now)
                    continue
                wait = LONGEST_WAIT
                if due_at is not None:
                    wait = min(wait, self._clock.real_seconds((due_at - now).total_seconds()))
                if self._make_ready(wire.press, now, wait):
                    continue
                self._wake.wait(wait)
        finally:
            listener.kill()

    def _listen(self, wire: Wire) -> None:
        while not self._stopping.is_set():
            wire.listen(1.0)

    def _forget(self) -> None:
        """After a loss of the broker: read everything anew, and with it what was claimed and perhaps not sent."""
        self._batches = {}
        for shard, book in list(self._books.items()):
            self._books[shard] = Book(book.held)

    def _next_at(self) -> datetime | None:
        return min((at for book in self._books.values() if (at := book.next_at()) is not None), default=None)

    def _event_time(self, real_seconds: float) -> timedelta:
        return timedelta(seconds=real_seconds / self._clock.real_seconds(1))

    def _runs_short(self, book: Book) -> bool:
        return book.loaded_until is None or self._clock.now() > book.loaded_until - self._event_time(AHEAD / 2)

    def _read(self, book: Book, wire: Wire) -> None:
        """Bring a book up to date: what has changed since, and what comes into sight."""
        until = self._clock.now() + self._event_time(AHEAD)
        with self._database.client.start_session(snapshot=True) as snapshot:
            shard = self._database["shards"].find_one({"_id": shard_name(book.held.shard)}, session=snapshot)
            book.stale = False
            if shard is None or shard["token"] != book.held.token:
                self._books.pop(book.held.shard, None)
                self._shards.held.pop(book.held.shard, None)
                return
            wanted: list[dict[str, Any]] = [{"next_bell_at": {"$lte": until}}]
            if book.loaded_until is not None:
                wanted[0]["next_bell_at"]["$gt"] = book.loaded_until
                wanted.append({"changed": {"$gt": book.changes}})
            query = {"shard": book.held.shard, "$or": wanted}
            rows = list(self._database["sessions"].find(query, session=snapshot, batch_size=100_000))
            places = self._outbox.places([row["_id"] for row in rows], snapshot)
        pending_from = self._outbox.oldest_pending() if rows else None
        claims = claims_of(shard)
        recovered: dict[int, Batch] = {
            claim.number: Batch(book.held.shard, claim, [], []) for claim in claims if claim.number not in book.own
        }
        resend: dict[int, list[tuple[bytes, int]]] = {number: [] for number in recovered}
        for row in rows:
            kept = kept_of(row)
            session_id = kept.session.session_id
            place = places.get(session_id, Place(0, 0))
            ordinal = place.ordinal
            for claim in claims:
                after, events = kept.catch_up([claim], ordinal)
                if events and claim.number in recovered:
                    recovered[claim.number].rung.append(Rung(kept, ordinal, after, sent=True))
                    frames = wire.press.frames(events, claim.at)
                    resend[claim.number].append((frames.data, frames.count))
                kept, ordinal = after, ordinal + len(events)
            book.armed.pop(session_id, None)
            next_at = next_bell_at(kept.session)
            if next_at is not None and next_at <= until:
                behind = place.position if pending_from is not None and place.position >= pending_from else None
                book.put(Armed(kept, ordinal, behind, next_at))
        for number, batch in recovered.items():
            log.info("claim-recovered", shard=batch.shard, number=number, sessions=len(batch.rung))
            book.own.add(number)
            self._batches.setdefault(batch.shard, deque()).append(batch)
            wire.send(batch, resend[number])
        book.changes, book.claimed, book.loaded_until = shard["changes"], shard["claimed"], until

    def _make_ready(self, press: Press, now: datetime, wait: float) -> bool:
        """Make frames for what rings soon, a few at a time; whether any were made."""
        limit = now + self._event_time(READY)
        made = 0
        for book in self._books.values():
            for armed in book.armed.values():
                if armed.frames is None and armed.next_at <= limit:
                    self._prepare(press, armed)
                    made += 1
                    if made >= 50 or made * 0.0005 > wait:
                        eventlet.sleep(0)
                        return True
        return False

    def _prepare(self, press: Press, armed: Armed) -> None:
        session = armed.kept.session
        coming = bells(session, session.rung_until)
        events: list[Event] = []
        armed.after_at = None
        for bell in coming:
            if bell.at != armed.next_at:
                armed.after_at = bell.at
                break
            events.append(chime(session, bell, UNWRITTEN, armed.ordinal + len(events) + 1, armed.kept.trace))
        armed.frames = press.frames(events, armed.next_at)

    def _ring_due(self, wire: Wire, now: datetime) -> None:
        """Claim everything due in all shards held here, and send it."""
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        due = [book for book in self._books.values() if (at := book.next_at()) is not None and at <= now]
        for book, claim in self._claim(due, now):
            self._send(wire, book, claim)

    def _claim(self, books: list[Book], now: datetime) -> Iterator[tuple[Book, Claim]]:
        started = time.monotonic()
        writes = [
            UpdateOne(
                {
                    "_id": shard_name(book.held.shard),
                    "holder": self._holder,
                    "token": book.held.token,
                    "changes": book.changes,
                    "claimed": book.claimed,
                },
                {"$set": {"claimed": book.claimed + 1}, "$push": {"claims": {"number": book.claimed + 1, "at": now}}},
            )
            for book in books
        ]
        result = self._database["shards"].bulk_write(writes, ordered=False)
        claimed = {book.held.shard: book.claimed + 1 for book in books}
        if result.matched_count < len(books):
            FENCED.inc(len(books) - result.matched_count)
            mine = self._database["shards"].find(
                {"_id": {"$in": [shard_name(shard) for shard in claimed]}, "holder": self._holder}
            )
            won = {row["_id"] for row in mine if any(each["number"] == claimed[_number(row)] for each in row["claims"])}
            for book in books:
                if shard_name(book.held.shard) not in won:
                    book.stale = True
                    del claimed[book.held.shard]
        for book in books:
            if book.held.shard not in claimed or self._books.get(book.held.shard) is not book:
                continue
            if time.monotonic() - started > LEASE_SECONDS / 2:
                # We were stopped in between; another may have sent these by now. Whoever holds the shard recovers.
                self._books[book.held.shard] = Book(book.held)
                continue
            book.claimed += 1
            book.own.add(book.claimed)
            yield book, Claim(book.claimed, now)

    def _send(self, wire: Wire, book: Book, claim: Claim) -> None:
        batch = Batch(book.held.shard, claim, [], [])
        self._batches.setdefault(book.held.shard, deque()).append(batch)
        due = book.take_due(claim.at)
        wire.send(batch, self._parts(wire.press, due, batch))
        for armed, entry in zip(due, batch.rung, strict=True):
            LATENESS.observe(self._clock.real_seconds((claim.at - armed.next_at).total_seconds()))
            next_at = next_bell_at(entry.after.session)
            if next_at is not None:
                count = armed.frames.count if armed.frames else 0
                behind_batch = None if entry.sent else batch
                book.put(Armed(entry.after, armed.ordinal + count, armed.behind, next_at, behind_batch))
        self._unsettled.set()

    def _parts(self, press: Press, due: list[Armed], batch: Batch) -> Iterator[tuple[bytes, int]]:
        at = batch.claim.at
        pending_from = self._outbox.oldest_pending() if any(armed.behind is not None for armed in due) else None
        for armed in due:
            session = armed.kept.session
            late = at - armed.next_at > session.on_time
            if late or armed.frames is None or (armed.after_at is not None and armed.after_at <= at):
                armed.frames = press.frames(chimes(session, at, armed.ordinal, armed.kept.trace), at)
                if session.must_wait(at):
                    batch.holds.append(session.session_id)
            _look_behind(armed, pending_from)
            after = Kept(rung(session, at), armed.kept.shard, batch.claim.number, armed.kept.trace)
            batch.rung.append(Rung(armed.kept, armed.ordinal, after, sent=armed.behind is None))
            RUNG.inc(armed.frames.count)
            if armed.behind is None:
                yield armed.frames.at(at), armed.frames.count

    # Settling

    def _on_confirmed(self, batch: Batch) -> None:
        batch.confirmed = True
        self._unsettled.set()

    def settle(self) -> None:
        """Write down what has rung, until stopped."""
        while not self._stopping.is_set():
            self._unsettled.wait(1.0)
            self._unsettled.clear()
            for shard, batches in list(self._batches.items()):
                while batches and batches[0].confirmed and not self._stopping.is_set():
                    try:
                        self._settle(batches[0])
                    except PyMongoError as error:
                        log.warning("settling-interrupted", shard=shard, error=type(error).__name__)
                        self._stopping.wait(0.2)
                        self._unsettled.set()
                        break
                    if batches:
                        batches.popleft()

    def _settle(self, batch: Batch) -> None:
        parts = [batch.rung[start : start + CHUNK] for start in range(0, len(batch.rung), CHUNK)] or [[]]
        for part in parts:
            last = part is parts[-1]
            self._work.transact(partial(self._write_down, batch, part, last))
        batch.settled_to = time.time_ns() // 1000 + len(batch.rung)
        for session_id in batch.holds:
            self._work.transact(partial(self._put_on_hold, session_id))

    def _put_on_hold(self, session_id: str, tx: Transaction) -> None:
        sessions = Sessions(tx, self._outbox, Trace.start())
        sessions.change(session_id, lambda session, now: session.hold(now))

    def _write_down(self, batch: Batch, part: list[Rung], last: bool, tx: Transaction) -> None:
        """Any replica may do this, and twice: all of it follows from the claim."""
        ids = [each.after.session.session_id for each in part]
        heard = {row["_id"]: row["heard"] for row in tx["sessions"].find({"_id": {"$in": ids}}, {"heard": 1})}
        fresh = [each for each in part if heard.get(each.after.session.session_id, 1 << 62) < each.after.heard]
        for sent in (True, False):
            events = [
                event
                for each in fresh
                if each.sent is sent
                for event in chimes(each.before.session, batch.claim.at, each.ordinal, each.before.trace)
            ]
            self._outbox.record(tx.session, events, sent=sent)
        if fresh:
            tx["sessions"].bulk_write([settled(each.after) for each in fresh], ordered=False)
        if last:
            # Written last, so that a claim waits for this transaction as short as can be.
            tx["shards"].update_one(
                {"_id": shard_name(batch.shard)}, {"$pull": {"claims": {"number": {"$lte": batch.claim.number}}}}
            )


def _look_behind(armed: Armed, pending_from: int | None) -> None:
    """Note when the session's earlier events are all on the bus, so that its next may go there straight."""
    if armed.behind_batch is not None:
        if armed.behind_batch.settled_to is None:
            return
        armed.behind, armed.behind_batch = armed.behind_batch.settled_to, None
    if armed.behind is not None and (pending_from is None or armed.behind < pending_from):
        armed.behind = None


def _number(row: dict[str, Any]) -> int:
    return int(row["_id"].removeprefix("shard-"))
