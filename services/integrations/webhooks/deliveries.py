"""Collection ``webhook_deliveries``: which events of the log an endpoint is to get, and what became of them.

A row is ``{_id, endpoint, position, event, type, subject, state, next_at, attempts, taken_at, done_at, last}``. Bodies
are not in it: they are read from the log when they are sent, so that what was erased there is not sent. ``subject`` is
a digest, since it may stand for a person.

Of a subject one row at most is ``ready``, which a unique index holds to: later ones wait for it, so that each subject's
events arrive in order.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from pymongo import ASCENDING
from pymongo.database import Database

from shared.storage.unit_of_work import Transaction

DELIVERIES: Final = "webhook_deliveries"
#: To be sent at ``next_at``; after another event of its subject; had by the receiver; given up after all attempts.
READY: Final = "ready"
WAITING: Final = "waiting"
DELIVERED: Final = "delivered"
GIVEN_UP: Final = "given-up"
#: For how long it is known that an event was delivered, and can be sent once more by its id.
KEEP_DELIVERED: Final = timedelta(days=7)

Row = dict[str, Any]
Reader = Database[Row] | Transaction


def prepare(database: Database[Row]) -> None:
    """Create the indexes; safe to repeat."""
    rows = database[DELIVERIES]
    rows.create_index(
        [("endpoint", ASCENDING), ("state", ASCENDING), ("next_at", ASCENDING), ("position", ASCENDING)], name="due"
    )
    rows.create_index(
        [("next_at", ASCENDING), ("endpoint", ASCENDING)],
        name="due-anywhere",
        partialFilterExpression={"state": READY},
    )
    rows.create_index(
        [("endpoint", ASCENDING), ("subject", ASCENDING), ("position", ASCENDING)],
        name="waiting",
        partialFilterExpression={"state": WAITING},
    )
    rows.create_index(
        [("endpoint", ASCENDING), ("subject", ASCENDING)],
        name="one-at-a-time",
        unique=True,
        partialFilterExpression={"state": READY},
    )
    rows.create_index([("endpoint", ASCENDING), ("event", ASCENDING)], name="event")
    rows.create_index("done_at", name="forget", expireAfterSeconds=int(KEEP_DELIVERED.total_seconds()))


def add(transaction: Transaction, endpoint_id: str, logged: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Have the events in rows of the log, in their order, delivered to an endpoint."""
    rows = [_row(endpoint_id, each, now) for each in logged]
    busy = _busy(transaction, endpoint_id, {row["subject"] for row in rows})
    for row in rows:
        row["state"] = WAITING if row["subject"] in busy else READY
        busy.add(row["subject"])
    transaction[DELIVERIES].insert_many(rows)


def add_test(transaction: Transaction, endpoint_id: str, event: Mapping[str, Any], now: datetime) -> None:
    """Have a test event sent once. It is in no log, so its body is kept here until then."""
    transaction[DELIVERIES].insert_one(
        {
            "_id": f"{endpoint_id}|test|{event['id']}",
            "endpoint": endpoint_id,
            "position": None,
            "event": event["id"],
            "type": event["type"],
            "subject": f"test|{event['id']}",
            "state": READY,
            "next_at": now,
            "attempts": 0,
            "taken_at": now,
            "last": None,
            "body": orjson.dumps(event),
        }
    )


def is_test(row: Mapping[str, Any]) -> bool:
    """Whether it is a test event, and none of the log."""
    return row["position"] is None


def endpoints_with_due(database: Database[Row], now: datetime) -> set[str]:
    """Endpoints that have something to send."""
    return set(database[DELIVERIES].distinct("endpoint", {"state": READY, "next_at": {"$lte": now}}))


def due(
    database: Database[Row], endpoint_id: str, now: datetime, most: int, but: Iterable[str] = (), tests: bool = False
) -> list[Row]:
    """At most ``most`` rows to send now, those that wait longest first; ``tests``: only test events."""
    wanted: dict[str, Any] = {
        "endpoint": endpoint_id,
        "state": READY,
        "next_at": {"$lte": now},
        "_id": {"$nin": list(but)},
    }
    if tests:
        wanted["position"] = None
    if most == 0:
        # To the database it would be all.
        return []
    order = [("next_at", ASCENDING), ("position", ASCENDING)]
    return list(database[DELIVERIES].find(wanted, sort=order, limit=most))


def find(transaction: Transaction, row_id: str) -> Row | None:
    """One row."""
    found: Row | None = transaction[DELIVERIES].find_one({"_id": row_id})
    return found


