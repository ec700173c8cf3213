"""Reading a program's snapshot, page by page, within what the reader may know."""

import re
from dataclasses import dataclass
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from services.integrations.domain.scope import Scope
from services.integrations.log import storage
from services.integrations.log.reading import LARGEST_PAGE
from services.integrations.snapshot.keeping import FACTS
from shared.faults import Invalid, NotFound, Problem
from shared.messages import say

_is_page = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a snapshot.

    ``cursor`` is where the log goes on after the whole snapshot, the same in all its pages. ``next`` is the page after
    this one, None after the last.
    """

    rows: list[dict[str, Any]]
    cursor: str
    next: str | None


def read(database: Database[dict[str, Any]], scope: Scope, program_id: str, page: str | None, limit: int) -> Part:
    """At most ``limit`` of the events that still mattered in the program when its first page was read.

    One that has been made out of date since is left out: what took its place comes in the log after ``cursor``.

    Raises:
        Invalid: there is no such page.
        NotFound: there is no such program in the scope.
    """
    cursor, after = _place(page, storage.head(database).position)
    of_program = {"$and": [{"program": program_id}, scope.query()]}
    if database[FACTS].find_one(of_program, {"_id": 1}) is None:
        raise NotFound(say("There is no such program."))
    wanted = {**of_program, "position": {"$gt": after, "$lte": cursor}, "over": False}
    rows: list[dict[str, Any]] = []
    size = 0
    for row in database[FACTS].find(wanted, sort=[("position", ASCENDING)], limit=limit + 1, batch_size=limit + 1):
        size += len(row["body"])
        if len(rows) == limit or (rows and size > LARGEST_PAGE):
            return Part(rows, str(cursor), f"{cursor}-{rows[-1]['position']}")
        rows.append(row)
    return Part(rows, str(cursor), None)


def _place(page: str | None, end: int) -> tuple[int, int]:
    """The position at which the snapshot is true, and the one up to which it has been read."""
    if page is None:
        return end, 0
    found = _is_page(page)
    cursor, after = (int(each) for each in found.groups()) if found else (0, 0)
    if found is None or not after <= cursor <= end:
        raise Invalid(
            say("There is no such page."),
            [
                Problem(
                    "/page",
                    say("there is no such page"),
                    say("send what the page before gives as the next one, or leave it out to begin"),
                )
            ],
        )
    return cursor, after
