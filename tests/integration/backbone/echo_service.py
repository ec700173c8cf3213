"""Two small services to try the backbone with; see ``replica`` for their process.

They stand in for matching and feedback, whose queues they consume: the topology is one fixed table, and they use it
as the product does. ``echo`` writes one row per effect and answers each mentee with one meeting; ``hearer`` writes one
row per effect of those. Rows are inserted, never replaced, so that an effect had twice is seen as two rows.

The ``site_id`` of a mentee says what the handler does with it: ``poison`` always fails, ``flaky`` fails twice, and
``gated`` waits until somebody opens the gate in the database.
"""

import os
import time
from typing import Any

import structlog

from shared.events import Event, NewEvent
from shared.events.catalogue import TYPES
from shared.extensions import Caller, Health, Work, answers, consumes
from shared.faults import Conflict
from shared.ids import new_id
from shared.messages import say
from shared.storage.unit_of_work import Transaction

log = structlog.get_logger()


def meeting(meeting_id: str, program_id: str, mentee_id: str, round_number: int = 1) -> NewEvent:
    """The event that answers a mentee."""
    data = {
        "meeting_id": meeting_id,
        "plan_id": program_id,
        "program_id": program_id,
        "site_id": "jkt",
        "revision": 1,
        "round": round_number,
        "table": "jkt-1",
        "mentor_id": program_id,
        "mentee_id": mentee_id,
    }
    return NewEvent("matching.meeting-assigned", meeting_id, data, org="acme", program=program_id, site="jkt")


class Echo:
    """Consumes what matching does."""

    name = "matching"

    work = Work(lambda database: database["effects"].create_index("event"))
    caller = Caller()
    health = Health()

    @consumes("participants")
    def hear(self, events: list[Event], transaction: Transaction) -> None:
        """One row and one meeting for each event."""
        for event in events:
            self._behave(event.data["site_id"], event)
        transaction["effects"].insert_many(
            [
                {"event": event.id, "subject": event.subject, "ordinal": event.ordinal, "by": os.getpid()}
                for event in events
            ]
        )
        for event in events:
            if event.name == "registration.mentee-registered":
                transaction.publish(meeting(new_id(), event.data["program_id"], event.subject), cause=event)
        log.info("heard", count=len(events))

    def _behave(self, how: str, event: Event) -> None:
        if how == "poison":
            raise ValueError("this one is poison")
        database = self.work.database
        if how == "flaky":
            # Outside of the transaction: it must outlive the failure.
            database["tries"].update_one({"_id": event.id}, {"$inc": {"count": 1}}, upsert=True)
            if database["tries"].find_one({"_id": event.id})["count"] <= 2:
                raise RuntimeError("not yet")
        if how == "gated":
            self._wait_at_gate()

    def _wait_at_gate(self) -> None:
        gate = self.work.database["gate"]
        gate.update_one({"_id": "reached"}, {"$set": {"by": os.getpid()}}, upsert=True)
        while gate.find_one({"_id": "open"}) is None:
            time.sleep(0.05)

    @answers
    def echo(self, text: str) -> dict[str, Any]:
        """What was said, and by whom."""
        log.info("echoed")
        return {"text": text, "by": os.getpid()}

    @answers
    def whoami(self) -> dict[str, Any]:
        """The caller's subject, from the token."""
        return {"subject": self.caller().subject}

    @answers
    def fail(self, how: str) -> None:
        """Fail as asked: by a fault of the domain, or by a fault of the programmer."""
        if how == "conflict":
            raise Conflict(say("there is a {what} already", what="meeting"))
        raise KeyError(f"{how}@example.org")

    @answers
    def count(self, key: str | None) -> int:
        """Add one, once per key; returns the new count."""
        return self._count(key)

    def _count(self, key: str | None) -> int:
        def add(transaction: Transaction) -> int:
            transaction["counts"].update_one({"_id": "all"}, {"$inc": {"count": 1}}, upsert=True)
            return int(transaction["counts"].find_one({"_id": "all"})["count"])

        return self.work.command(key, {"count": 1}, add)

    @answers
    def count_slowly(self, key: str | None) -> int:
        """Like :meth:`count`, once the gate is open."""
        self._wait_at_gate()
        return self._count(key)

    @answers
    def revise(self, meeting_id: str, times: int) -> None:
        """Publish ``times`` events on one subject, each in a transaction of its own."""
        for number in range(times):
            self.work.transact(lambda tx, number=number: tx.publish(meeting(meeting_id, "p-1", "m-1", number % 9 + 1)))

    @answers
    def announce(self) -> None:
        """Publish what no service has subscribed to."""
        data = TYPES["speedmentor.matching.plan-revised.v1"].example()
        self.work.transact(lambda tx: tx.publish(NewEvent("matching.plan-revised", data["plan_id"], data)))

    @answers
    def publish_garbage(self) -> None:
        """Publish what breaks its schema: the transaction must fail whole."""

        def work(transaction: Transaction) -> None:
            transaction["effects"].insert_one({"event": "never"})
            transaction.publish(NewEvent("matching.meeting-assigned", "x", {"meeting_id": "x", "name": "Sari"}))

        self.work.transact(work)


class Hearer:
    """Consumes what feedback does."""

    name = "feedback"

    work = Work()
    health = Health()

    @consumes("meetings")
    def hear(self, events: list[Event], transaction: Transaction) -> None:
        """One row for each event."""
        transaction["effects"].insert_many(
            [
                {"event": e.id, "cause": e.causationid, "subject": e.subject, "ordinal": e.ordinal, "by": os.getpid()}
                for e in events
            ]
        )
