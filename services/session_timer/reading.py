"""Reading a shard: what has changed in it, what comes into sight, and what was claimed by others and left."""

from datetime import datetime
from typing import Any

import eventlet
import structlog
from pymongo.database import Database

from services.session_timer.arming import Arming
from services.session_timer.book import Armed, Batch, Book, Rung
from services.session_timer.domain.bells import next_bell_at
from services.session_timer.settling import Settler
from services.session_timer.store import Claim, Document, changes_timetable, claims_of, kept_of, shard_name
from services.session_timer.striker import Volley
from services.session_timer.wire import Press
from shared.clock import Clock, event_time
from shared.storage.outbox import Outbox, Place

log = structlog.get_logger()

AHEAD = 120.0
"""Real seconds of bells that are kept in memory."""
TAKEN_OVER_WITHIN = 3.0
"""Real seconds after which a claim that was left belongs to an outage. Before that its bells, most of which have been
sent, are sent again to the letter."""
AT_ONCE = 10
"""Sessions taken in before others in the process get their turn."""


class Reader:
    """Keeps books up to date with the database."""

    def __init__(
        self, database: Database[dict[str, Any]], outbox: Outbox, clock: Clock, arming: Arming, settler: Settler
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._arming = arming
        self._settler = settler

    def is_wanted(self, book: Book) -> bool:
        """Whether there may be something in the shard that the book does not have, and has to."""
        if book.stale or book.loaded_until is None:
            return True
        return self._clock.now() > book.loaded_until - event_time(self._clock, AHEAD / 2)

    def read(self, book: Book, press: Press) -> bool:
        """Bring a book up to date; False if the shard is another replica's by now."""
        until = self._clock.now() + event_time(self._clock, AHEAD)
        # Before the snapshot is taken: a change that is heard of from now on may not be in it.
        book.stale = False
        with self._database.client.start_session(snapshot=True) as snapshot:
            shard = self._database["shards"].find_one({"_id": shard_name(book.held.shard)}, session=snapshot)
            if shard is None or shard["token"] != book.held.token:
                return False
            wanted: list[dict[str, Any]] = [{"next_bell_at": {"$lte": until}}]
            if book.loaded_until is not None:
                wanted[0]["next_bell_at"]["$gt"] = book.loaded_until
                wanted.append({"changed": {"$gt": book.changes}})
            query = {"shard": book.held.shard, "$or": wanted}
            rows = list(self._database["sessions"].find(query, session=snapshot, batch_size=100_000))
            places = self._outbox.places([row["_id"] for row in rows], snapshot)
        pending_from = self._outbox.oldest_pending() if rows else None
        claims = [self._dated(book, claim) for claim in claims_of(shard)]
        left = {claim.number: Volley(Batch(book.held.shard, claim)) for claim in claims if claim.number not in book.own}
        for number, row in enumerate(rows):
            if number % AT_ONCE == 0:
                eventlet.sleep(0)
            self._take_in(book, press, row, places.get(row["_id"], Place(0, 0)), claims, left, pending_from, until)
        for number, volley in left.items():
            batch = volley.batch
            log.info("claim-recovered", shard=batch.shard, number=number, sessions=len(batch.rung))
            book.own.add(number)
            self._settler.add(batch)
            self._arming.send(volley)
            self._settler.less(batch)
        book.changes, book.claimed, book.loaded_until = shard["changes"], shard["claimed"], until
        return True

    def _dated(self, book: Book, claim: Claim) -> Claim:
        """A claim that was left; after an outage it rings now, and that is kept for whoever may take over again."""
        dated = claim.dated(self._clock.now(), self._clock, TAKEN_OVER_WITHIN)
        if claim.number in book.own or dated is claim:
            return claim
        kept = self._database["shards"].update_one(
            {"_id": shard_name(book.held.shard), "token": book.held.token, "claims.number": claim.number},
            {"$set": {"claims.$.since": dated.since, "claims.$.through": dated.through}},
        )
        return dated if kept.matched_count else claim

    def _take_in(
        self,
        book: Book,
        press: Press,
        row: Document,
        place: Place,
        claims: list[Claim],
        left: dict[int, Volley],
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
            volley = left.get(claim.number)
            if events and volley is not None:
                batch = volley.batch
                sent = behind is None and behind_batch is None and not changes_timetable(kept, after)
                batch.add(Rung(kept, ordinal, after, sent))
                self._arming.add(volley, press, events, sent)
                behind_batch = behind_batch if sent else batch
            kept, ordinal = after, ordinal + len(events)
        next_at = next_bell_at(kept.session)
        if next_at is not None and next_at <= until:
            book.put(Armed(kept, ordinal, behind, next_at, behind_batch))
