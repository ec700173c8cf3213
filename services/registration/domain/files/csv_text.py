"""CSV as spreadsheets save it (RFC 4180), read into records: which separator it has is found from the table itself."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

_DELIMITERS = ",;\t|"
_LONGEST_CELL = 100_000
#: Rows that are looked at to find the separator and the header.
LOOKED_AT = 20
# Excel's own first line, which tells it the separator; quoted, or saved again by a program that took it for a row.
_ANNOUNCED = re.compile(
    r'[ \t]*"?[ \t]*sep[ \t]*=[ \t]*(\\t|[^\r\n"])?[ \t]*"?[,;\t| "]*(?:\r\n|[\r\n])', re.IGNORECASE
)
# A byte order mark at the start of a line: of the file, of a file that was put behind another, read once or twice.
_MARKS = re.compile("^(?:\ufeff|ï»¿)+", re.MULTILINE)


@dataclass(frozen=True)
class Records:
    """The records, one for every row of the spreadsheet; ``broken`` if those after the last cannot be read."""

    rows: list[list[str]]
    broken: bool


def read_records(text: str, is_column: Callable[[str], bool]) -> Records:
    """The records of ``text``; a cell of several lines makes no further row, Excel's own first line makes an empty one.

    ``is_column`` tells the columns' names: the separator is the one under which most of them are found.
    """
    text = _MARKS.sub("", text)
    rows: list[list[str]] = []
    announced = _ANNOUNCED.match(text)
    if announced:
        text = text[announced.end() :]
        rows.append([])
    told = (announced.group(1) or "").replace("\\t", "\t") if announced else ""
    csv.field_size_limit(_LONGEST_CELL)
    try:
        rows.extend(_reader(text, _delimiter(text, told, is_column)))
    except csv.Error:
        return Records(rows, broken=True)
    return Records(rows, broken=False)


def _delimiter(text: str, told: str, is_column: Callable[[str], bool]) -> str:
    """The separator with the most known columns in one row, then with the likeliest shape, then the announced one."""

    def likelihood(delimiter: str) -> tuple[int, bool, bool, float, bool, int]:
        rows = _sample(text, delimiter)
        if not rows:
            return (0, False, False, 0.0, False, 0)
        wide = len(rows[0])
        same = sum(len(row) == wide for row in rows) / len(rows)
        known = max(sum(map(is_column, row)) for row in rows)
        return (known, True, wide > 1, same, delimiter == told, wide)

    candidates = dict.fromkeys((*_DELIMITERS, *([told] if told and told.isprintable() else [])))
    return max((each for each in candidates if each not in '"\\ '), key=likelihood)


def _sample(text: str, delimiter: str) -> list[Sequence[str]]:
    """The first rows that are not empty, as far as they can be read; none if not even the first can."""
    rows: list[Sequence[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(_reader(text, delimiter), 2 * LOOKED_AT))
    return [row for row in rows if any(cell.strip() for cell in row)][:LOOKED_AT]


def _reader(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
