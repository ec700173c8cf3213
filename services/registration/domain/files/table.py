"""Tables: the header is found, and each row's cells by column; what is no table is named."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from services.registration.domain import limits
from services.registration.domain.confirming import code
from services.registration.domain.files.csv_text import LOOKED_AT, read_records
from services.registration.domain.files.file_kinds import not_a_table
from services.registration.domain.rules import choose_from
from services.registration.domain.texts import clean, invisible_problem, taken_as_nothing
from services.registration.domain.texts.invisible import is_blank, without
from services.registration.domain.texts.mailbox import skeleton
from services.registration.domain.texts.nothing import is_nothing, spreadsheet_error
from shared.faults import Problem
from shared.messages import say

_SEPARATING = str.maketrans("", "", ',;\t|"')


@dataclass(frozen=True)
class Row:
    """A row with its number as a spreadsheet shows it, and its cells by column.

    The cells are cleaned; those of the ``faulty`` columns are empty.
    """

    number: int
    cells: dict[str, str]
    faulty: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Columns:
    """The columns that a table must have, and those it may have.

    ``free``: optional ones of free text. ``keys``: optional ones that list people's keys, so that a word for "nothing"
    may be somebody's key there.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    free: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Both."""
        return self.required + self.optional


@dataclass
class Found:
    """What has been found wrong, and what is to be said though it is not; ``confirmed`` are the codes of a yes."""

    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)
    confirmed: Collection[str] = ()


def read_table(file: str, text: str, columns: Columns, found: Found) -> list[Row]:
    """The rows of ``text`` that are not empty; what is wrong goes to ``found``, with the row and ``file``."""
    if is_blank(text.translate(_SEPARATING)):
        found.problems.append(
            Problem("", say("the file is empty"), say("save the table into it, with its header"), file)
        )
        return []
    refusal = not_a_table(text.lstrip("\ufeff"))
    if refusal:
        found.problems.append(Problem("", *refusal, file))
        return []
    records = read_records(text, lambda cell: _name(cell) in columns.all)
    if records.broken:
        found.problems.append(
            Problem(
                "",
                say("the row cannot be read: a double quote is missing or too many, or a cell never ends"),
                say("write a double quote inside a cell twice, and close every cell; the rows after it are unread"),
                file,
                len(records.rows) + 1,
            )
        )
    header_at = _header_at(file, records.rows, columns, found)
    if header_at is None:
        return []
    body = [
        (number, record)
        for number, record in enumerate(records.rows[header_at + 1 :], header_at + 2)
        if not all(map(is_blank, record))
    ]
    names = _header(file, header_at + 1, records.rows[header_at], columns, found.problems)
    _check_shape(file, records.rows[header_at], body, found.problems)
    rows = [Row(number, _cells(names, record)) for number, record in body]
    rows = [_checked(file, row, columns, found) for row in rows]
    if not rows:
        found.problems.append(Problem("", say("the table has no rows"), say("add at least one person"), file))
    if len(rows) > limits.MOST_ROWS:
        found.problems.append(
            Problem(
                "",
                say("the table has {count} rows", count=len(rows)),
                say("split it into programs of at most {most} people", most=limits.MOST_ROWS),
                file,
            )
        )
        return []
    return rows


# The header


def _header_at(file: str, rows: Sequence[Sequence[str]], columns: Columns, found: Found) -> int | None:
    """Where the header is; None, with a problem, if there is none or it has to be confirmed."""
    filled = [at for at, row in enumerate(rows) if not all(map(is_blank, row))][: LOOKED_AT + 1]
    if not filled:
        return None
    known = {at: len({_name(cell) for cell in rows[at]} & set(columns.all)) for at in filled}
    first, best = filled[0], max(filled, key=lambda at: known[at])
    if best != first and known[best] >= 2 and known[best] > 2 * known[first]:
        confirm = code("header", file, *rows[best])
        if confirm in found.confirmed:
            return best
        found.problems.append(
            Problem(
                "",
                say("the header seems to be in row {row}", row=best + 1),
                say("delete the rows above it, or confirm that the table begins there"),
                file,
                best + 1,
                confirm=(confirm,),
            )
        )
        return None
    if not known[first] and _is_data(rows[first], [rows[at] for at in filled[1:]]):
        found.problems.append(
            Problem(
                "",
                say("the file seems to have no header row"),
                say(
                    "put a first row above the people with the columns' names: {names}",
                    names=", ".join(columns.required),
                ),
                file,
                first + 1,
            )
        )
        return None
    return first


_OF_DATA = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|[\w -]+:\d(;.*)?|(" + "|".join(limits.MOTIVES) + ")")


