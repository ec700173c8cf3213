"""The session timer's own database: programs, sessions, the shards they are rung in, and the audit.

A bell that rings writes nothing of its session. The replica that rings a shard *claims* a moment ahead on the
shard's document: from then on everything due by the end of that moment in that shard rings at its instant, which
anybody can work out from the sessions (``domain.claims``). The sessions themselves are brought up to date afterwards
(``ringing.settling``), or by the next command on them. ``heard`` in a session's document is the number of the last
claim that it has in it.
"""

import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, InsertOne, UpdateOne
from pymongo.database import Database
from pymongo.errors import PyMongoError

from services.session_timer.domain.bells import next_bell_at
from services.session_timer.domain.claims import Claim, StoredSession
from services.session_timer.domain.session import Change, Session
from services.session_timer.domain.timetable import Slot
from shared.clock import Clock
from shared.events import Event
from shared.faults import NotFound, NotYet
from shared.messages import say
from shared.storage.outbox import Outbox, Place
from shared.storage.unit_of_work import Transaction
from shared.trace import Trace

Document = dict[str, Any]

SHARDS = 8
"""How many parts the sessions are rung in. Replicas share them, so more replicas than this do not ring more."""

FARTHEST_CLAIM = 5.0
"""Real seconds ahead of which no bell is claimed, even where the clocks of two replicas are some seconds apart."""


def shard_of(session_id: str) -> int:
    """The shard of a session: the same for ever."""
    return zlib.crc32(session_id.encode()) % SHARDS


def shard_name(shard: int) -> str:
    """The name of a shard's lease."""
    return f"shard-{shard}"


class StillToRing(PyMongoError):
    """A bell of a session was claimed and its instant had not come: begin the transaction anew."""

    def __init__(self) -> None:
        super().__init__("a bell was about to ring", error_labels=["TransientTransactionError"])


