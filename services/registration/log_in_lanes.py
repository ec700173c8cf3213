"""Where failed log-ins are counted, for all replicas of registration and of the gateway together.

A row is a lane of :mod:`services.registration.domain.throttle`: the instant ``due`` at which it is empty, and then it
is dropped. It is named by a keyed hash of few bits, so nobody can read addresses from it, and there are never more rows
than such names.
"""

from collections.abc import Callable
from typing import Any

from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

COLLECTION = "log_in_lanes"


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the index that forgets; safe to repeat."""
    database[COLLECTION].create_index("due", name="forget", expireAfterSeconds=0)


class Lanes:
    """The lanes in ``database``; ``name_of`` hides whose they are. Time is the database's, one for all replicas."""

    def __init__(self, database: Database[dict[str, Any]], name_of: Callable[[str], str]) -> None:
        self._rows = database[COLLECTION]
        self._name_of = name_of

    def fill(self, kind: str, whose: str, fullest: float, seconds: float) -> float:
        """The backlog of a lane in seconds, to which ``seconds`` are added unless it is above ``fullest``."""
        change: list[dict[str, Any]] = [
            # A lane that is not there has no due date, and $max passes over what is null.
            {"$set": {"backlog": {"$max": [{"$subtract": ["$due", "$$NOW"]}, 0]}}},
            {
                "$set": {
                    "due": {
                        "$cond": [
                            {"$lte": ["$backlog", round(fullest * 1000)]},
                            {"$add": ["$$NOW", "$backlog", round(seconds * 1000)]},
                            "$due",
                        ]
                    }
                }
            },
        ]
        found = {"_id": f"{kind} {self._name_of(whose)}"}
        try:
            row = self._change(found, change)
        except DuplicateKeyError:
            # Another made it a moment ago.
            row = self._change(found, change)
        return float(row["backlog"]) / 1000

    def _change(self, found: dict[str, Any], change: list[dict[str, Any]]) -> dict[str, Any]:
        row: Any = self._rows.find_one_and_update(found, change, upsert=True, return_document=ReturnDocument.AFTER)
        return dict(row)
