"""A lease on a duty, so that of several replicas one does it, with a fencing token that tells old from new.

The database's own clock (``$$NOW``) decides when a lease runs out, so the clocks of the replicas need not agree.
A holder that stalls and wakes finds that its token is no longer the current one.
Source: C. Gray and D. Cheriton, "Leases", SOSP 1989; fencing tokens after M. Kleppmann, 2016.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError


@dataclass
class Lease:
    """The duty ``name``, kept in ``collection``, wanted by ``holder`` for ``seconds`` at a time."""

    collection: Collection[dict[str, Any]]
    name: str
    holder: str
    seconds: float

    def acquire(self) -> int | None:
        """Take or prolong the lease.

        Returns:
            The fencing token (it grows whenever the holder changes), or ``None`` while another holds it.
        """
        mine = {"$eq": ["$holder", self.holder]}
        free_or_mine = {"$or": [mine, {"$lte": ["$expires_at", "$$NOW"]}]}
        expires = {"$add": ["$$NOW", round(self.seconds * 1000)]}
        try:
            # The filter reads the lease's expiry by the server's clock: the update is atomic on this one document.
            after = self.collection.find_one_and_update(
                {"_id": self.name, "$expr": free_or_mine},
                [
                    {
                        "$set": {
                            "token": {"$cond": [mine, "$token", {"$add": [{"$ifNull": ["$token", 0]}, 1]}]},
                            "holder": self.holder,
                            "expires_at": expires,
                        }
                    }
                ],
                upsert=False,
                return_document=ReturnDocument.AFTER,
            )
            if after is None:
                after = self._create()
        except DuplicateKeyError:
            return None
        return None if after is None else int(after["token"])

    def _create(self) -> dict[str, Any] | None:
        """The first lease ever on this duty; a duplicate key means that somebody holds it already."""
        return self.collection.find_one_and_update(
            {"_id": self.name, "holder": {"$exists": False}},
            [
                {
                    "$set": {
                        "token": 1,
                        "holder": self.holder,
                        "expires_at": {"$add": ["$$NOW", round(self.seconds * 1000)]},
                    }
                }
            ],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )

    def release(self) -> None:
        """Give the lease up now, so that another need not wait for it to run out."""
        self.collection.update_one(
            {"_id": self.name, "holder": self.holder}, [{"$set": {"expires_at": "$$NOW", "holder": ""}}]
        )


def prolong(
    collection: Collection[dict[str, Any]], names: Sequence[str], holder: str, seconds: float
) -> dict[str, int]:
    """Prolong leases that ``holder`` has, in one write however many they are.

    Returns:
        The fencing token of each that it still has, by name.
    """
    mine = {"_id": {"$in": list(names)}, "holder": holder}
    collection.update_many(mine, [{"$set": {"expires_at": {"$add": ["$$NOW", round(seconds * 1000)]}}}])
    return {row["_id"]: int(row["token"]) for row in collection.find(mine, {"token": 1})}
