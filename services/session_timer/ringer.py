"""Rings the bells: at the instant, once, by whoever holds the shard.

How a bell rings. Ahead of its instant the frames that publish it are made. A moment ahead one write per shard
*claims* all that rings in that moment: conditional on the fencing token, so a replica that was away too long has no
claim, and on the count of changes in the shard, so what a command has taken back is never sent. The claim is the
commit: what is left at the instant is only to send the frames (:mod:`striker`). When the broker has confirmed them,
sessions and outbox are brought up to date (:mod:`settling`) and the claim is taken off. Whoever takes a shard over
sends again what was claimed and not settled: the same events with the same ids, which consumers drop if they had
them.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby, repeat
from threading import Event as Flag
from typing import Any

import eventlet
import structlog
from prometheus_client import Counter
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from services.session_timer.abandoned import Abandoned
from services.session_timer.book import Armed, Batch, Book, Rung, earliest
from services.session_timer.chime import chime
from services.session_timer.domain.bells import bells, next_bell_at
from services.session_timer.domain.session import HOLD_AFTER
from services.session_timer.settling import Settler
from services.session_timer.shards import LEASE_SECONDS, LOOK_SECONDS, Shards
from services.session_timer.store import Claim, Document, claims_of, kept_of, shard_name
from services.session_timer.striker import Strike, Striker
from services.session_timer.wire import UNWRITTEN, Press, Wire
from shared.events import Event
from shared.messaging.connection import LOST, backoff, connect
from shared.messaging.topology import declare
from shared.steady_clock import SteadyClock
from shared.storage.outbox import Place
from shared.storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

FENCED = Counter("speedmentor_claims_refused_total", "Claims refused: the shard was lost or had changed")

AHEAD = 120.0
"""Real seconds of bells that are kept in memory."""
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
        self._outbox = unit_of_work.outbox
        self._amqp_uri = amqp_uri
        self._holder = holder
        self._clock = clock
        self._shards = Shards(self._database, holder, clock.witnessed)
        self._books: dict[int, Book] = {}
        self._wire: Wire | None = None
        self._striker = Striker(self._clock, self._less, self._forget)
        self._settler = Settler(unit_of_work, self._striker.real_seconds_left, self._in_flight)
        self._wake = Flag()
        self._stopping = Flag()
        self.ended = Flag()

    @property
    def works(self) -> bool:
        """Whether the broker is reached."""
        return self._wire is not None

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
                with connect(self._amqp_uri, f"{self._holder} bells") as connection:
                    declare(connection)
                    self._wire = Wire(connection, self._less)
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
        helpers = [eventlet.spawn(self._listen, wire), eventlet.spawn(self._striker.run, wire, self._stopping)]
        try:
            while not self._stopping.is_set():
                for helper in helpers:
                    if helper.dead:
                        helper.wait()
                self._turn(wire.press)
        finally:
            for helper in helpers:
                helper.kill()

    def _turn(self, press: Press) -> None:
        """Read what has changed, claim what comes next, and make ready what comes after; or wait."""
        self._wake.clear()
        outdated = [book for book in self._books.values() if book.stale or self._runs_short(book)]
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

    def _listen(self, wire: Wire) -> None:
        while not self._stopping.is_set():
            wire.listen(1.0)

    def _in_flight(self) -> int:
        return self._wire.in_flight if self._wire is not None else 0

    def _forget(self) -> None:
        """After a loss: read everything anew, and with it what was claimed and perhaps not sent."""
        self._striker.clear()
        self._settler.clear()
        for shard, book in list(self._books.items()):
            self._books[shard] = Book(book.held)
        self._wake.set()

    def _less(self, batch: Batch) -> None:
        self._settler.less(batch)

    def _event_time(self, real_seconds: float) -> timedelta:
        return timedelta(seconds=real_seconds / self._clock.real_seconds(1))

    # Reading

    def _runs_short(self, book: Book) -> bool:
        return book.loaded_until is None or self._clock.now() > book.loaded_until - self._event_time(AHEAD / 2)

    def _read(self, book: Book, press: Press) -> None:
        """Bring a book up to date: what has changed since, what comes into sight, and what others have left."""
        until = self._clock.now() + self._event_time(AHEAD)
        # Before the snapshot is taken: a change that is heard of from now on may not be in it.
        book.stale = False
        with self._database.client.start_session(snapshot=True) as snapshot:
            shard = self._database["shards"].find_one({"_id": shard_name(book.held.shard)}, session=snapshot)
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
        claims = [self._dated(book, claim) for claim in claims_of(shard)]
        left = {claim.number: Batch(book.held.shard, claim) for claim in claims if claim.number not in book.own}
        for number, row in enumerate(rows):
            if number % MOST_MADE == 0:
                eventlet.sleep(0)
            self._take_in(book, press, row, places.get(row["_id"], Place(0, 0)), claims, left, pending_from, until)
        for number, batch in left.items():
            log.info("claim-recovered", shard=batch.shard, number=number, sessions=len(batch.rung))
            book.own.add(number)
            self._settler.add(batch)
            self._less(batch)
        book.changes, book.claimed, book.loaded_until = shard["changes"], shard["claimed"], until

    def _dated(self, book: Book, claim: Claim) -> Claim:
        """A claim that an outage came between ringing and sending: its bells ring now, and say that they are late."""
        now = self._clock.now()
        late = self._clock.real_seconds((now - claim.through).total_seconds())
        if claim.number in book.own or late < HOLD_AFTER:
            return claim
        since = now.replace(microsecond=now.microsecond // 1000 * 1000)
        dated = self._database["shards"].update_one(
            {"_id": shard_name(book.held.shard), "token": book.held.token, "claims.number": claim.number},
            {"$set": {"claims.$.since": since}},
        )
        return replace(claim, since=since) if dated.matched_count else claim

    def _take_in(
        self,
        book: Book,
        press: Press,
        row: Document,
        place: Place,
        claims: list[Claim],
        left: dict[int, Batch],
        pending_from: int | None,
        until: datetime,
    ) -> None:
        """Keep one session as it was read; what others have claimed of it and left is sent (again)."""
        kept, ordinal = kept_of(row), place.ordinal
        before = book.armed.pop(row["_id"], None)
        behind = place.position if pending_from is not None and place.position >= pending_from else None
        behind_batch = before.behind_batch if before else None
        for claim in claims:
            after, events = kept.after(claim, ordinal)
            batch = left.get(claim.number)
            if events and batch is not None:
                sent = behind is None and behind_batch is None
                batch.rung.append(Rung(kept, ordinal, after, sent))
                self._put_strikes(press, batch, events, sent)
                if kept.session.must_wait(claim.since):
                    batch.holds.append((row["_id"], kept.session.revision))
                behind_batch = behind_batch if sent else batch
            kept, ordinal = after, ordinal + len(events)
        next_at = next_bell_at(kept.session)
        if next_at is not None and next_at <= until:
            book.put(Armed(kept, ordinal, behind, next_at, behind_batch))

    # Arming

    def _make_ready(self, press: Press, now: datetime) -> bool:
        """Make frames for what rings soon, a few at a time; whether any were made."""
        limit = now + self._event_time(READY)
        made = 0
        for book in self._books.values():
            while made < MOST_MADE and (armed := book.take_unmade(limit)) is not None:
                self._prepare(press, armed)
                made += 1
        eventlet.sleep(0)
        return made > 0

    def _prepare(self, press: Press, armed: Armed) -> None:
        session = armed.kept.session
        events: list[Event] = []
        armed.after_at = None
        for bell in bells(session, session.rung_until):
            if bell.at != armed.next_at:
                armed.after_at = bell.at
                break
            events.append(chime(session, bell, UNWRITTEN, armed.ordinal + len(events) + 1, armed.kept.trace))
        armed.frames = press.frames(events, armed.next_at)

    def _lead(self, next_at: datetime) -> float:
        """How long before the next bell all that rings with it has to be claimed, to be ready at the instant."""
        by = next_at + self._event_time(MOMENT)
        together = sum(book.count_due(by) for book in self._books.values())
        return min(LEAD + together * LEAD_EACH, LONGEST_LEAD)

    def _arm_due(self, press: Press, now: datetime, lead: float) -> None:
        """Claim what rings in the next moment in all shards held here, and have it sent at its instants."""
        since = now.replace(microsecond=now.microsecond // 1000 * 1000)
        through = since + self._event_time(lead + MOMENT)
        due = [book for book in self._books.values() if (at := book.next_at()) is not None and at <= through]
        for book, claim in self._claim(due, since, through):
            batch = Batch(book.held.shard, claim)
            self._settler.add(batch)
            self._arm(press, book, batch)
            self._less(batch)
            eventlet.sleep(0)

    def _claim(self, books: list[Book], since: datetime, through: datetime) -> Iterator[tuple[Book, Claim]]:
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
                {
                    "$set": {"claimed": book.claimed + 1},
                    "$push": {"claims": {"number": book.claimed + 1, "since": since, "through": through}},
                },
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
            yield book, Claim(book.claimed, since, through)

    def _arm(self, press: Press, book: Book, batch: Batch) -> None:
        claim = batch.claim
        due = book.take_due(claim.through)
        pending_from = self._outbox.oldest_pending() if any(armed.must_queue for armed in due) else None
        for armed in due:
            session = armed.kept.session
            armed.look_behind(pending_from)
            sent = not armed.must_queue
            late = claim.since - armed.next_at > session.on_time
            if late or armed.frames is None or (armed.after_at is not None and armed.after_at <= claim.through):
                after, events = armed.kept.after(claim, armed.ordinal)
                self._put_strikes(press, batch, events, sent)
                count = len(events)
            else:
                at = max(armed.next_at, claim.since)
                after = armed.kept.rung_at(at, claim)
                count = armed.frames.count
                self._strike(batch, at, armed.frames.at(at) if sent else b"", count if sent else 0, armed.next_at)
            if session.must_wait(claim.since):
                batch.holds.append((session.session_id, session.revision))
            batch.rung.append(Rung(armed.kept, armed.ordinal, after, sent))
            next_at = next_bell_at(after.session)
            if next_at is not None:
                behind_batch = None if sent else batch
                book.put(Armed(after, armed.ordinal + count, armed.behind, next_at, behind_batch))

    def _put_strikes(self, press: Press, batch: Batch, events: list[Event], sent: bool) -> None:
        """Have a session's events sent, each at its instant; or, behind the outbox, settled no sooner."""
        for at, group in groupby(events, key=lambda event: event.time):
            frames = press.frames(group, at)
            bell_at = datetime.fromisoformat(events[0].data["scheduled_at"]) if at == events[0].time else at
            self._strike(batch, at, frames.data if sent else b"", frames.count if sent else 0, bell_at)

    def _strike(self, batch: Batch, at: datetime, data: bytes, count: int, bell_at: datetime) -> None:
        batch.left += 1 + count
        self._striker.put(at, Strike(batch, data, count, bell_at))


def _number(row: dict[str, Any]) -> int:
    return int(row["_id"].removeprefix("shard-"))
