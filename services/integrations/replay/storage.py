"""Replays, in collection ``replays``.

A document is ``{_id, to, org, types, asked_at, after, until, position, sent, state, why, token, ended_at}``: everything
after position ``after`` up to ``until`` is sent, and up to ``position`` it has been. ``state`` is one of ``running``,
``done``, ``cancelled`` and ``failed`` (``why`` says of what).
"""

from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from shared.storage.unit_of_work import Transaction

Reader = Database[dict[str, Any]] | Transaction
Row = dict[str, Any]

COLLECTION = "replays"
RUNNING, DONE, CANCELLED, FAILED = "running", "done", "cancelled", "failed"
#: How long one that has ended is remembered.
KEEP = timedelta(days=90)


def prepare(database: Database[Row]) -> None:
    """Create the indexes; safe to repeat."""
    replays = database[COLLECTION]
    # Of two asked for at the same time one is refused by this.
    replays.create_index([("to", ASCENDING)], name="one", unique=True, partialFilterExpression={"state": RUNNING})
    replays.create_index("ended_at", name="forget", expireAfterSeconds=int(KEEP.total_seconds()))


def find(reader: Reader, replay_id: str) -> Row | None:
    """One replay."""
    return reader[COLLECTION].find_one({"_id": replay_id})


def running_to(reader: Reader, name: str) -> Row | None:
    """The replay to an integrator that is under way."""
    return reader[COLLECTION].find_one({"to": name, "state": RUNNING})


def latest_to(reader: Reader, name: str, limit: int) -> list[Row]:
    """The replays to an integrator, the latest first."""
    return list(
        reader[COLLECTION].find({"to": name}, sort=[("asked_at", DESCENDING), ("_id", DESCENDING)], limit=limit)
    )


def running(reader: Reader) -> list[Row]:
    """All that are under way."""
    return list(reader[COLLECTION].find({"state": RUNNING}, sort=[("asked_at", ASCENDING), ("_id", ASCENDING)]))


def insert(transaction: Transaction, row: Row) -> None:
    """Store a new one."""
    transaction[COLLECTION].insert_one(row)


def end(reader: Reader, replay_id: str, state: str, now: datetime, why: str | None = None) -> bool:
    """End one that is under way; False if it is not any more."""
    changes = {"state": state, "ended_at": now, "why": why}
    found = reader[COLLECTION].update_one({"_id": replay_id, "state": RUNNING}, {"$set": changes})
    return bool(found.matched_count)


def proceed(database: Database[Row], replay_id: str, token: int, position: int, sent: int) -> bool:
    """Say how far a replay is; False if it is not under way any more, or somebody else has taken it over."""
    mine = {"_id": replay_id, "state": RUNNING, "$or": [{"token": {"$lte": token}}, {"token": None}]}
    changes = {"$max": {"position": position}, "$set": {"token": token}, "$inc": {"sent": sent}}
    return bool(database[COLLECTION].update_one(mine, changes).matched_count)
