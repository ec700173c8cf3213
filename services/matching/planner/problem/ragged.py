"""Lists of different lengths in two arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from services.matching.planner.input.model import Index


@dataclass(frozen=True, slots=True)
class Rows:
    """A ragged table: the values of row ``r`` are ``values[starts[r]:starts[r + 1]]``."""

    starts: Index
    values: Index

    @classmethod
    def of(cls, rows: Iterable[Sequence[int]], count: int) -> "Rows":
        """The table of ``count`` rows."""
        listed = list(rows)
        lengths = np.fromiter(map(len, listed), np.int64, count)
        starts = np.zeros(count + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        values = np.fromiter((each for row in listed for each in row), np.int64, int(starts[-1]))
        return cls(starts, values)

    @classmethod
    def from_pairs(cls, row: Index, value: Index, count: int) -> "Rows":
        """The table with ``value[k]`` in row ``row[k]``, in the order given."""
        order = np.argsort(row, kind="stable")
        starts = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(row, minlength=count), out=starts[1:])
        return cls(starts, value[order])

    def within(self, rows: Index) -> tuple[Index, Index]:
        """Of the chosen rows: which of them (position in ``rows``) holds each place, and the places."""
        begin = self.starts[rows]
        lengths = self.starts[rows + 1] - begin
        total = int(lengths.sum())
        which = np.repeat(np.arange(len(rows), dtype=np.int64), lengths)
        offsets = np.arange(total, dtype=np.int64) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return which, np.repeat(begin, lengths) + offsets
