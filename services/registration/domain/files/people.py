"""The tables of mentors and mentees: rows become participants, keys become ids."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from services.registration.domain import limits
from services.registration.domain.confirming import code
from services.registration.domain.files import cells
from services.registration.domain.files.table import Columns, Found, Row
from services.registration.domain.participant import Mentee, Mentor, Participant, Story
from services.registration.domain.rules import Frame, choose_from, empty, problems_of
from services.registration.domain.texts import mailbox, one_line, taken_as_nothing
from services.registration.domain.texts.nothing import is_nothing
from shared.faults import Problem
from shared.messages import say

MENTORS = "mentors.csv"
MENTEES = "mentees.csv"

_KEYS = ("wants", "avoids", "never")
_BOTH = ("email", "remote", "rounds", "max_meetings", "team", *_KEYS)
_STORY = ("situation", "choice", "outcome", "lesson")
MENTOR_COLUMNS = Columns(
    ("ref", "name", "site", "languages", "topics"),
    (*_BOTH, "motives", "storytelling", "seats", *_STORY),
    free=_STORY,
    keys=_KEYS,
)
QUESTIONS = tuple(f"question_{number}" for number in range(1, limits.MOST_QUESTIONS + 1))
MENTEE_COLUMNS = Columns(
    ("ref", "name", "site", "languages", "motive", "topics"),
    (*_BOTH, "manager", *QUESTIONS),
    free=QUESTIONS,
    keys=(*_KEYS, "manager"),
)
#: Keys that nobody has for which the nearest one is looked up; that takes time in a large table.
_HELPED = 10

Value = TypeVar("Value")
Person = TypeVar("Person", bound=Participant)


@dataclass(frozen=True)
class Membership:
    """What the people of an import have in common."""

    org: str
    program_id: str
    frame: Frame


class RowReader:
    """Reads the cells of one row; what is wrong is collected with its place."""

    def __init__(self, file: str, row: Row, found: Found) -> None:
        self._file = file
        self._row = row
        self._found = found
        #: The columns of which something has been noted.
        self.noted: set[str] = set()

    def text(self, column: str) -> str:
        """The cell as text."""
        return self._row.cells.get(column, "")

    def read(self, column: str, parse: Callable[[str], Value], default: Value) -> Value:
        """The cell's value, ``default`` for an empty or a faulty cell."""
        text = self.text(column)
        if not text:
            return default
        try:
            return parse(text)
        except cells.BadCell as bad:
            self.fault(Problem(column, bad.what, bad.remedy))
            return default

    def fault(self, problem: Problem) -> None:
        """Note a problem of this row, unless its cell has one already."""
        self.noted.add(problem.field)
        if problem.field in self._row.faulty:
            return
        self._found.problems.append(replace(problem, file=self._file, row=self._row.number))

    def people(self, column: str, ids: Mapping[str, str] | None) -> tuple[str, ...]:
        """The ids of the people whose keys the cell lists, in their order; none where the other table is unread."""
        text = self.text(column)
        if ids is None or not text:
            return ()
        if is_nothing(text) and text not in ids:
            self._found.notices.append(taken_as_nothing(column, text, self._file, self._row.number))
            return ()
        found = []
        for ref in cells.listed(text):
            if ref in ids:
                found.append(ids[ref])
            elif is_nothing(ref):
                self._found.notices.append(taken_as_nothing(column, ref, self._file, self._row.number))
            else:
                what = say("nobody of the other table has the key {value}", value=ref[:40])
                helped = len(self._found.problems) < _HELPED
                self.fault(
                    Problem(column, what, choose_from(ref, ids) if helped else say("write a key of the other table"))
                )
        if len(set(found)) < len(found):
            self.fault(Problem(column, say("somebody is in it twice"), say("name each only once")))
        return tuple(dict.fromkeys(found))


