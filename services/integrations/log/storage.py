"""Where the log is: collections ``events_<month>``, and document ``log`` of ``heads``, by which positions are given.

A row is ``{_id: position, at, type, program, org, people, body}``: ``at`` is the real time at which it was written,
``type`` the short name, ``people`` the ids in the event that an erasure has to look for, ``body`` what was published,
byte for byte.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DeleteOne, ReplaceOne, ReturnDocument
from pymongo.database import Database

from services.integrations.domain.erasing import PARTICIPANT_ERASED, digest, left_of
from services.integrations.domain.months import Month, collection_of, following, holding, month_of
from shared.clock import wall_clock
from shared.storage.unit_of_work import Transaction

Reader = Database[dict[str, Any]] | Transaction

HEADS = "heads"
_LOG = "log"
#: Digests of the ids of erased participants.
_ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Head:
    """How far the log is: the position of its last event (0 before the first), when that came, and its months."""

    position: int
    at: datetime | None
    months: tuple[Month, ...]

    @property
    def oldest(self) -> int:
        """The first position that is still kept, or that will be the next."""
        return self.months[0].first if self.months else self.position + 1


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the collections of this month and the next with their indexes; safe to repeat."""
    month = month_of(wall_clock())
    for each in (month, following(month)):
        index(database, collection_of(each))
    database[HEADS].update_one({"_id": _LOG}, {"$setOnInsert": {"position": 0, "at": None, "months": []}}, upsert=True)


def index(database: Database[dict[str, Any]], collection: str) -> None:
    """Create a month's index by people, and with it the collection; those who read go by position."""
    database[collection].create_index([("people", ASCENDING)], name="people")


def head(reader: Reader) -> Head:
    """How far the log is."""
    return _head(reader[HEADS].find_one({"_id": _LOG}))


def next_after(reader: Reader, until: Head, position: int) -> tuple[int, datetime] | None:
    """The first position after ``position`` that there is, up to the head ``until``, and when its event came."""
    for month in holding(until.months, position):
        found = reader[month.collection].find_one(
            {"_id": {"$gt": position, "$lte": until.position}}, {"at": 1}, sort=[("_id", ASCENDING)]
        )
        if found is not None:
            return found["_id"], found["at"]
    return None


def advance(transaction: Transaction, count: int) -> Head:
    """Take ``count`` positions and return the head as it was before.

    Of two transactions that do this at the same time the database refuses one, which is run again after the other. So
    no position can be read while a lower one is still to come.
    """
    return _head(
        transaction[HEADS].find_one_and_update(
            {"_id": _LOG}, {"$inc": {"position": count}}, upsert=True, return_document=ReturnDocument.BEFORE
        )
    )


def save_months(transaction: Transaction, months: tuple[Month, ...], at: datetime | None) -> None:
    """Store the months that there are, and when the last event came."""
    transaction[HEADS].update_one({"_id": _LOG}, {"$set": {"months": [asdict(each) for each in months], "at": at}})


def erased_among(reader: Reader, people: Collection[str]) -> set[str]:
    """Which of these participants are erased."""
    by_digest = {digest(each): each for each in people}
    rows = reader[_ERASED].find({"_id": {"$in": list(by_digest)}}, batch_size=100_000)
    return {by_digest[row["_id"]] for row in rows}


def erase(transaction: Transaction, months: Collection[Month], people: Collection[str]) -> None:
    """Take erased participants out of all that is in the log, and remember that they are erased."""
    for each in people:
        transaction[_ERASED].replace_one({"_id": digest(each)}, {}, upsert=True)
    for month in months:
        erase_from(transaction, month.collection, people)


def erase_from(transaction: Transaction, collection: str, people: Collection[str]) -> None:
    """Take erased participants out of a collection of rows."""
    changes: list[Any] = []
    for row in transaction[collection].find({"people": {"$in": list(people)}}, batch_size=1000):
        left = erased_row(row, people)
        if left is None:
            changes.append(DeleteOne({"_id": row["_id"]}))
        elif left != row:
            changes.append(ReplaceOne({"_id": row["_id"]}, left))
    if changes:
        transaction[collection].bulk_write(changes, ordered=False)


def erased_row(row: dict[str, Any], people: Collection[str]) -> dict[str, Any] | None:
    """What the erasure of ``people`` leaves of a row; None if nothing."""
    left = left_of(row["type"], bytes(row["body"]), people)
    if left is None or row["type"] == PARTICIPANT_ERASED:
        return None if left is None else row
    return {**row, "body": left, "people": [each for each in row["people"] if each not in people]}


def _head(row: dict[str, Any] | None) -> Head:
    if row is None:
        return Head(0, None, ())
    return Head(row["position"], row.get("at"), tuple(Month(**each) for each in row.get("months", ())))
