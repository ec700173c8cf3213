"""The inbox: which events a queue's handler has had its effect of, so that a redelivery has none.

Source: "Idempotent receiver", G. Hohpe and B. Woolf, Enterprise Integration Patterns (2003).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from shared.clock import wall_clock
from shared.events import Event

#: A redelivery later than this (a dead letter put back by hand, say) would have its effect again.
KEEP = timedelta(days=60)


_DUPLICATE_KEY = 11000


class Repeated(Exception):
    """Some event was had before: the transaction is lost, and to be done again with a look at what is known."""


class Inbox:
    """Collection ``inbox`` of one service's database; an event is known per queue by its source and id."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._rows = database["inbox"]

    def prepare(self) -> None:
        """Create the index that forgets; safe to repeat."""
        self._rows.create_index("at", name="forget", expireAfterSeconds=int(KEEP.total_seconds()))

    def take_new(self, session: ClientSession, queue: str, events: Sequence[Event]) -> list[Event]:
        """Record ``events``, which hardly ever are known, as had; return them once each, in their order.

        Raises:
            Repeated: some are known; :meth:`take` tells which.
        """
        by_key = {_key(queue, event): event for event in events}
        try:
            self._record(session, list(by_key))
        except BulkWriteError as error:
            if any(each["code"] == _DUPLICATE_KEY for each in (error.details or {}).get("writeErrors", ())):
                raise Repeated from error
            raise
        return list(by_key.values())

    def take(self, session: ClientSession, queue: str, events: Sequence[Event]) -> list[Event]:
        """Record ``events`` as had and return those that were new, once each, in their order.

        The known ones are looked up first: a duplicate key would abort the whole transaction.
        """
        by_key = {_key(queue, event): event for event in events}
        known = {
            row["_id"]
            for row in self._rows.find({"_id": {"$in": list(by_key)}}, {"_id": 1}, session=session, batch_size=100_000)
        }
        fresh = {key: event for key, event in by_key.items() if key not in known}
        if fresh:
            self._record(session, list(fresh))
        return list(fresh.values())

    def _record(self, session: ClientSession, keys: Sequence[str]) -> None:
        at = wall_clock()
        self._rows.insert_many([{"_id": key, "at": at} for key in keys], session=session)


def _key(queue: str, event: Event) -> str:
    return f"{queue}|{event.source}|{event.id}"
