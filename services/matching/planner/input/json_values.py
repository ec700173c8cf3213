"""Read a JSON document value by value and collect every fault, each with the JSON pointer (RFC 6901) of its place."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from shared.faults import pointer_step
from shared.messages import Message, say

LONGEST_TEXT = 200
_INVISIBLE = frozenset("\u00ad\u200c\u200d")
"""Soft hyphen and the two joiners: Persian, Indic scripts and compound signs are not written without."""
TOP_LEVEL = 5

Faults = list[tuple[str, Message]]
Path = tuple[str | int, ...]


def pointer(path: Path) -> str:
    """``path`` as a JSON pointer; a key too long to read is cut."""
    return "".join("/" + pointer_step(short(str(step))) for step in path)


def short(text: str) -> str:
    """``text`` fit to be read on one line: cut, and with line ends and other controls made visible."""
    cut = text if len(text) <= 60 else text[:57] + "..."
    return cut if cut.isprintable() else cut.encode("unicode_escape").decode("ascii")


def is_line(text: str) -> bool:
    """Whether ``text`` can stand on one line as it is: no controls, no line ends, no change of direction."""
    return text.isprintable() or all(
        each.isprintable() or each in _INVISIBLE or unicodedata.category(each) == "Zs" for each in text
    )


class Reader:
    """Collects faults while it reads; what is faulty is read as its default, so that all faults are found."""

    def __init__(self) -> None:
        self.faults: Faults = []

    def fault(self, path: Path, what: Message) -> None:
        self.faults.append((pointer(path), what))

    def whole(self, value: Any, path: Path, least: int, most: int, default: int) -> int:
        if type(value) is not int:
            self.fault(path, say("must be a whole number"))
        elif value < least:
            self.fault(path, say("must be at least {least}", least=least))
        elif value > most:
            self.fault(path, say("must be at most {most}", most=most))
        else:
            return value
        return default

    def text(self, value: Any, path: Path) -> str:
        if type(value) is not str:
            self.fault(path, say("must be text"))
        elif not value:
            self.fault(path, say("must not be empty"))
        elif len(value) > LONGEST_TEXT:
            self.fault(path, say("is longer than {most} characters", most=LONGEST_TEXT))
        elif not is_line(value):
            self.fault(path, say("holds characters that cannot be printed"))
        else:
            return value
        return ""

    def truth(self, value: Any, path: Path) -> bool:
        if type(value) is not bool:
            self.fault(path, say("must be true or false"))
            return False
        return value

    def listed(self, value: Any, path: Path) -> list[Any]:
        if type(value) is not list:
            self.fault(path, say("must be a list"))
            return []
        return value

    def fields(self, value: Any, path: Path, known: set[str]) -> Mapping[str, Any]:
        if type(value) is not dict:
            self.fault(path, say("must be an object"))
            return {}
        if not value.keys() <= known:
            for key in sorted(map(str, value.keys() - known)):
                self.fault((*path, key), say("is not a field of this format"))
        return value

    def texts(self, value: Any, path: Path) -> tuple[str, ...]:
        """Distinct texts."""
        found: dict[str, None] = {}
        for at, each in enumerate(self.listed(value, path)):
            if type(each) is str and 0 < len(each) <= LONGEST_TEXT and is_line(each):
                if each in found:
                    self.fault((*path, at), say("is listed twice"))
                found[each] = None
            else:
                self.text(each, (*path, at))
        return tuple(found)

    def round_mask(self, value: Any, path: Path, rounds: int) -> int:
        mask = 0
        for at, each in enumerate(self.listed(value, path)):
            if type(each) is int and 1 <= each <= rounds:
                if mask >> (each - 1) & 1:
                    self.fault((*path, at), say("is listed twice"))
                mask |= 1 << (each - 1)
            else:
                self.whole(each, (*path, at), 1, rounds, 1)
        return mask

    def levels(self, value: Any, path: Path) -> dict[str, int]:
        if type(value) is not dict:
            self.fault(path, say("must be an object"))
            return {}
        for topic, level in value.items():
            if not (0 < len(topic) <= LONGEST_TEXT and is_line(topic)):
                self.text(topic, (*path, topic))
            if not (type(level) is int and 0 <= level <= TOP_LEVEL):
                self.whole(level, (*path, topic), 0, TOP_LEVEL, 0)
        return value

    def reference(self, value: Any, path: Path, at_of: dict[str, int]) -> int:
        """The position of the person named, or -1 after a fault."""
        if type(value) is str and value in at_of:
            return at_of[value]
        if self.text(value, path):
            self.fault(path, unknown(value))
        return -1

    def row(self, value: Any, path: Path, length: int) -> list[Any] | None:
        row = self.listed(value, path)
        if type(value) is list and len(row) != length:
            self.fault(path, say("must have {length} items", length=length))
        return row if len(row) == length else None


def unknown(other: str) -> Message:
    return say("nobody has the id {id}", id=short(other))
