"""The people of a plan input as arrays: who is free when, for how many meetings, and whom nobody may give them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.matching.planner.input.model import Index, PlanInput
from services.matching.planner.input.plan_document import DEAREST_CHANGE

Flags = NDArray[np.bool_]


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


@dataclass(frozen=True)
class People:
    """What the solver asks about people, by position.

    ``*_open[p, r]``: may be given a meeting in round ``r + 1``. ``*_met``: meetings held in frozen rounds.
    ``*_room``: meetings that can still be given. ``announced_*``: the announced meetings of rounds to come that
    both sides can still keep; keeping one of them spares ``change_cost``.
    """

    rounds: int
    mentee_open: Flags
    mentor_open: Flags
    mentee_met: Index
    mentor_met: Index
    mentee_room: Index
    mentor_room: Index
    seats: Index
    mentee_site: Index
    mentor_site: Index
    sites: tuple[str, ...]
    mentee_remote: Flags
    mentor_remote: Flags
    forbidden: Rows
    announced_round: Index
    announced_mentee: Index
    announced_mentor: Index
    change_cost: int


def people_of(plan_input: PlanInput) -> People:
    """The arrays of ``plan_input``."""
    mentees, mentors = plan_input.mentees, plan_input.mentors
    mentee_open = _open(
        [each.rounds for each in mentees], plan_input.rounds, plan_input.mentee_absent, plan_input.frozen_through
    )
    mentor_open = _open(
        [each.rounds for each in mentors], plan_input.rounds, plan_input.mentor_absent, plan_input.frozen_through
    )
    frozen = [each for each in plan_input.current or () if each.round <= plan_input.frozen_through]
    mentee_met = np.bincount(np.array([each.mentee for each in frozen], np.int64), minlength=len(mentees))
    mentor_met = np.bincount(np.array([each.mentor for each in frozen], np.int64), minlength=len(mentors))
    seats = np.fromiter((each.seats for each in mentors), np.int64, len(mentors))
    mentee_most = np.fromiter((each.max_meetings for each in mentees), np.int64, len(mentees))
    mentor_most = np.fromiter((each.max_meetings for each in mentors), np.int64, len(mentors))
    future = np.array(
        [
            (each.round - 1, each.mentee, each.mentor)
            for each in plan_input.current or ()
            if each.round > plan_input.frozen_through
        ],
        np.int64,
    ).reshape(-1, 3)
    future = future[mentee_open[future[:, 1], future[:, 0]] & mentor_open[future[:, 2], future[:, 0]]]
    site_at: dict[str, int] = {}
    for site in (*(each.site for each in mentors), *(each.site for each in mentees)):
        site_at.setdefault(site, len(site_at))
    return People(
        rounds=plan_input.rounds,
        mentee_open=mentee_open,
        mentor_open=mentor_open,
        mentee_met=mentee_met,
        mentor_met=mentor_met,
        mentee_room=np.clip(np.minimum(mentee_most - mentee_met, mentee_open.sum(axis=1)), 0, None),
        mentor_room=np.clip(np.minimum(mentor_most - mentor_met, seats * mentor_open.sum(axis=1)), 0, None),
        seats=seats,
        mentee_site=np.fromiter((site_at[each.site] for each in mentees), np.int64, len(mentees)),
        mentor_site=np.fromiter((site_at[each.site] for each in mentors), np.int64, len(mentors)),
        sites=tuple(site_at),
        mentee_remote=np.fromiter((each.remote for each in mentees), np.bool_, len(mentees)),
        mentor_remote=np.fromiter((each.remote for each in mentors), np.bool_, len(mentors)),
        forbidden=_forbidden(plan_input, [(each.mentee, each.mentor) for each in frozen]),
        announced_round=future[:, 0],
        announced_mentee=future[:, 1],
        announced_mentor=future[:, 2],
        change_cost=DEAREST_CHANGE if plan_input.change_cost is None else plan_input.change_cost,
    )


def _open(masks: list[int], rounds: int, absent: dict[int, int], frozen_through: int) -> Flags:
    width = (rounds + 7) // 8
    packed = np.frombuffer(b"".join(mask.to_bytes(width, "little") for mask in masks), np.uint8)
    bits = np.unpackbits(packed.reshape(len(masks), width), axis=1, bitorder="little")[:, :rounds]
    free: Flags = bits.astype(np.bool_)
    free[:, :frozen_through] = False
    for person, from_round in absent.items():
        free[person, from_round - 1 :] = False
    return free


def _forbidden(plan_input: PlanInput, met: list[tuple[int, int]]) -> Rows:
    rows: list[list[int]] = [
        [plan_input.mentor_at[each] for each in mentee.avoid] if mentee.avoid else [] for mentee in plan_input.mentees
    ]
    for mentee, mentor in (*plan_input.never, *met):
        rows[mentee].append(mentor)
    return Rows.of(rows, len(rows))
