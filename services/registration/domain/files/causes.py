"""One fault for one cause: what is wrong with many rows in the same way is said once, with how many rows they are."""

from collections.abc import Hashable, Iterable
from dataclasses import replace

from shared.faults import Problem
from shared.messages import say

#: Rows that are named; the others are counted.
NAMED = 5
#: Rows with the very same fault from which on it is said once.
ALIKE = 3
#: Rows with faults of one kind in one column, each with another value, from which on only the first are said.
OF_ONE_KIND = 10


def by_cause(problems: Iterable[Problem]) -> list[Problem]:
    """``problems`` with those of one cause put together, in the order of the first of each."""
    kinds: dict[Hashable, list[Problem]] = {}
    for each in alike(problems, ALIKE):
        kinds.setdefault((each.file, each.field, each.what.msgid), []).append(each)
    return [each for kind in kinds.values() for each in _first(kind)]


def alike(problems: Iterable[Problem], least: int = 1) -> list[Problem]:
    """``problems`` with the very same of a column put together where there are at least so many."""
    together: dict[Hashable, list[Problem]] = {}
    for each in problems:
        together.setdefault(_same(each), []).append(each)
    return [each for group in together.values() for each in ([_joined(group)] if len(group) >= least else group)]


def _first(kind: list[Problem]) -> list[Problem]:
    if len(kind) <= OF_ONE_KIND:
        return kind
    rest = kind[NAMED:]
    more = replace(
        _joined(rest),
        what=say("{count} more rows have a fault of this kind", count=sum(each.count for each in rest)),
        remedy=say("mend them in the same way"),
    )
    return [*kind[:NAMED], more]


def _same(problem: Problem) -> Hashable:
    if problem.row is None:
        return id(problem)
    shown = tuple(sorted((name, str(value)) for name, value in problem.what.params.items()))
    return (problem.file, problem.field, problem.what.msgid, shown)


def _joined(group: list[Problem]) -> Problem:
    rows = [row for each in group for row in (each.rows or ((each.row,) if each.row else ()))]
    codes = tuple(dict.fromkeys(code for each in group for code in each.confirm))
    return replace(
        group[0],
        rows=tuple(sorted(rows)[:NAMED]),
        count=sum(each.count for each in group),
        # Nobody means a yes to all of hundreds of values that look wrong.
        confirm=codes if all(each.confirm for each in group) and len(codes) <= 100 else (),
    )
