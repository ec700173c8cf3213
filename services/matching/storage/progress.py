"""How far a plan under way is, for whoever asks: kept beside the plan, so that telling it holds up no transaction."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

from shared.clock import monotonic
from shared.storage.unit_of_work import Transaction

OFTEN = 0.3
"""Seconds between two notes. A plan that takes less writes none."""


class Progress:
    """Notes how much of request ``requested`` for a program's plan is done, which has so many ``parts``."""

    def __init__(self, database: Database[dict[str, Any]], program_id: str, requested: int, parts: int) -> None:
        self._collection = database["progress"]
        self._program_id = program_id
        self._requested = requested
        self._shares = [0.0] * parts
        self._noted_at = monotonic()

    def of_part(self, number: int) -> Callable[[float], None]:
        """What part ``number`` (from 0) is to tell its own share to."""

        def note(share: float) -> None:
            self._shares[number] = share
            if monotonic() - self._noted_at >= OFTEN:
                self._noted_at = monotonic()
                done = {"requested": self._requested, "share": sum(self._shares) / len(self._shares)}
                with suppress(PyMongoError):
                    self._collection.replace_one({"_id": self._program_id}, done, upsert=True)

        return note


def share_done(reader: Database[dict[str, Any]] | Transaction, program_id: str, requested: int) -> float:
    """The share (0 to 1) that is done of that request."""
    row = reader["progress"].find_one({"_id": program_id})
    return round(row["share"], 3) if row is not None and row["requested"] == requested else 0.0
