"""The session timer's own database: programs, sessions, the shards they are rung in, and the audit.

A bell that rings writes nothing of its session. The replica that rings a shard *claims* a moment ahead on the
shard's document: from then on everything due by the end of that moment in that shard rings at its instant, which
anybody can work out from the sessions. The sessions themselves are brought up to date afterwards (``settling``), or
by the next command on them. ``heard`` tells which claims a session's document has in it.
"""

import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, InsertOne, ReturnDocument, UpdateOne
from pymongo.database import Database
from pymongo.errors import PyMongoError

from services.session_timer.chime import chimes
from services.session_timer.domain.bells import next_bell_at, rung
from services.session_timer.domain.session import Change, Session
from services.session_timer.domain.timetable import Slot
from shared.clock import Clock
from shared.events import Event
from shared.faults import NotFound
from shared.messages import say
from shared.storage.outbox import Outbox
from shared.storage.unit_of_work import Transaction
from shared.trace import Trace

Document = dict[str, Any]

SHARDS = 8
"""How many parts the sessions are rung in. Replicas share them, so more replicas than this do not ring more."""


def shard_of(session_id: str) -> int:
    """The shard of a session: the same for ever."""
    return zlib.crc32(session_id.encode()) % SHARDS


def shard_name(shard: int) -> str:
    """The name of a shard's lease."""
    return f"shard-{shard}"


@dataclass(frozen=True)
class Claim:
    """A promise on a shard: whatever is due by ``through`` rings, at its instant or, if that is over, at ``since``.

    ``since`` is when it was claimed. Claims of a shard are numbered.
    """

    number: int
    since: datetime
    through: datetime


@dataclass(frozen=True)
class Kept:
    """A session as the database keeps it."""

    session: Session
    shard: int
    heard: int
    trace: Trace

    def after(self, claim: Claim, ordinal: int) -> tuple["Kept", list[Event]]:
        """The session after ``claim``, and the events this rings, numbered from after ``ordinal``."""
        if claim.number <= self.heard:
            return self, []
        events = chimes(self.session, claim.since, claim.through, ordinal, self.trace)
        return self.rung_at(events[-1].time, claim) if events else replace(self, heard=claim.number), events

    def rung_at(self, at: datetime, claim: Claim) -> "Kept":
        """The session after ``claim``, of which ``at`` is the last instant at which it rings.

        It is not marked as rung any further: a command in the rest of the moment counts from its own time.
        """
        return replace(self, session=rung(self.session, at), heard=claim.number)

    def catch_up(self, claims: Iterable[Claim], ordinal: int) -> tuple["Kept", list[Event]]:
        """The session after ``claims``, and the events they rang, numbered from after ``ordinal``."""
        kept: Kept = self
        events: list[Event] = []
        for claim in claims:
            kept, more = kept.after(claim, ordinal + len(events))
            events += more
        return kept, events


class StillToRing(PyMongoError):
    """A bell of the session is claimed and its instant has not come: begin the transaction anew after it."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("a bell is about to ring", error_labels=["TransientTransactionError"])
        self.wait = wait


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
        shards = self._announce({shard_of(session.session_id) for session in sessions})
        writes = []
        for session in sessions:
            shard = shard_of(session.session_id)
            document = shards[shard]
            kept = Kept(session, shard, document["claimed"], self._trace)
            writes.append(InsertOne({"_id": session.session_id, **_row(kept), "changed": document["changes"]}))
        if writes:
            self._transaction["sessions"].bulk_write(writes, ordered=False)

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these sessions there are."""
        return {row["_id"] for row in self._transaction["sessions"].find({"_id": {"$in": list(ids)}}, {"_id": 1})}

    def ids_of(self, program_id: str) -> list[str]:
        """The sessions of a program, in the order of their ids."""
        rows = self._transaction["sessions"].find({"program_id": program_id}, {"_id": 1})
        return sorted(row["_id"] for row in rows)

    def change(self, session_id: str, decide: Callable[[Session, datetime], Change]) -> Session:
        """Let ``decide`` change a session and publish what comes of it.

        The shard's document is written first: so this transaction and a claim on the shard exclude each other,
        and what the ringing replica has prepared for this session is known as taken back. Where a bell of it has
        been claimed for a moment that is still to come, the change comes after that bell: the transaction is given
        up, so that it holds up nobody, and begins anew when the bell has rung.

        Raises:
            NotFound: there is no such session.
        """
        row = self._transaction["sessions"].find_one({"_id": session_id})
        if row is None:
            raise NotFound(say("There is no such session."))
        kept = kept_of(row)
        shard = self._announce({kept.shard})[kept.shard]
        place = self._outbox.places([session_id], self._transaction.session).get(session_id)
        kept, events = kept.catch_up(claims_of(shard), place.ordinal if place else 0)
        if events and (early := events[-1].time - self._transaction.now) > timedelta():
            self._transaction.session.abort_transaction()
            time.sleep(self._clock.real_seconds(early.total_seconds()))
            raise StillToRing(early)
        self._outbox.record(self._transaction.session, events, sent=False)
        session, published = decide(kept.session, self._transaction.now)
        if session != kept.session or events or published:
            after = Kept(session, kept.shard, shard["claimed"], self._trace)
            self._transaction["sessions"].update_one(
                {"_id": session_id}, {"$set": {**_row(after), "changed": shard["changes"]}}
            )
            self._transaction.publish(*published)
        return session

    def _announce(self, shards: set[int]) -> dict[int, Document]:
        """Tell who rings these shards that something in them changes; their documents as they then are."""
        return {
            shard: self._transaction["shards"].find_one_and_update(
                {"_id": shard_name(shard)}, {"$inc": {"changes": 1}}, return_document=ReturnDocument.AFTER
            )
            for shard in sorted(shards)
        }


def kept_of(row: Document) -> Kept:
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
    return Kept(session, row["shard"], row["heard"], Trace(row["correlationid"], row["traceparent"]))


def claims_of(shard: Document) -> list[Claim]:
    """The claims on a shard that its sessions may not have in them yet, the oldest first."""
    return [Claim(each["number"], each["since"], each["through"]) for each in shard["claims"]]


def settled(kept: Kept) -> UpdateOne:
    """The write that brings a session's document up to what has rung."""
    return UpdateOne(
        {"_id": kept.session.session_id},
        {
            "$set": {
                "rung_until": kept.session.rung_until,
                "next_bell_at": next_bell_at(kept.session),
                "heard": kept.heard,
            }
        },
    )


def read(database: Database[Document], query: Document, now: datetime) -> list[Session]:
    """Sessions as they are now, with what has been claimed for them counted in as far as its instant has come."""
    # Claims first: a session that has heard one meanwhile does not count it twice.
    claims = {
        shard["_id"]: [replace(claim, through=min(claim.through, now)) for claim in claims_of(shard)]
        for shard in database["shards"].find({})
    }
    kept = [kept_of(row) for row in database["sessions"].find(query)]
    return [each.catch_up(claims.get(shard_name(each.shard), []), 0)[0].session for each in kept]


def _row(kept: Kept) -> Document:
    session = kept.session
    return {
        "shard": kept.shard,
        "heard": kept.heard,
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
        "correlationid": kept.trace.correlationid,
        "traceparent": kept.trace.traceparent,
    }
