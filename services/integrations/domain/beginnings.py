"""From where on the log is to be read: a position in it, or a time."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

_is_cursor = re.compile(r"[0-9]{1,18}", re.ASCII).fullmatch


def read_beginning(text: str) -> int | datetime | None:
    """A cursor or an aware time (RFC 3339, a date means its first moment in UTC); None for what is neither."""
    if _is_cursor(text):
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        # An hour that is told without a zone is one of two dozen; a date is what people write.
        return found.replace(tzinfo=UTC) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    return found


def first_at(moment: datetime, low: int, high: int, time_after: Callable[[int], tuple[int, datetime] | None]) -> int:
    """The position after which everything came at ``moment`` or later, between ``low`` and ``high``.

    ``time_after(position)`` tells the next position that there is, and when that came; times never go back. So a few
    looks are enough, and no index by time is needed.
    """
    while low < high:
        middle = (low + high) // 2
        found = time_after(middle)
        if found is None or found[1] >= moment:
            high = middle
        else:
            low = min(found[0], high)
    return low
