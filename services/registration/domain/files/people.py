"""The tables of mentors and mentees: rows become participants, keys become ids."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from services.registration.domain import limits
from services.registration.domain.files import cells
from services.registration.domain.files.table import Columns, Row
from services.registration.domain.participant import Mentee, Mentor, Participant, Story
from services.registration.domain.rules import Frame, choose_from, empty, problems_of
from services.registration.domain.texts import clean, one_line
from shared.faults import Problem
from shared.messages import say

MENTORS = "mentors.csv"
MENTEES = "mentees.csv"

_BOTH = ("email", "remote", "rounds", "max_meetings", "team", "wants", "avoids", "never")
MENTOR_COLUMNS = Columns(
    ("ref", "name", "site", "languages", "topics"),
    (*_BOTH, "motives", "storytelling", "seats", "situation", "choice", "outcome", "lesson"),
)
QUESTIONS = tuple(f"question_{number}" for number in range(1, limits.MOST_QUESTIONS + 1))
MENTEE_COLUMNS = Columns(
    ("ref", "name", "site", "languages", "motive", "topics"),
    (*_BOTH, "manager", *QUESTIONS),
)

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

    def __init__(self, file: str, row: Row, problems: list[Problem]) -> None:
        self._file = file
        self._row = row
        self._problems = problems
        #: The columns of which something has been noted.
        self.noted: set[str] = set()

    def text(self, column: str) -> str:
        """The cell as text."""
        return clean(self._row.cells.get(column, ""))

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
        """Note a problem of this row."""
        self.noted.add(problem.field)
        self._problems.append(replace(problem, file=self._file, row=self._row.number))

    def people(self, column: str, ids: Mapping[str, str]) -> tuple[str, ...]:
        """The ids of the people whose keys the cell lists, in their order."""
        found = []
        for ref in cells.listed(self.text(column)):
            if ref in ids:
                found.append(ids[ref])
            else:
                what = say("nobody of the other table has the key {value}", value=ref[:40])
                self.fault(Problem(column, what, choose_from(ref, ids) if ids else say("take it out")))
        if len(set(found)) < len(found):
            self.fault(Problem(column, say("somebody is in it twice"), say("name each only once")))
        return tuple(dict.fromkeys(found))


def keys(file: str, rows: Sequence[Row], new_id: Callable[[], str], problems: list[Problem]) -> dict[str, str]:
    """An id for every key of a table; a key or a mail address that is there twice is a fault."""
    ids: dict[str, str] = {}
    first: dict[tuple[str, str], int] = {}
    for row in rows:
        reader = RowReader(file, row, problems)
        ref = reader.text("ref")
        if ref:
            ids.setdefault(ref, new_id())
        elif "ref" in row.cells:
            reader.fault(empty("ref"))
        for column, value in (("ref", ref), ("email", reader.text("email").casefold())):
            if value and (column, value) in first:
                reader.fault(
                    Problem(
                        column,
                        say("row {row} has the same", row=first[column, value]),
                        say("give each person a row and a value of their own"),
                    )
                )
            elif value:
                first[column, value] = row.number
    return ids


def mentors(
    rows: Sequence[Row], own: Mapping[str, str], other: Mapping[str, str], of: Membership, problems: list[Problem]
) -> list[Mentor]:
    """The mentors, as far as their rows can be read; ``own`` and ``other`` are the ids by key of both tables."""
    people = []
    before = _noted(problems)
    for row in rows:
        reader = RowReader(MENTORS, row, problems)
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
    rows: Sequence[Row], own: Mapping[str, str], other: Mapping[str, str], of: Membership, problems: list[Problem]
) -> tuple[list[Mentee], list[tuple[str, str]]]:
    """The mentees, as far as their rows can be read, and pairs (mentor, mentee) never to meet."""
    people = []
    before = _noted(problems)
    never = []
    for row in rows:
        reader = RowReader(MENTEES, row, problems)
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
    reader: RowReader, own: Mapping[str, str], other: Mapping[str, str], of: Membership, seats: int
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
        "email": reader.text("email"),
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
