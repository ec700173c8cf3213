"""Reading the log: by position, page by page, within what the reader may know."""

from dataclasses import dataclass
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from services.integrations.domain.months import holding
from services.integrations.domain.scope import Scope
from services.integrations.log import storage
from shared.faults import Gone, Invalid, Problem
from shared.messages import say

#: Events that are looked at for one page at the most, however few of them are in the scope.
MOST_LOOKED_AT = 20_000
#: Bytes of events in one page; the first event comes whatever its size.
LARGEST_PAGE = 1_000_000
#: Rows fetched at once: the largest page of small events in one, and few in vain where they are large.
_FETCHED = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of the log, the ``cursor`` to go on from, and whether there is more already."""

    rows: list[dict[str, Any]]
    cursor: str
    more: bool


def beginning(database: Database[dict[str, Any]]) -> str:
    """The cursor before the oldest event that is kept."""
    return str(storage.head(database).oldest - 1)


def end(database: Database[dict[str, Any]]) -> str:
    """The cursor after the last event so far."""
    return str(storage.head(database).position)


def read(
    database: Database[dict[str, Any]], scope: Scope, after: str | None, limit: int, until: int | None = None
) -> Page:
    """At most ``limit`` events of ``scope`` after the cursor ``after``; None is before all that is kept.

    A page may have fewer, even none, with ``more`` after it: the cursor goes on all the same. Where ``until`` is given,
    the log ends for this reader with that position.

    Raises:
        Invalid: there is no such cursor.
        Gone: what came next after it is not kept any more.
    """
    head = storage.head(database)
    begin = head.oldest - 1 if after is None else position_of(after, head, "/after")
    last = head.position if until is None else min(until, head.position)
    scanned = max(begin, min(last, begin + MOST_LOOKED_AT))
    rows: list[dict[str, Any]] = []
    size = 0
    for month in holding(head.months, begin):
        wanted = {"$and": [{"_id": {"$gt": begin, "$lte": scanned}}, scope.query()]}
        found = database[month.collection].find(
            wanted, sort=[("_id", ASCENDING)], limit=limit - len(rows) + 1, batch_size=_FETCHED
        )
        for row in found:
            size += len(row["body"])
            if len(rows) == limit or (rows and size > LARGEST_PAGE):
                _require_kept(begin, storage.head(database))
                return Page(rows, str(rows[-1]["_id"]), True)
            rows.append(row)
    _require_kept(begin, storage.head(database))
    return Page(rows, str(scanned), scanned < last)


def position_of(cursor: str, head: storage.Head, field: str) -> int:
    """The position that a cursor in ``field`` names; raises as :func:`read`."""
    # Digits of ASCII only, and as they are given out: what else int() takes is no cursor.
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18 and int(cursor) <= head.position):
        raise Invalid(
            say("There is no such place in the log."),
            [
                Problem(
                    field,
                    say("there is no such cursor"),
                    say("send the cursor of the page before as it is, or leave it out to begin with the oldest event"),
                )
            ],
        )
    _require_kept(int(cursor), head)
    return int(cursor)


def _require_kept(after: int, head: storage.Head) -> None:
    """What comes next after a position must still be kept; asked once more when it has been read, as it may go then."""
    if after < head.oldest - 1:
        raise Gone(
            say(
                "The events after this cursor are not kept any more; begin anew with a snapshot of each program, "
                "and go on from the cursor in it."
            )
        )
