"""The months of the log: each is a collection of its own, so that the oldest can be dropped whole.

The log tells months by the real time at which it took an event. Positions go on through all months, so a month is known
by the first position in it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_is_month = re.compile(r"[0-9]{4}_(0[1-9]|1[0-2])").fullmatch
_PREFIX = "events_"


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """``2026_11`` and the first position in it."""

    name: str
    first: int

    @property
    def collection(self) -> str:
        """Where its events are kept."""
        return collection_of(self.name)


def month_of(at: datetime) -> str:
    """The month of an aware time, by UTC: ``2026_11``."""
    return f"{at.astimezone(UTC):%Y_%m}"


def following(month: str, months: int = 1) -> str:
    """The month so many after ``month``; before it where ``months`` is negative."""
    year, number = map(int, month.split("_"))
    total = year * 12 + number - 1 + months
    return f"{total // 12:04d}_{total % 12 + 1:02d}"


def collection_of(month: str) -> str:
    """The collection that keeps the events of a month."""
    return _PREFIX + month


def month_in(collection: str) -> str | None:
    """The month whose events a collection keeps; None if it is no part of the log."""
    name = collection.removeprefix(_PREFIX)
    return name if name != collection and _is_month(name) else None


def entered(months: Sequence[Month], at: datetime, position: int) -> tuple[Month, ...]:
    """The months once an event comes in at ``at`` as ``position``.

    Never goes back: where the clock of one replica is still in the month before, its events join the later one's.
    """
    month = month_of(at)
    if months and month <= months[-1].name:
        return tuple(months)
    return (*months, Month(month, position))


def past(months: Iterable[Month], at: datetime, kept: int) -> tuple[Month, ...]:
    """The months of which nothing is kept any more at ``at``: all but the current one and the ``kept`` before it."""
    oldest = following(month_of(at), -kept)
    return tuple(each for each in months if each.name < oldest)


def holding(months: Sequence[Month], after: int) -> tuple[Month, ...]:
    """Those of ``months``, which are in order, that may hold a position above ``after``."""
    later = [at for at, each in enumerate(months) if each.first > after + 1]
    begin = max((later[0] if later else len(months)) - 1, 0)
    return tuple(months[begin:])