def of_event(reader: Reader, endpoint_id: str, event_id: str) -> Row | None:
    """The row of an event."""
    found: Row | None = reader[DELIVERIES].find_one({"endpoint": endpoint_id, "event": event_id})
    return found


def in_state(reader: Reader, endpoint_id: str, state: str, most: int, since: datetime | None = None) -> list[Row]:
    """Rows in a state, the oldest first; ``since`` is when the last attempt ended at the earliest."""
    wanted: dict[str, Any] = {"endpoint": endpoint_id, "state": state}
    if since is not None:
        wanted["last.at"] = {"$gte": since}
    return list(reader[DELIVERIES].find(wanted, sort=[("position", ASCENDING)], limit=most))


def latest_delivered(database: Database[Row], endpoint_id: str, most: int) -> list[Row]:
    """What the receiver has had, the latest first."""
    wanted = {"endpoint": endpoint_id, "state": DELIVERED}
    # In the order of an index: there may be very many.
    return list(database[DELIVERIES].find(wanted, sort=[("next_at", -1)], limit=most))


def failing(database: Database[Row], endpoint_id: str, most: int) -> list[Row]:
    """What has failed at least once and is tried again, the oldest first."""
    wanted = {"endpoint": endpoint_id, "state": READY, "attempts": {"$gt": 0}}
    return list(database[DELIVERIES].find(wanted, sort=[("position", ASCENDING)], limit=most))


def update(transaction: Transaction, row_id: str, changes: Mapping[str, Any]) -> None:
    """Store ``changes`` of fields."""
    transaction[DELIVERIES].update_one({"_id": row_id}, {"$set": dict(changes)})


def delete(transaction: Transaction, row_id: str) -> None:
    """Forget a row."""
    transaction[DELIVERIES].delete_one({"_id": row_id})


def delete_all(transaction: Transaction, endpoint_id: str) -> None:
    """Forget all of an endpoint's."""
    transaction[DELIVERIES].delete_many({"endpoint": endpoint_id})


def delete_pending(transaction: Transaction, endpoint_id: str) -> None:
    """Forget what an endpoint has still to get."""
    transaction[DELIVERIES].delete_many({"endpoint": endpoint_id, "state": {"$in": [READY, WAITING]}})


def start_anew(transaction: Transaction, endpoint_id: str, now: datetime) -> None:
    """Have all that is ready tried now, with all attempts before it."""
    transaction[DELIVERIES].update_many(
        {"endpoint": endpoint_id, "state": READY}, {"$set": {"next_at": now, "attempts": 0}}
    )


def promote(transaction: Transaction, endpoint_id: str, subject: str, now: datetime) -> None:
    """Make the next event of a subject ready, now that the one before it is done with."""
    transaction[DELIVERIES].find_one_and_update(
        {"endpoint": endpoint_id, "subject": subject, "state": WAITING},
        {"$set": {"state": READY, "next_at": now}},
        sort=[("position", ASCENDING)],
    )


def put_back(transaction: Transaction, row: Mapping[str, Any], now: datetime) -> bool:
    """Have an event delivered once more; returns whether it was done with before."""
    if row["state"] in (READY, WAITING):
        update(transaction, row["_id"], {"attempts": 0, "next_at": now})
        return False
    state = WAITING if _busy(transaction, row["endpoint"], {row["subject"]}) else READY
    transaction[DELIVERIES].update_one(
        {"_id": row["_id"]}, {"$set": {"state": state, "attempts": 0, "next_at": now}, "$unset": {"done_at": ""}}
    )
    return True


def _busy(transaction: Transaction, endpoint_id: str, subjects: set[str]) -> set[str]:
    """Subjects of which an event is ready, so that others have to wait."""
    found = transaction[DELIVERIES].find(
        {"endpoint": endpoint_id, "subject": {"$in": list(subjects)}, "state": READY}, {"subject": 1}
    )
    return {row["subject"] for row in found}


def _row(endpoint_id: str, logged: Mapping[str, Any], now: datetime) -> Row:
    event = orjson.loads(logged["body"])
    return {
        "_id": f"{endpoint_id}|{logged['_id']}",
        "endpoint": endpoint_id,
        "position": logged["_id"],
        "event": event["id"],
        "type": logged["type"],
        "subject": _digest(endpoint_id, event["source"], event.get("subject", "")),
        "state": READY,
        "next_at": now,
        "attempts": 0,
        "taken_at": now,
        "last": None,
    }


def _digest(endpoint_id: str, source: str, subject: str) -> str:
    return hashlib.blake2b("\0".join((endpoint_id, source, subject)).encode(), digest_size=16).hexdigest()