def _is_data(row: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether a row that names no column is a person's: an address, a level, a motive, or two cells of rows below."""
    if any(_OF_DATA.fullmatch(clean(cell)) for cell in row):
        return True
    again = sum(
        any(at < len(other) and clean(other[at]).casefold() == clean(cell).casefold() for other in others)
        for at, cell in enumerate(row)
        if not is_blank(cell)
    )
    return again >= 2


def _header(file: str, number: int, cells: Sequence[str], columns: Columns, problems: list[Problem]) -> list[str]:
    """The columns' names; an empty name for one that is not read."""
    names = [_name(cell) for cell in cells]
    missing = [name for name in columns.required if name not in names]
    for at, name in enumerate(names):
        if name and name not in columns.all:
            remedy = choose_from(name, missing or [each for each in columns.all if each not in names])
            what = say("the column is not known")
            if skeleton(name) in columns.all:
                strange = next(each for each in name if not each.isascii())
                what = say(
                    "the column is not known: it has the letter {letter}, which only looks like one of {name}",
                    letter=f"U+{ord(strange):04X} {unicodedata.name(strange, '')}",
                    name=skeleton(name),
                )
            problems.append(Problem(name[:64], what, remedy, file, number))
            names[at] = ""
        elif name and name in names[:at]:
            problems.append(Problem(name, say("the column is there twice"), say("keep one of them"), file, number))
            names[at] = ""
    problems.extend(Problem(name, say("the column is missing"), say("add it"), file, number) for name in missing)
    return names


def _name(cell: str) -> str:
    """A column's name: small letters of usual width, nothing invisible, words joined by ``_``."""
    plain = without(cell) if cell.isascii() else unicodedata.normalize("NFKC", without(cell))
    return re.sub(r"[\s-]+", "_", plain.strip().casefold())


# The rows


def _check_shape(
    file: str, header: Sequence[str], body: Iterable[tuple[int, Sequence[str]]], problems: list[Problem]
) -> None:
    """Note cells without a column: under an empty header, and beyond the last one."""
    unnamed = {at: [] for at, cell in enumerate(header) if is_blank(cell)}  # type: dict[int, list[int]]
    for number, record in body:
        for at, rows in unnamed.items():
            if at < len(record) and not is_blank(record[at]):
                rows.append(number)
        beyond = [cell for cell in record[len(header) :] if not is_blank(cell)]
        if beyond:
            problems.append(
                Problem(
                    "",
                    say(
                        "the row has more cells ({cells}) than the header columns ({columns}): “{value}” is too many",
                        cells=len(record),
                        columns=len(header),
                        value=clean(beyond[0])[:40],
                    ),
                    say("put text that contains the separator into double quotes, or give the column a header"),
                    file,
                    number,
                )
            )
    for at, rows in unnamed.items():
        if rows:
            problems.append(
                Problem(
                    f"{at + 1} ({_letters(at)})",
                    say("column {number} ({letter}) has cells but no header", number=at + 1, letter=_letters(at)),
                    say("give the column a header, or empty all its cells"),
                    file,
                    rows[0],
                    rows=tuple(rows[:5]),
                    count=len(rows),
                )
            )


def _letters(at: int) -> str:
    """A column as spreadsheets call it: A to Z, AA, AB …"""
    letters = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _cells(names: Sequence[str], record: Sequence[str]) -> dict[str, str]:
    padded = [*record, *([""] * (len(names) - len(record)))]
    return {name: cell for name, cell in zip(names, padded, strict=False) if name}


def _checked(file: str, row: Row, columns: Columns, found: Found) -> Row:
    """The row without cells that say "nothing"; errors of the spreadsheet and invisible characters are noted."""
    cells, faulty = {}, set()
    for column, raw in row.cells.items():
        cell = clean(raw)
        if column not in columns.required and is_blank(cell):
            cell = ""
        problem = _cell_problem(column, cell, columns)
        if problem:
            found.problems.append(replace(problem, file=file, row=row.number))
            faulty.add(column)
            cell = ""
        elif column in columns.optional and column not in columns.keys and is_nothing(cell):
            found.notices.append(taken_as_nothing(column, cell, file, row.number))
            cell = ""
        cells[column] = cell
    return Row(row.number, cells, frozenset(faulty))


def _cell_problem(column: str, cell: str, columns: Columns) -> Problem | None:
    free = column in columns.free
    error = spreadsheet_error(cell, whole=free)
    if error:
        return Problem(
            column,
            say("the spreadsheet has the error {error} here", error=error),
            say("mend the formula in the spreadsheet, or write the value itself, and save it anew"),
        )
    # Texts are looked at as texts later, where a letter that has been spoilt is more than its invisible half.
    return None if free or column in ("name", "team") else invisible_problem(column, cell)
