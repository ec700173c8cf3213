"""The outbox: events are written in the transaction that changes the state, and published from here afterwards.

Source: C. Richardson, "Transactional outbox", Microservices Patterns (2018), ch. 3.

An event's place among those of its subject is fixed here (``ordinal``), together with a ``position`` that grows
along the ordinals of a subject whatever the clocks of the replicas say. Two transactions that publish on one
subject both write that subject's counter, so the database serializes them: whoever sees ordinal 3 sees 2 as well,
and reading by position never shows an event before its predecessor.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.clock import wall_clock
from shared.events import Event, NewEvent, encode, full_type, seal
from shared.events.catalogue import TYPES
from shared.ids import new_id
from shared.trace import Trace, next_traceparent

#: How long a published event stays readable in the outbox.
KEEP_SENT = timedelta(days=7)

#: This process among the writers: it rings its own relay by itself, and need not hear of its own events again.
WRITER = new_id()


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that is committed and not yet confirmed by the broker."""

    id: str
    type: str
    #: When the change was committed, by event time.
    time: datetime
    body: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subject's last event stands: the how manieth of the subject it is, and its position of all."""

    ordinal: int
    position: int


class Outbox:
    """The outbox of one service: collections ``outbox`` and ``ordinals`` of its database."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self.events = database["outbox"]
        # One moment's state: a read that goes along while others commit could show an event and not the one before it.
        self._at_once = self.events.with_options(read_concern=ReadConcern("snapshot"))
        self._soon = self.events.with_options(write_concern=WriteConcern(w=1, j=False))
        self._ordinals = database["ordinals"]

    def prepare(self) -> None:
        """Create the indexes; safe to repeat."""
        self.events.create_index([("position", ASCENDING)], name="pending", partialFilterExpression={"pending": True})
        self.events.create_index("sent_at", name="sent", expireAfterSeconds=int(KEEP_SENT.total_seconds()))

    def write(
        self,
        session: ClientSession,
        published: Sequence[tuple[NewEvent, Event | None]],
        trace: Trace,
        now: datetime,
    ) -> None:
        """Add events (each with the event that caused it, if one did) to the running transaction."""
        counters = [_counter(new) for new, _ in published]
        count = dict.fromkeys(counters)
        looked_up = list(dict.fromkeys([*count, *(new.subject for new, _ in published)]))
        known = {
            row["_id"]: row
            for row in self._ordinals.find({"_id": {"$in": looked_up}}, session=session, batch_size=100_000)
        }
        earliest = time.time_ns() // 1000
        ordinal = {subject: known[subject]["ordinal"] if subject in known else 0 for subject in looked_up}
        position = {subject: known[subject]["position"] if subject in known else 0 for subject in looked_up}
        rows = []
        for (new, cause), counter in zip(published, counters, strict=True):
            subject = new.subject
            ordinal[counter] += 1
            # All of a subject goes out in the order in which it was told, whatever counts it.
            position[counter] = max(earliest, position[counter] + 1, position[subject] + 1)
            position[subject] = position[counter]
            event = seal(
                new,
                id=new_id(),
                ordinal=ordinal[counter],
                follows=None if counter == subject else ordinal[subject],
                time=now,
                correlationid=cause.correlationid if cause and cause.correlationid else trace.correlationid,
                causationid=cause.id if cause else None,
                traceparent=next_traceparent(cause.traceparent) if cause and cause.traceparent else trace.traceparent,
            )
            rows.append(
                {
                    "_id": event.id,
                    "position": position[counter],
                    "type": event.type,
                    "time": event.time,
                    "body": encode(event),
                    "pending": True,
                    "by": WRITER,
                }
            )
        counted = {counter: ordinal[counter] for counter in count}
        self._count(session, {key: row for key, row in known.items() if key in count}, counted, position)
        self.events.insert_many(rows, session=session)

    def places(self, subjects: Sequence[str], session: ClientSession | None = None) -> dict[str, Place]:
        """Where the last event of each of ``subjects`` stands; one that has published nothing is left out."""
        rows = self._ordinals.find({"_id": {"$in": list(subjects)}}, session=session, batch_size=100_000)
        return {row["_id"]: Place(row["ordinal"], row["position"]) for row in rows}

    def oldest_pending(self) -> int | None:
        """The position before which everything has been confirmed by the broker; None if nothing waits."""
        row = self.events.find_one({"pending": True}, {"position": 1}, sort=[("position", ASCENDING)])
        return None if row is None else int(row["position"])

    def record(self, session: ClientSession, events: Sequence[Event], *, sent: bool) -> None:
        """Add events whose ids and ordinals were fixed beforehand to the running transaction, in their order.

        They follow the last event of their subject without a gap. ``sent`` ones have been confirmed by the
        broker already; the others are relayed like all that :meth:`write` adds.
        """
        if not events:
            return
        ordinal = {event.subject: event.ordinal for event in events}
        known = {
            row["_id"]: row
            for row in self._ordinals.find({"_id": {"$in": list(ordinal)}}, session=session, batch_size=100_000)
        }
        earliest = time.time_ns() // 1000
        position = {subject: known[subject]["position"] if subject in known else 0 for subject in ordinal}
        state: dict[str, Any] = {"sent_at": wall_clock()} if sent else {"pending": True}
        rows = []
        for event in events:
            position[event.subject] = max(earliest, position[event.subject] + 1)
            rows.append(
                {
                    "_id": event.id,
                    "position": position[event.subject],
                    "type": event.type,
                    "time": event.time,
                    "body": encode(event),
                    **state,
                }
            )
        self._count(session, known, ordinal, position)
        self.events.insert_many(rows, session=session)

    def _count(
        self,
        session: ClientSession,
        known: dict[str, dict[str, Any]],
        ordinal: dict[str, int],
        position: dict[str, int],
    ) -> None:
        new = [s for s in ordinal if s not in known]
        if new:
            self._ordinals.insert_many(
                [{"_id": s, "ordinal": ordinal[s], "position": position[s]} for s in new], session=session
            )
        if known:
            self._ordinals.bulk_write(
                [UpdateOne({"_id": s}, {"$set": {"ordinal": ordinal[s], "position": position[s]}}) for s in known],
                ordered=False,
                session=session,
            )

    def pending(self, limit: int) -> list[Pending]:
        """The oldest events not yet confirmed, at most ``limit``, in an order that keeps every subject's."""
        rows = self._at_once.find(
            {"pending": True},
            {"type": 1, "time": 1, "body": 1},
            sort=[("position", ASCENDING)],
            limit=limit,
            batch_size=limit + 1,
        )
        return [Pending(row["_id"], row["type"], row["time"], bytes(row["body"])) for row in rows]

    def count_pending(self) -> int:
        """How many events still wait for the broker's confirmation."""
        return self.events.count_documents({"pending": True})

    def mark_sent(self, ids: Sequence[str]) -> None:
        """Record that the broker has confirmed these; a crash may forget it, and then they are published again."""
        self._soon.update_many(
            {"_id": {"$in": list(ids)}}, {"$unset": {"pending": 1}, "$set": {"sent_at": wall_clock()}}
        )


def _counter(new: NewEvent) -> str:
    """By what an event's ordinal is counted: internal ones apart, or others would see from gaps that there are any."""
    kind = TYPES.get(full_type(new.type))
    return f"{new.subject} internal" if kind is not None and kind.internal else new.subject
