"""The people of a plan input as arrays: who is free when, for how many meetings, and whom nobody may give them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.matching.planner.input.model import Index, PlanInput
from services.matching.planner.input.plan_document import DEAREST_CHANGE
from services.matching.planner.problem.exclusions import Exclusions

Flags = NDArray[np.bool_]
Doubles = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class People:
    """What the solver asks about people, by position.

    ``*_open[p, r]``: may be given a meeting in round ``r + 1``. ``*_met``: meetings held in frozen rounds.
    ``*_room``: meetings that can still be given. ``announced_*``: the announced meetings of rounds to come that
    both sides can still keep; keeping one of them spares ``change_cost``. ``doubles`` take part in both roles (position
    as mentee, as mentor) and can be at one table a round.
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
    exclusions: Exclusions
    announced_round: Index
    announced_mentee: Index
    announced_mentor: Index
    change_cost: int
    doubles: Doubles


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
        exclusions=Exclusions(plan_input),
        announced_round=future[:, 0],
        announced_mentee=future[:, 1],
        announced_mentor=future[:, 2],
        change_cost=DEAREST_CHANGE if plan_input.change_cost is None else plan_input.change_cost,
        doubles=_doubles(plan_input),
    )


def _doubles(plan_input: PlanInput) -> Doubles:
    mentors: dict[str, list[int]] = {}
    for number, mentor in enumerate(plan_input.mentors):
        if mentor.person:
            mentors.setdefault(mentor.person, []).append(number)
    mentees = ((number, mentee.person) for number, mentee in enumerate(plan_input.mentees) if mentee.person)
    return tuple((number, mentor) for number, person in mentees for mentor in mentors.get(person, ()))


def _open(masks: list[int], rounds: int, absent: dict[int, int], frozen_through: int) -> Flags:
    width = (rounds + 7) // 8
    packed = np.frombuffer(b"".join(mask.to_bytes(width, "little") for mask in masks), np.uint8)
    bits = np.unpackbits(packed.reshape(len(masks), width), axis=1, bitorder="little")[:, :rounds]
    free: Flags = bits.astype(np.bool_)
    free[:, :frozen_through] = False
    for person, from_round in absent.items():
        free[person, from_round - 1 :] = False
    return free
