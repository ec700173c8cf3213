"""Tables as spreadsheets save them: CSV (RFC 4180) with commas, semicolons or tabs, with or without a BOM."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.registration.domain import limits
from services.registration.domain.rules import choose_from
from shared.faults import Problem
from shared.messages import say

_DELIMITERS = ",;\t|"
_LONGEST_CELL = 100_000


@dataclass(frozen=True)
class Row:
    """A row with its number as a spreadsheet shows it, and its cells by column."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Columns:
    """The columns that a table must have, and those it may have."""

    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Both."""
        return self.required + self.optional


def read_table(file: str, text: str, columns: Columns, problems: list[Problem]) -> list[Row]:
    """The rows of ``text`` that are not empty; what is wrong goes to ``problems``, with the row and ``file``."""
    text = text.removeprefix("\ufeff")
    if not text.strip():
        problems.append(Problem("", say("the file is empty"), say("save the table into it, with its header"), file))
        return []
    if "\0" in text:
        problems.append(
            Problem("", say("the file is not text in UTF-8"), say("save it anew as CSV UTF-8"), file),
        )
        return []
    records = _records(file, text, columns, problems)
    header_at = next((at for at, record in enumerate(records) if any(cell.strip() for cell in record)), None)
    if header_at is None:
        return []
    names = _header(file, header_at + 1, records[header_at], columns, problems)
    rows = []
    for number, record in enumerate(records[header_at + 1 :], header_at + 2):
        if not any(cell.strip() for cell in record):
            continue
        if any(cell.strip() for cell in record[len(names) :]):
            problems.append(
                Problem(
                    "",
                    say("the row has more cells than the header has columns"),
                    say("put text that contains the separator into double quotes"),
                    file,
                    number,
                )
            )
        padded = [*record, *([""] * (len(names) - len(record)))]
        rows.append(Row(number, {name: cell for name, cell in zip(names, padded, strict=False) if name}))
    if not rows:
        problems.append(Problem("", say("the table has no rows"), say("add at least one person"), file))
    if len(rows) > limits.MOST_ROWS:
        problems.append(
            Problem(
                "",
                say("the table has {count} rows", count=len(rows)),
                say("split it into programs of at most {most} people", most=limits.MOST_ROWS),
                file,
            )
        )
        return []
    return rows


def _records(file: str, text: str, columns: Columns, problems: list[Problem]) -> list[list[str]]:
    """The records, one for every row of the spreadsheet: a cell of several lines makes no further row."""
    records: list[list[str]] = []
    announced = re.match(r"sep=(.)\r?\n", text)
    if announced:  # Excel's own first line: a row to it, and to nobody else.
        text = text[announced.end() :]
        records.append([])
    delimiter = announced.group(1) if announced else _delimiter(text, columns)
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        records.extend(reader)
    except csv.Error:
        problems.append(
            Problem(
                "",
                say("the row cannot be read: a double quote is missing or too many, or a cell never ends"),
                say("write a double quote inside a cell twice, and close every cell; the rows after it are unread"),
                file,
                len(records) + 1,
            )
        )
    return records


def _delimiter(text: str, columns: Columns) -> str:
    """The separator under which the header names the most known columns."""
    header = next((line for line in text.splitlines() if line.strip()), "")

    def known(delimiter: str) -> int:
        return sum(_name(cell.strip('"')) in columns.all for cell in header.split(delimiter))

    return max(_DELIMITERS, key=known)


def _header(file: str, number: int, cells: Sequence[str], columns: Columns, problems: list[Problem]) -> list[str]:
    """The columns' names; an empty name for one that is not read."""
    names = [_name(cell) for cell in cells]
    missing = [name for name in columns.required if name not in names]
    for at, name in enumerate(names):
        if name and name not in columns.all:
            remedy = choose_from(name, missing or [each for each in columns.all if each not in names])
            problems.append(
                Problem(name[:64], say("the column is not known"), remedy, file, number),
            )
            names[at] = ""
        elif name and name in names[:at]:
            problems.append(Problem(name, say("the column is there twice"), say("keep one of them"), file, number))
            names[at] = ""
    problems.extend(Problem(name, say("the column is missing"), say("add it"), file, number) for name in missing)
    return names


def _name(cell: str) -> str:
    return re.sub(r"[\s-]+", "_", cell.strip().casefold())
