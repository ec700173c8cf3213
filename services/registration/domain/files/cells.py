"""What is written in a cell, and what it means. Lists are separated by ``;``, ``,``, ``|`` or new lines."""

import re
from collections.abc import Callable

from services.registration.domain import limits
from services.registration.domain.texts import clean
from shared.messages import Message, say


class BadCell(Exception):
    """A cell that cannot be read: what is wrong and what mends it."""

    def __init__(self, what: Message, remedy: Message) -> None:
        super().__init__(str(what))
        self.what = what
        self.remedy = remedy


_SEPARATORS = re.compile(r"[;,|\n]")
_YES = {"yes", "y", "true", "1", "x", "ya"}
_NO = {"", "no", "n", "false", "0", "tidak"}
_RANGE = re.compile(r"(\d{1,4})(?:\s*[-–]\s*(\d{1,4}))?")


def listed(text: str) -> tuple[str, ...]:
    """The parts of a list that are not empty, in their order."""
    return tuple(part for part in (clean(part) for part in _SEPARATORS.split(clean(text))) if part)


def code(text: str) -> str:
    """A code as people write it: ``Career change`` is ``career-change``."""
    return re.sub(r"\s+", "-", text.strip().casefold())


def codes(text: str) -> tuple[str, ...]:
    """A list of codes."""
    return tuple(code(part) for part in listed(text))


def levels(text: str) -> tuple[tuple[str, int], ...]:
    """Topics with the level of experience: ``career-change:5; funding:3``."""
    found = []
    for part in listed(text):
        topic, colon, level = part.rpartition(":")
        if not colon or not re.fullmatch(r"\d{1,4}", level.strip()):
            raise BadCell(
                say("{value} says no level of experience", value=_shown(part)),
                say("write each topic with a level from 1 to 5, as in funding:3"),
            )
        found.append((code(topic), int(level)))
    return tuple(found)


def languages(text: str) -> tuple[str, ...]:
    """Language tags (BCP 47), the language itself in lower case."""
    tags = []
    for part in listed(text):
        language, hyphen, rest = part.replace("_", "-").partition("-")
        tags.append(language.lower() + hyphen + rest)
    return tuple(tags)


def flag(text: str) -> bool:
    """Yes or no; empty is no."""
    word = clean(text).casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise BadCell(say("{value} is neither yes nor no", value=_shown(word)), say("write yes or no"))


def whole(text: str) -> int:
    """A whole number; ``3.0`` is one too, as spreadsheets like to write it."""
    written = re.fullmatch(r"(\d{1,9})(?:[.,]0+)?", clean(text))
    if not written:
        raise BadCell(
            say("{value} is not a whole number", value=_shown(text)), say("write digits only, or leave it empty")
        )
    return int(written.group(1))


def rounds(text: str) -> tuple[int, ...]:
    """Rounds such as ``1-4,6``, sorted."""
    found: set[int] = set()
    for part in listed(text):
        written = _RANGE.fullmatch(part)
        first = int(written.group(1)) if written else 0
        last = int(written.group(2) or first) if written else 0
        if not 1 <= first <= last <= limits.MOST_ROUNDS:
            raise BadCell(
                say("{value} names no rounds", value=_shown(part)),
                say("write rounds such as 1-4,6 (format the column as text, or the spreadsheet makes dates of it)"),
            )
        found.update(range(first, last + 1))
    return tuple(sorted(found))


Parser = Callable[[str], object]


def _shown(value: str) -> str:
    text = "".join(each if each.isprintable() else "?" for each in clean(value))
    return text if len(text) <= 40 else text[:39] + "…"
