"""The inbox: which events a queue's handler has had its effect of, so that a redelivery has none.

Source: "Idempotent receiver", G. Hohpe and B. Woolf, Enterprise Integration Patterns (2003).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.database import Database

from shared.events import Event

#: A redelivery later than this (a dead letter put back by hand, say) would have its effect again.
KEEP = timedelta(days=60)


class Inbox:
    """Collection ``inbox`` of one service's database; an event is known per queue by its source and id."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._rows = database["inbox"]

    def prepare(self) -> None:
        """Create the index that forgets; safe to repeat."""
        self._rows.create_index("at", name="forget", expireAfterSeconds=int(KEEP.total_seconds()))

    def take(self, session: ClientSession, queue: str, events: Sequence[Event]) -> list[Event]:
        """Record ``events`` as had and return those that were new, once each, in their order.

        The known ones are looked up first: a duplicate key would abort the whole transaction.
        """
        by_key = {f"{queue}|{event.source}|{event.id}": event for event in events}
        known = {
            row["_id"]
            for row in self._rows.find({"_id": {"$in": list(by_key)}}, {"_id": 1}, session=session, batch_size=100_000)
        }
        fresh = {key: event for key, event in by_key.items() if key not in known}
        if fresh:
            at = datetime.now(UTC)
            self._rows.insert_many([{"_id": key, "at": at} for key in fresh], session=session)
        return list(fresh.values())
