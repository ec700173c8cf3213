"""What an integrator may hear: types by patterns as an AMQP topic exchange knows them, and programs.

A type is meant by its short name, ``registration.mentor-registered``. In a pattern ``*`` is one word and ``#`` any
number of them, none included. Source: AMQP 0-9-1, section 3.1.3.3, on the topic exchange.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

#: Of a pattern, in characters; a name of AMQP has at most 255.
LONGEST = 200

_is_pattern = re.compile(r"(\*|#|[a-z0-9]+(-[a-z0-9]+)*)(\.(\*|#|[a-z0-9]+(-[a-z0-9]+)*))*").fullmatch


def is_pattern(text: str) -> bool:
    """Whether ``text`` is a pattern over short names of types."""
    return len(text) <= LONGEST and _is_pattern(text) is not None


@dataclass(frozen=True, slots=True)
class Scope:
    """Events whose type matches one of ``types`` and, where ``programs`` are given, that belong to one of those.

    ``org`` is the only organization whose events are in it, where one is given. An event that belongs to no program is
    in no scope with programs; one that belongs to no organization is in no scope with an organization.
    """

    types: tuple[str, ...] = ("#",)
    programs: tuple[str, ...] | None = None
    org: str | None = None
    #: A scope within which this one stays.
    within: "Scope | None" = None

    def takes(self, event_type: str, program_id: str | None, org: str | None = None) -> bool:
        """Whether an event of the type (by its short name) and the program is in the scope."""
        return (
            any(_expression(each).fullmatch(event_type) for each in self.types)
            and (self.programs is None or program_id in self.programs)
            and (self.org is None or org == self.org)
            and (self.within is None or self.within.takes(event_type, program_id, org))
        )

    def narrowed(self, types: Collection[str] = (), programs: Collection[str] = ()) -> "Scope":
        """The part of this scope with these types and programs; all of it where none are given."""
        if not types and not programs:
            return self
        return Scope(tuple(types) or ("#",), tuple(programs) or None, None, self)

    def query(self) -> dict[str, Any]:
        """The scope as conditions on the log's ``type``, ``program`` and ``org``, in MongoDB's language."""
        conditions: list[dict[str, Any]] = []
        if "#" not in self.types:
            conditions.append({"type": {"$in": [_expression(each) for each in self.types]}})
        if self.programs is not None:
            conditions.append({"program": {"$in": list(self.programs)}})
        if self.org is not None:
            conditions.append({"org": self.org})
        if self.within is not None and (outer := self.within.query()):
            conditions.append(outer)
        return {"$and": conditions} if conditions else {}


def _translated(pattern: str) -> str:
    """A pattern as a regular expression that Python and PCRE read alike."""
    # Each word brings what parts it from the one before it, or the beginning: so words that need not be there leave
    # nothing behind.
    any_word = r"(?:^|\.)[^.]+"
    words = {"*": any_word, "#": f"(?:{any_word})*"}
    return "^" + "".join(words.get(each) or rf"(?:^|\.){re.escape(each)}" for each in pattern.split(".")) + "$"


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(_translated(pattern))
