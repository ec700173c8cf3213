"""What can go wrong, as types of the domain.

A fault says what is wrong and how to mend it. Domains raise faults; the RPC edge carries them between
processes as data and the gateway turns them into problem documents (RFC 9457): each in one place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from shared.messages import Message


def pointer_step(name: str) -> str:
    """``name`` as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input: where it is, what it is and what mends it.

    ``field`` is a JSON pointer or a column name; ``file`` and ``row`` (as a spreadsheet counts, the header is
    row 1) are given for tables. One cause in many rows is one problem: ``count`` says in how many, ``rows`` are the
    first of them. ``confirm``: the codes with which the same request is sent again to say that this is right as it
    is; none for what cannot be right.
    """

    field: str
    what: Message
    remedy: Message
    file: str | None = None
    row: int | None = None
    rows: tuple[int, ...] = ()
    count: int = 1
    confirm: tuple[str, ...] = ()

    def __str__(self) -> str:
        row = f"row {self.row}" if self.row else None
        if self.count > 1:
            row = f"{self.count} rows ({', '.join(map(str, self.rows))}{', …' if self.count > len(self.rows) else ''})"
        place = ", ".join(part for part in (self.file, row, self.field) if part)
        return f"{place}: {self.what} ({self.remedy})"

    def to_document(self) -> dict[str, Any]:
        """The problem as JSON."""
        return {
            "field": self.field,
            "what": self.what.to_document(),
            "remedy": self.remedy.to_document(),
            "file": self.file,
            "row": self.row,
            "rows": list(self.rows),
            "count": self.count,
            "confirm": list(self.confirm),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Problem":
        """The inverse of :meth:`to_document`."""
        return cls(
            field=document["field"],
            what=Message.from_document(document["what"]),
            remedy=Message.from_document(document["remedy"]),
            file=document.get("file"),
            row=document.get("row"),
            rows=tuple(document.get("rows", ())),
            count=document.get("count", 1),
            confirm=tuple(document.get("confirm", ())),
        )


class Fault(Exception):
    """A refusal with a reason. ``code`` names its kind to programs."""

    code: ClassVar[str] = "fault"

    def __init__(self, detail: Message, problems: Sequence[Problem] = ()) -> None:
        super().__init__(str(detail))
        self.detail = detail
        self.problems = tuple(problems)

    def to_document(self) -> dict[str, Any]:
        """The fault as JSON, for the way between two processes."""
        return {
            "code": self.code,
            "detail": self.detail.to_document(),
            "problems": [problem.to_document() for problem in self.problems],
        }


class Invalid(Fault):
    """The input breaks a rule; ``problems`` name every place."""

    code = "invalid"


class NotFound(Fault):
    """There is no such thing, or the caller may not know of it."""

    code = "not-found"


class Gone(Fault):
    """There was such a thing, and it is not kept any more."""

    code = "gone"


class Conflict(Fault):
    """The thing is in a state that does not allow this now."""

    code = "conflict"


class Stale(Conflict):
    """The command was given on an older revision; ``current`` is what holds now."""

    code = "stale"

    def __init__(self, detail: Message, current: Mapping[str, Any]) -> None:
        super().__init__(detail)
        self.current = dict(current)

    def to_document(self) -> dict[str, Any]:
        """The fault as JSON, with the state that holds now."""
        return {**super().to_document(), "current": self.current}


class Unauthenticated(Fault):
    """Nobody, or nobody we can believe, asks."""

    code = "unauthenticated"


class Forbidden(Fault):
    """The caller is known and may not do this."""

    code = "forbidden"


class NotYet(Fault):
    """What is asked for is on its way (a view still catches up, a service restarts): ask again shortly."""

    code = "not-yet"


class Unheard(NotYet):
    """A service has not heard of a program: there is none, it is not published, or the event that tells is on its way.

    Whoever owns programs can tell which. To an older reader it is a plain :class:`NotYet`.
    """

    def to_document(self) -> dict[str, Any]:
        """The fault as JSON, told from other reasons to wait."""
        return {**super().to_document(), "unheard": True}


class TooMany(Fault):
    """Too many tries; the next one is worth making after ``retry_after`` seconds."""

    code = "too-many"

    def __init__(self, detail: Message, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after

    def to_document(self) -> dict[str, Any]:
        """The fault as JSON, with the seconds to wait."""
        return {**super().to_document(), "retry_after": self.retry_after}


_KINDS: dict[str, type[Fault]] = {
    kind.code: kind for kind in (Fault, Invalid, NotFound, Gone, Conflict, Unauthenticated, Forbidden, NotYet)
}


def fault_from_document(document: Mapping[str, Any]) -> Fault:
    """The fault that :meth:`Fault.to_document` wrote; a kind unknown here becomes a plain :class:`Fault`."""
    detail = Message.from_document(document["detail"])
    if document["code"] == Stale.code:
        return Stale(detail, document["current"])
    if document["code"] == Unheard.code and document.get("unheard"):
        return Unheard(detail)
    if document["code"] == TooMany.code:
        return TooMany(detail, document["retry_after"])
    problems = [Problem.from_document(each) for each in document.get("problems", ())]
    return _KINDS.get(document["code"], Fault)(detail, problems)
