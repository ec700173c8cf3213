"""Times as events carry them: RFC 3339, UTC, exactly milliseconds and a ``Z``."""

import re
from datetime import UTC, datetime

PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
"""What every time in an event looks like, in the regular expressions of JSON Schema."""

_TIME = re.compile(PATTERN.removeprefix("^").removesuffix("$"))


def to_milliseconds(moment: datetime) -> datetime:
    """``moment`` in UTC with everything below a millisecond cut off; a time without a zone is refused."""
    if moment.tzinfo is None:
        raise ValueError("a time in an event needs a time zone")
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


def write_time(moment: datetime) -> str:
    """``moment`` as an event writes it, for example ``2026-11-24T09:30:00.000Z``."""
    if moment.tzinfo is None:
        raise ValueError("a time in an event needs a time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def read_time(text: str) -> datetime:
    """The inverse of :func:`write_time`; raises ValueError for anything it would not have written."""
    if not _TIME.fullmatch(text):
        raise ValueError(f"not a UTC time with milliseconds: {text!r}")
    return datetime.fromisoformat(text)


def is_time(text: str) -> bool:
    """Whether ``text`` is a time that :func:`write_time` could have written (so never a 31st of February)."""
    try:
        read_time(text)
    except ValueError:
        return False
    return True
