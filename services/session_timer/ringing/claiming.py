"""Claiming bells: one conditional write for each shard, which is the commit of all that rings in the next moment."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prometheus_client import Counter
from pymongo import UpdateOne
from pymongo.database import Database

from services.session_timer.domain.claims import Claim
from services.session_timer.leases.shard_leases import LEASE_SECONDS
from services.session_timer.ringing.shard_state import ShardState
from services.session_timer.store import shard_name

FENCED = Counter("speedmentor_claims_refused_total", "Claims refused: the shard was lost or had changed")


class Claimer:
    """Claims for the replica ``holder``."""

    def __init__(self, database: Database[dict[str, Any]], holder: str) -> None:
        self._shards = database["shards"]
        self._holder = holder

    def claim(
        self, states: list[ShardState], since: datetime, through: datetime
    ) -> Iterator[tuple[ShardState, Claim | None]]:
        """Claim what is due by ``through`` in each of ``states``; those refused are left out, and stale.

        None stands for a claim that took so long to make that another replica may ring it by now: whoever holds the
        shard finds it there.
        """
        started = time.monotonic()
        claimed = self._write(states, since, through)
        # Now, and not while whoever asks is at work on the claims before.
        took = time.monotonic() - started
        for state in states:
            if state.lease.shard not in claimed:
                state.stale = True
            elif took > LEASE_SECONDS / 2:
                yield state, None
            else:
                state.claimed += 1
                state.own.add(state.claimed)
                yield state, Claim(state.claimed, since, through)

    def _write(self, states: list[ShardState], since: datetime, through: datetime) -> set[int]:
        """The shards in which it is claimed."""
        numbers = {state.lease.shard: state.claimed + 1 for state in states}
        writes = [
            UpdateOne(
                {
                    "_id": shard_name(state.lease.shard),
                    "holder": self._holder,
                    "token": state.lease.token,
                    "changes": state.changes,
                    "claimed": state.claimed,
                },
                {
                    "$set": {"claimed": state.claimed + 1},
                    "$push": {"claims": {"number": state.claimed + 1, "since": since, "through": through}},
                },
            )
            for state in states
        ]
        result = self._shards.bulk_write(writes, ordered=False)
        if result.matched_count == len(states):
            return set(numbers)
        FENCED.inc(len(states) - result.matched_count)
        these = {"_id": {"$in": [shard_name(shard) for shard in numbers]}, "holder": self._holder}
        rows = {row["_id"]: row["claims"] for row in self._shards.find(these, {"claims": 1})}
        return {
            shard
            for shard, number in numbers.items()
            if any(each["number"] == number for each in rows.get(shard_name(shard), ()))
        }
