"""Collection ``webhook_endpoints``: where an integrator's events go, how far they have come, and how it does there.

A row is ``{_id, integrator, org, url, types, programs, secrets, state, reason, since, created_at, position, token,
revision, standing, pending, given_up, delivered, delivered_at, failed, test, gap}``. Every transaction on an endpoint
writes its row, so that the database puts them in a row; ``token`` is that of the replica that sends for it, which has
no effect any more once another one has taken over.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING, ReturnDocument
from pymongo.database import Database

from services.integrations.domain.retrying import Standing
from shared.storage.unit_of_work import Transaction

ENDPOINTS: Final = "webhook_endpoints"
ACTIVE: Final = "active"
DISABLED: Final = "disabled"
#: Endpoints of one integrator.
MOST_ENDPOINTS: Final = 10

Reader = Database[dict[str, Any]] | Transaction
Row = dict[str, Any]


def prepare(database: Database[Row]) -> None:
    """Create the indexes; safe to repeat."""
    database[ENDPOINTS].create_index([("integrator", ASCENDING)], name="integrator")


def insert(transaction: Transaction, row: Mapping[str, Any]) -> None:
    """Store a new endpoint, from which nothing has been sent yet."""
    fresh: dict[str, Any] = {
        "state": ACTIVE,
        "reason": None,
        "token": 0,
        "revision": 1,
        "standing": asdict(Standing()),
        "pending": 0,
        "given_up": 0,
        "delivered": 0,
        "delivered_at": None,
        "failed": None,
        "test": None,
        "gap": None,
    }
    transaction[ENDPOINTS].insert_one({**fresh, **row})


def find(reader: Reader, endpoint_id: str) -> Row | None:
    """One endpoint."""
    found: Row | None = reader[ENDPOINTS].find_one({"_id": endpoint_id})
    return found


def of(reader: Reader, org: str, integrator: str | None = None) -> list[Row]:
    """The endpoints of an organization, or of one integrator of it, the oldest first."""
    wanted = {"org": org} | ({"integrator": integrator} if integrator else {})
    return list(reader[ENDPOINTS].find(wanted, sort=[("_id", ASCENDING)]))


def of_integrator(transaction: Transaction, integrator: str) -> list[Row]:
    """The endpoints of an integrator."""
    return list(transaction[ENDPOINTS].find({"integrator": integrator}))


def count(transaction: Transaction, integrator: str) -> int:
    """How many endpoints an integrator has."""
    return int(transaction[ENDPOINTS].count_documents({"integrator": integrator}))


def everything(database: Database[Row]) -> list[Row]:
    """What a sender has to know of all endpoints to see which of them needs it."""
    known = {"state": 1, "position": 1, "revision": 1, "token": 1}
    return list(database[ENDPOINTS].find({}, known))


def hold(transaction: Transaction, endpoint_id: str, token: int | None = None) -> Row | None:
    """The endpoint for this transaction alone; None if it is gone, or another has taken over from ``token``."""
    mine = {"_id": endpoint_id} | ({} if token is None else {"token": token})
    held: Row | None = transaction[ENDPOINTS].find_one_and_update(
        mine, {"$inc": {"revision": 1}}, return_document=ReturnDocument.AFTER
    )
    return held


def take_over(database: Database[Row], endpoint_id: str, token: int) -> None:
    """Have whatever an earlier holder still writes come to nothing."""
    database[ENDPOINTS].update_one({"_id": endpoint_id}, {"$max": {"token": token}})


def save(transaction: Transaction, endpoint_id: str, changes: Mapping[str, Any]) -> None:
    """Store ``changes`` of fields."""
    transaction[ENDPOINTS].update_one({"_id": endpoint_id}, {"$set": dict(changes)})


def delete(transaction: Transaction, endpoint_id: str) -> None:
    """Forget the endpoint."""
    transaction[ENDPOINTS].delete_one({"_id": endpoint_id})


def disabled(reason: str, now: datetime) -> dict[str, Any]:
    """The fields of an endpoint that gets nothing any more, and why."""
    return {"state": DISABLED, "reason": reason, "since": now}


def standing_of(row: Mapping[str, Any]) -> Standing:
    """How an endpoint does."""
    return Standing(**row["standing"])