def prepare(database: Database[Document]) -> None:
    """Create indexes and shards; safe to repeat."""
    sessions = database["sessions"]
    sessions.create_index([("program_id", ASCENDING)], name="of-program")
    sessions.create_index([("shard", ASCENDING), ("next_bell_at", ASCENDING)], name="next-bells")
    sessions.create_index([("shard", ASCENDING), ("changed", ASCENDING)], name="changes")
    # Replicas that have ended are forgotten.
    database["replicas"].create_index("alive_until", name="forget", expireAfterSeconds=3600)
    database["audit"].create_index([("session_id", ASCENDING), ("at", ASCENDING)], name="of-session")
    for shard in range(SHARDS):
        database["shards"].update_one(
            {"_id": shard_name(shard)},
            {
                "$setOnInsert": {
                    "token": 0,
                    "changes": 0,
                    "claimed": 0,
                    "claims": [],
                    "holder": "",
                    "expires_at": _EPOCH,
                }
            },
            upsert=True,
        )


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Sessions:
    """The sessions, within one transaction that changes them."""

    def __init__(self, transaction: Transaction, outbox: Outbox, trace: Trace, clock: Clock) -> None:
        self._transaction = transaction
        self._clock = clock
        self._outbox = outbox
        self._trace = trace

    def following(self, event: Event) -> "Sessions":
        """The same, as a consequence of ``event``."""
        started = Trace.start()
        trace = Trace(event.correlationid or started.correlationid, event.traceparent or started.traceparent)
        return Sessions(self._transaction, self._outbox, trace.child(), self._clock)

    def add(self, sessions: Sequence[Session]) -> None:
        """Keep new sessions."""
        if not sessions:
            return
        shards = self._announce({shard_of(session.session_id) for session in sessions})
        writes = []
        for session in sessions:
            shard = shard_of(session.session_id)
            stored = StoredSession(session, shard, shards[shard]["claimed"], self._trace)
            writes.append(InsertOne(_changed(stored, shards)))
        self._transaction["sessions"].bulk_write(writes, ordered=False)

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these sessions there are."""
        return {row["_id"] for row in self._transaction["sessions"].find({"_id": {"$in": list(ids)}}, {"_id": 1})}

    def ids_of(self, program_id: str) -> list[str]:
        """The sessions of a program, in the order of their ids."""
        rows = self._transaction["sessions"].find({"program_id": program_id}, {"_id": 1})
        return sorted(row["_id"] for row in rows)

    def change(self, session_id: str, decide: Callable[[Session, datetime], Change]) -> Session:
        """See :meth:`change_all`."""
        return self.change_all([session_id], decide)[0]

    def change_all(self, ids: Sequence[str], decide: Callable[[Session, datetime], Change]) -> list[Session]:
        """Let ``decide`` change each of these sessions and publish what comes of it.

        The shards' documents are written first: so this transaction and a claim on a shard exclude each other, and
        what the ringing replica has prepared for these sessions is known as taken back. (Written last they would
        nearly always have changed meanwhile: leases are renewed on them.) All is read and written in a few calls
        however many sessions there are, because bells of others in these shards wait for the commit. Where a bell
        has been claimed for a moment that is still to come, the change comes after that bell: the transaction is
        given up, so that it holds up nobody, and begins anew when the bell has rung.

        Returns:
            The sessions as they are now, in the order of ``ids``.

        Raises:
            NotFound: there is no such session.
            NotYet: bells are claimed for a time so far ahead that this replica's clock must be behind.
        """
        shards = self._announce({shard_of(session_id) for session_id in ids})
        rows = {row["_id"]: row for row in self._find({"_id": {"$in": list(ids)}})}
        if len(rows) < len(set(ids)):
            raise NotFound(say("There is no such session."))
        before = [stored_session(rows[session_id]) for session_id in ids]
        places = self._outbox.places(list(ids), self._transaction.session)
        claims = {number: claims_of(shard) for number, shard in shards.items()}
        caught_up = [
            stored.catch_up(claims[stored.shard], places.get(stored.session.session_id, Place(0, 0)).ordinal)
            for stored in before
        ]
        rung = [event for _, events in caught_up for event in events]
        self._wait_for(rung)
        changed: list[StoredSession] = []
        after: list[Session] = []
        for number, (stored, events) in enumerate(caught_up):
            if number % 20 == 0:
                # A program may have thousands; bells of others are due meanwhile.
                time.sleep(0)
            session, published = decide(stored.session, self._transaction.now)
            after.append(session)
            if session != stored.session or events or published:
                changed.append(StoredSession(session, stored.shard, shards[stored.shard]["claimed"], self._trace))
                self._transaction.publish(*published)
        self._outbox.record(self._transaction.session, rung, sent=False)
        self._write(changed, shards)
        return after

    def _wait_for(self, rung: Sequence[Event]) -> None:
        early = max((event.time for event in rung), default=self._transaction.now) - self._transaction.now
        seconds = self._clock.real_seconds(early.total_seconds())
        if seconds <= 0:
            return
        if seconds > FARTHEST_CLAIM:
            raise NotYet(say("The clock of this part of the session timer is behind; try again in a moment."))
        self._transaction.session.abort_transaction()
        time.sleep(seconds)
        raise StillToRing()

    def _find(self, query: Document) -> Iterable[Document]:
        found: Iterable[Document] = self._transaction["sessions"].find(query, batch_size=100_000)
        return found

    def _write(self, changed: Sequence[StoredSession], shards: dict[int, Document]) -> None:
        if not changed:
            return
        rows = [_changed(stored, shards) for stored in changed]
        writes = [UpdateOne({"_id": row["_id"]}, {"$set": row}) for row in rows]
        self._transaction["sessions"].bulk_write(writes, ordered=False)

    def _announce(self, shards: set[int]) -> dict[int, Document]:
        """Tell who rings these shards that something in them changes; their documents as they then are."""
        names = {shard_name(shard): shard for shard in shards}
        these = {"_id": {"$in": list(names)}}
        self._transaction["shards"].update_many(these, {"$inc": {"changes": 1}})
        return {names[row["_id"]]: row for row in self._transaction["shards"].find(these)}


def stored_session(row: Document) -> StoredSession:
    """The session in a document of the collection ``sessions``."""
    session = Session(
        session_id=row["_id"],
        program_id=row["program_id"],
        site_id=row["site_id"],
        plan_id=row["plan_id"],
        org=row["org"],
        time_zone=row["time_zone"],
        slots=tuple(
            Slot(
                each["round"],
                each["starts_at"],
                each["ends_at"],
                timedelta(milliseconds=each["paused_ms"]),
                timedelta(milliseconds=each["voided_ms"]),
            )
            for each in row["slots"]
        ),
        rung_until=row["rung_until"],
        warnings=tuple(row["warnings"]),
        revision=row["revision"],
        paused_at=row["paused_at"],
        held=row["held"],
        cancelled_at=row["cancelled_at"],
        on_outage=row["on_outage"],
        on_time=timedelta(milliseconds=row["on_time_ms"]),
    )
    return StoredSession(session, row["shard"], row["heard"], Trace(row["correlationid"], row["traceparent"]))


def claims_of(shard: Document) -> list[Claim]:
    """The claims on a shard that its sessions may not have in them yet, the oldest first."""
    return [Claim(each["number"], each["since"], each["through"]) for each in shard["claims"]]


def settled(stored: StoredSession) -> UpdateOne:
    """The write that brings a session's document up to what has rung."""
    return UpdateOne(
        {"_id": stored.session.session_id},
        {
            "$set": {
                "rung_until": stored.session.rung_until,
                "next_bell_at": next_bell_at(stored.session),
                "heard": stored.applied_claims,
                # Changed where it has to wait for its organizer after an outage.
                "revision": stored.session.revision,
                "paused_at": stored.session.paused_at,
                "held": stored.session.held,
            }
        },
    )