class Mailboxes:
    """The addresses of an event so far: who has one already, and who has one that only looks the same."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, int]] = {}
        self._looks: dict[str, list[tuple[str, str, int]]] = {}

    def problem(self, file: str, row: int, address: str) -> Problem | None:
        """What is wrong with one more address; it is remembered."""
        box = mailbox.canonical(address)
        before = self._first.setdefault(f"{file} {box}", (file, row))
        if before[1] != row:
            what = say("row {row} has the same", row=before[1])
            return Problem("email", what, say("give each person a row and a value of their own"))
        like = self._looks.setdefault(mailbox.skeleton(box), [])
        other = next((each for each in like if each[0] != box and not (box.isascii() and each[0].isascii())), None)
        like.append((box, file, row))
        if other is None:
            return None
        return Problem(
            "email",
            say(
                "it only looks like the address in row {row} of {file}: one of them has letters of another script",
                row=other[2],
                file=other[1],
            ),
            say("if it is the same person, type both addresses again; if they are two, confirm it"),
            confirm=(code("look-alike", *sorted((box, other[0]))),),
        )


def keys(
    file: str, rows: Sequence[Row], new_id: Callable[[], str], mailboxes: Mailboxes, found: Found
) -> dict[str, str]:
    """An id for every key of a table; a key or a mailbox that is there twice is a fault."""
    ids: dict[str, str] = {}
    first: dict[str, int] = {}
    for row in rows:
        reader = RowReader(file, row, found)
        ref = reader.text("ref")
        if ref:
            ids.setdefault(ref, new_id())
        elif "ref" in row.cells:
            reader.fault(empty("ref"))
        if ref and first.setdefault(ref, row.number) != row.number:
            what = say("row {row} has the same", row=first[ref])
            reader.fault(Problem("ref", what, say("give each person a row and a value of their own")))
        address = mailbox.tidy(reader.text("email"))
        if address and mailbox.misfit(mailbox.canonical(address)) is None:
            problem = mailboxes.problem(file, row.number, address)
            if problem:
                reader.fault(problem)
    return ids


def mentors(
    rows: Sequence[Row], own: Mapping[str, str], other: Mapping[str, str] | None, of: Membership, found: Found
) -> list[Mentor]:
    """The mentors, as far as their rows can be read; ``own`` and ``other`` are the ids by key of both tables."""
    people = []
    before = _noted(found.problems)
    for row in rows:
        reader = RowReader(MENTORS, row, found)
        seats = reader.read("seats", cells.whole, 1)
        common = _common(reader, own, other, of, seats)
        mentor = Mentor(
            **common,
            topics=reader.read("topics", cells.levels, ()),
            motives=reader.read("motives", cells.codes, limits.MOTIVES),
            storytelling=reader.read("storytelling", cells.whole, 0),
            seats=seats,
            story=Story(
                situation=reader.text("situation"),
                choice=reader.text("choice"),
                outcome=reader.text("outcome"),
                lesson=reader.text("lesson"),
            ),
            never=reader.people("never", other),
        )
        _check(mentor, reader, row, of.frame, MENTOR_COLUMNS, before)
        people.append(mentor)
    return people


def mentees(
    rows: Sequence[Row], own: Mapping[str, str], other: Mapping[str, str] | None, of: Membership, found: Found
) -> tuple[list[Mentee], list[tuple[str, str]]]:
    """The mentees, as far as their rows can be read, and pairs (mentor, mentee) never to meet."""
    people = []
    before = _noted(found.problems)
    never = []
    for row in rows:
        reader = RowReader(MENTEES, row, found)
        common = _common(reader, own, other, of, 1)
        managers = reader.people("manager", other)
        mentee = Mentee(
            **common,
            motive=cells.code(reader.text("motive")),
            topics=cells.codes(reader.text("topics")),
            questions=tuple(text for text in map(reader.text, QUESTIONS) if text),
            manager=managers[0] if managers else None,
        )
        if len(managers) > 1:
            reader.fault(Problem("manager", say("there are two of them"), say("name one; put others into never")))
        never += [(mentor, mentee.id) for mentor in reader.people("never", other)]
        _check(mentee, reader, row, of.frame, MENTEE_COLUMNS, before)
        people.append(mentee)
    return people, never


def _common(
    reader: RowReader, own: Mapping[str, str], other: Mapping[str, str] | None, of: Membership, seats: int
) -> dict[str, Any]:
    every = tuple(range(1, (of.frame.rounds or limits.MOST_ROUNDS) + 1))
    rounds = reader.read("rounds", cells.rounds, every)
    ref = reader.text("ref")
    return {
        "id": own.get(ref, ""),
        "org": of.org,
        "program_id": of.program_id,
        "ref": ref,
        "name": one_line(reader.text("name")),
        "email": mailbox.tidy(reader.text("email")),
        "site_id": reader.text("site"),
        "team": one_line(reader.text("team")),
        "remote": reader.read("remote", cells.flag, False),
        "languages": cells.languages(reader.text("languages")),
        "rounds": rounds,
        "max_meetings": reader.read("max_meetings", cells.whole, len(rounds) * max(1, seats)),
        "wants": reader.people("wants", other),
        "avoids": reader.people("avoids", other),
    }


def _noted(problems: Sequence[Problem]) -> dict[int, set[str]]:
    """The columns already found wrong, by row."""
    found: dict[int, set[str]] = {}
    for each in problems:
        found.setdefault(each.row or 0, set()).add(each.field)
    return found


def _check(
    person: Participant,
    reader: RowReader,
    row: Row,
    frame: Frame,
    columns: Columns,
    before: Mapping[int, set[str]],
) -> None:
    """Note what breaks the rules, once for each cell, and not for columns that the whole table lacks."""
    noted = reader.noted | before.get(row.number, set())
    for problem in problems_of(person, frame):
        lacking = problem.field in columns.required and problem.field not in row.cells
        if problem.field not in noted and not lacking:
            reader.fault(problem)
