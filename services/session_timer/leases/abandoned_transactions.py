"""Transactions that somebody began and left: a replica killed or stopped over a command keeps what it wrote locked.

The database gives such a transaction up after seconds only, and for so long nobody could claim bells of the shard it
touched. So every replica looks for transactions of replicas that show no life any more, and ends them: nothing of
them is committed, and a replica that was only slow is told to begin anew.
"""

import re
from datetime import timedelta
from threading import Event as Flag
from typing import Any

import structlog
from prometheus_client import Counter
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

log = structlog.get_logger()

ENDED = Counter("speedmentor_transactions_abandoned_total", "Transactions that were ended because nobody went on")

IDLE = timedelta(seconds=0.3)
"""How long nothing has happened in a transaction that may be abandoned. Ours take some milliseconds."""
LOOK_SECONDS = 0.15
"""How often to look (real seconds)."""


class AbandonedTransactions:
    """Ends what replicas of this service have begun and left. ``holder`` is this replica's name in the leases."""

    def __init__(self, database: Database[dict[str, Any]], holder: str) -> None:
        self._replicas = database["replicas"]
        self._admin = database.client.get_database("admin", read_concern=ReadConcern("local"))
        # Where there are no accounts, other services' transactions are shown too.
        self._ours = f"speedmentor-{holder.partition('@')[0]}@"
        #: Also while the database is so slow that we seem dead ourselves.
        self._own = _process(holder)
        self._pipeline: list[dict[str, Any]] = [
            {"$currentOp": {"allUsers": False, "idleSessions": True}},
            {
                "$match": {
                    "type": "idleSession",
                    "appName": {"$regex": f"^{re.escape(self._ours)}"},
                    "transaction.timeInactiveMicros": {"$gte": IDLE // timedelta(microseconds=1)},
                }
            },
            {"$project": {"lsid": 1, "appName": 1}},
        ]

    def run(self, stopping: Flag) -> None:
        """Look and end until stopped."""
        while not stopping.wait(LOOK_SECONDS):
            try:
                self.end()
            except PyMongoError as error:
                log.warning("abandoned-not-seen", error=type(error).__name__, detail=str(error)[:300])
                stopping.wait(2)

    def end(self) -> int:
        """End what is abandoned now; how many transactions that was."""
        idle = list(self._admin.aggregate(self._pipeline))
        if not idle:
            return 0
        alive = self._replicas.find({"$expr": {"$gt": ["$alive_until", "$$NOW"]}}, {"_id": 1})
        processes = {self._own, *(_process(row["_id"]) for row in alive)}
        abandoned = [each["lsid"]["id"] for each in idle if each["appName"] not in processes]
        if abandoned:
            self._admin.command("killSessions", [{"id": each} for each in abandoned])
            ENDED.inc(len(abandoned))
            log.warning("transactions-abandoned", count=len(abandoned))
        return len(abandoned)


def _process(holder: str) -> str:
    """How the database knows the process; a holder's name has one more part, for each of its lives."""
    return f"speedmentor-{holder.rpartition(':')[0]}"