def read(database: Database[Document], query: Document, clock: Clock) -> list[Session]:
    """Sessions as they are now, with what has been claimed for them counted in as far as its instant has come."""
    return [stored.session for stored, _ in _caught_up(database, query, clock)]


def count_unrecorded(database: Database[Document], program_id: str, clock: Clock) -> int:
    """How many bells of a program have rung that are not yet in the outbox."""
    return sum(len(events) for _, events in _caught_up(database, {"program_id": program_id}, clock))


def _caught_up(database: Database[Document], query: Document, clock: Clock) -> list[tuple[StoredSession, list[Event]]]:
    now = clock.now()
    # Claims first: a session that has applied one meanwhile does not count it twice.
    claims = {
        shard["_id"]: [replace(claim, through=min(claim.through, now)) for claim in claims_of(shard)]
        for shard in database["shards"].find({})
    }
    stored = [stored_session(row) for row in database["sessions"].find(query)]
    return [each.catch_up(claims.get(shard_name(each.shard), []), 0) for each in stored]


def _changed(stored: StoredSession, shards: Mapping[int, Document]) -> Document:
    """The document of a session that is changed together with its shard."""
    return {"_id": stored.session.session_id, **_row(stored), "changed": shards[stored.shard]["changes"]}


def _row(stored: StoredSession) -> Document:
    session = stored.session
    return {
        "shard": stored.shard,
        "heard": stored.applied_claims,
        "org": session.org,
        "program_id": session.program_id,
        "site_id": session.site_id,
        "plan_id": session.plan_id,
        "time_zone": session.time_zone,
        "slots": [
            {
                "round": slot.round,
                "starts_at": slot.starts_at,
                "ends_at": slot.ends_at,
                "paused_ms": slot.paused // timedelta(milliseconds=1),
                "voided_ms": slot.voided // timedelta(milliseconds=1),
            }
            for slot in session.slots
        ],
        "warnings": list(session.warnings),
        "revision": session.revision,
        "rung_until": session.rung_until,
        "next_bell_at": next_bell_at(session),
        "paused_at": session.paused_at,
        "held": session.held,
        "cancelled_at": session.cancelled_at,
        "on_outage": session.on_outage,
        "on_time_ms": session.on_time // timedelta(milliseconds=1),
        "correlationid": stored.trace.correlationid,
        "traceparent": stored.trace.traceparent,
    }
