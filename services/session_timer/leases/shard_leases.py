"""Which replica rings which shards: leases with fencing tokens, shared out evenly among those alive."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pymongo import ReturnDocument
from pymongo.database import Database

from services.session_timer.leases.clock_skew import ClockSkew, wall
from services.session_timer.store import SHARDS, shard_name
from shared.storage.lease import Lease, prolong

LEASE_SECONDS = 1.0
"""How long a replica keeps a shard after its last sign of life. With :data:`LOOK_SECONDS` this bounds a takeover."""

RENEW_SECONDS = 0.3
"""How often a replica renews what it holds (real seconds)."""

LOOK_SECONDS = 0.15
"""How often it looks for what is free (real seconds)."""


@dataclass(frozen=True)
class ShardLease:
    """A shard that this replica rings, until ``until`` (monotonic seconds) at least, under fencing token ``token``."""

    shard: int
    token: int
    until: float


class ShardLeases:
    """The leases of replica ``holder``, by shard. :meth:`turn` is called every :data:`LOOK_SECONDS`.

    ``tell_ahead`` gets how far this machine's clock is ahead of the database's, now and then, in real seconds.
    """

    def __init__(self, database: Database[dict[str, Any]], holder: str, tell_ahead: Callable[[float], None]) -> None:
        self._database = database
        self._holder = holder
        self._locks = [Lease(database["shards"], shard_name(shard), holder, LEASE_SECONDS) for shard in range(SHARDS)]
        self._clocks = ClockSkew(tell_ahead)
        self._renewed = 0.0
        self.by_shard: dict[int, ShardLease] = {}

    def turn(self) -> None:
        """Renew, drop what has been lost, take what is free, and give away what is more than a fair share."""
        started = time.monotonic()
        if started - self._renewed >= RENEW_SECONDS:
            self._show_life()
            self._prolong()
            self._renewed = started
        share = self._fair_share()
        for shard in self._free():
            if len(self.by_shard) < share:
                self._acquire(shard)
        if len(self.by_shard) > share:
            self.release(max(self.by_shard))

    def release(self, shard: int) -> None:
        """Give a shard away now."""
        self.by_shard.pop(shard, None)
        self._locks[shard].release()

    def release_all(self) -> None:
        """Give everything away, when this replica ends."""
        for shard in list(self.by_shard):
            self.release(shard)
        self._database["replicas"].delete_one({"_id": self._holder})

    def _acquire(self, shard: int) -> None:
        # Counted from before the call: we may think too early that a shard is lost, never too late.
        until = time.monotonic() + LEASE_SECONDS
        token = self._locks[shard].acquire()
        if token is None:
            self.by_shard.pop(shard, None)
        else:
            self.by_shard[shard] = ShardLease(shard, token, until)

    def _prolong(self) -> None:
        """All at once: one after the other they would be near their end before all are through a slow disk."""
        until = time.monotonic() + LEASE_SECONDS
        names = {shard_name(shard): shard for shard in self.by_shard}
        tokens = prolong(self._database["shards"], list(names), self._holder, LEASE_SECONDS) if names else {}
        self.by_shard = {names[name]: ShardLease(names[name], token, until) for name, token in tokens.items()}

    def _free(self) -> list[int]:
        rows = self._database["shards"].find({"$expr": {"$lte": ["$expires_at", "$$NOW"]}}, {"_id": 1})
        return sorted(int(row["_id"].removeprefix("shard-")) for row in rows)

    def _show_life(self) -> None:
        asked, started = wall(), time.monotonic()
        shown = self._database["replicas"].find_one_and_update(
            {"_id": self._holder},
            [{"$set": {"seen_at": "$$NOW", "alive_until": {"$add": ["$$NOW", round(LEASE_SECONDS * 1000)]}}}],
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        if shown is not None:
            self._clocks.note(asked, shown["seen_at"], wall(), time.monotonic() - started)

    def _fair_share(self) -> int:
        alive = self._database["replicas"].count_documents({"$expr": {"$gt": ["$alive_until", "$$NOW"]}})
        return math.ceil(SHARDS / max(alive, 1))
