"""Keeping the events that still matter, in collection ``facts``: as part of the transaction that writes the log.

A row is one of the log's, ``{_id: fact, position, at, type, program, org, people, body}``, and beside it the event's
``ordinal``, and ``over`` where nothing is left of the fact.
"""

from typing import Any

from pymongo import ASCENDING, ReplaceOne
from pymongo.database import Database

from services.integrations.domain.compaction import fact_of, is_over
from services.integrations.domain.erasing import PARTICIPANT_ERASED
from services.integrations.log import storage
from shared.events import Event
from shared.storage.unit_of_work import Transaction

FACTS = "facts"


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes; safe to repeat."""
    database[FACTS].create_index([("program", ASCENDING), ("position", ASCENDING)], name="program")
    database[FACTS].create_index([("people", ASCENDING)], name="people")


def keep(transaction: Transaction, written: list[tuple[Event, dict[str, Any]]]) -> None:
    """Put events with their rows of the log in the place of what they make out of date.

    The transaction must have moved the head of the log: by that no other one writes facts at the same time.
    """
    erased = {event.subject for event, _ in written if event.name == PARTICIPANT_ERASED}
    if erased:
        storage.erase_from(transaction, FACTS, erased)
    newest: dict[str, tuple[Event, dict[str, Any]]] = {}
    for event, row in written:
        # What belongs to no program is in no program's snapshot.
        fact = fact_of(event) if event.program is not None else None
        if fact is not None and (fact not in newest or newest[fact][0].ordinal < event.ordinal):
            newest[fact] = (event, row)
    known = {
        row["_id"]: row["ordinal"]
        for row in transaction[FACTS].find({"_id": {"$in": list(newest)}}, {"ordinal": 1}, batch_size=len(newest) + 1)
    }
    changes = [
        ReplaceOne(
            {"_id": fact},
            {**row, "_id": fact, "position": row["_id"], "ordinal": event.ordinal, "over": is_over(event)},
            upsert=True,
        )
        for fact, (event, row) in newest.items()
        if event.ordinal > known.get(fact, 0)
    ]
    if changes:
        transaction[FACTS].bulk_write(changes, ordered=False)
