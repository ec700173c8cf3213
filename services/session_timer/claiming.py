"""Claiming bells: one conditional write for each shard, which is the commit of all that rings in the next moment."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prometheus_client import Counter
from pymongo import UpdateOne
from pymongo.database import Database

from services.session_timer.book import Book
from services.session_timer.shards import LEASE_SECONDS
from services.session_timer.store import Claim, shard_name

FENCED = Counter("speedmentor_claims_refused_total", "Claims refused: the shard was lost or had changed")


class Claiming:
    """Claims for the replica ``holder``."""

    def __init__(self, database: Database[dict[str, Any]], holder: str) -> None:
        self._shards = database["shards"]
        self._holder = holder

    def claim(self, books: list[Book], since: datetime, through: datetime) -> Iterator[tuple[Book, Claim | None]]:
        """Claim what is due by ``through`` in each of ``books``; those refused are left out, and stale.

        None stands for a claim that took so long to make that another replica may ring it by now: whoever holds the
        shard finds it there.
        """
        started = time.monotonic()
        claimed = self._write(books, since, through)
        # Now, and not while whoever asks is at work on the claims before.
        took = time.monotonic() - started
        for book in books:
            if book.held.shard not in claimed:
                book.stale = True
            elif took > LEASE_SECONDS / 2:
                yield book, None
            else:
                book.claimed += 1
                book.own.add(book.claimed)
                yield book, Claim(book.claimed, since, through)

    def _write(self, books: list[Book], since: datetime, through: datetime) -> set[int]:
        """The shards in which it is claimed."""
        numbers = {book.held.shard: book.claimed + 1 for book in books}
        writes = [
            UpdateOne(
                {
                    "_id": shard_name(book.held.shard),
                    "holder": self._holder,
                    "token": book.held.token,
                    "changes": book.changes,
                    "claimed": book.claimed,
                },
                {
                    "$set": {"claimed": book.claimed + 1},
                    "$push": {"claims": {"number": book.claimed + 1, "since": since, "through": through}},
                },
            )
            for book in books
        ]
        result = self._shards.bulk_write(writes, ordered=False)
        if result.matched_count == len(books):
            return set(numbers)
        FENCED.inc(len(books) - result.matched_count)
        these = {"_id": {"$in": [shard_name(shard) for shard in numbers]}, "holder": self._holder}
        rows = {row["_id"]: row["claims"] for row in self._shards.find(these, {"claims": 1})}
        return {
            shard
            for shard, number in numbers.items()
            if any(each["number"] == number for each in rows.get(shard_name(shard), ()))
        }
