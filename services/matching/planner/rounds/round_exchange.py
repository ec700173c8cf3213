"""Better a plan round by round: give one round anew, the others held, until no round can be bettered."""

import numpy as np
from ortools.graph.python import min_cost_flow

from services.matching.planner.flow.min_cost_flow import FlowFailed
from services.matching.planner.input.model import Index
from services.matching.planner.problem.parts import Field, Pairs
from services.matching.planner.rounds.time_expanded_flow import Chosen, Slots


def without_repeats(slots: Slots, used: Chosen) -> Chosen:
    """``used`` with each pair in one round only: the most valuable, then the earliest."""
    kept = np.zeros(len(used), np.bool_)
    at = np.flatnonzero(used)
    order = at[np.lexsort((slots.round[at], -slots.value[at], slots.pair[at]))]
    _, first = np.unique(slots.pair[order], return_index=True)
    kept[order[first]] = True
    return kept


def without_doubles(field: Field, pairs: Pairs, slots: Slots, used: Chosen) -> Chosen:
    """``used`` with nobody at two tables in a round: who would be mentor and mentee at once is a mentee."""
    kept = used.copy()
    mentee, mentor = pairs.mentee[slots.pair], pairs.mentor[slots.pair]
    for one, other in field.doubles:
        busy = np.unique(slots.round[kept & (mentee == one)])
        kept &= ~((mentor == other) & np.isin(slots.round, busy))
    return kept


def seated(field: Field, met: Pairs) -> Slots:
    """A round for as many of the pairs ``met`` as find one, each in the first that suits both, announced ones first."""
    kept = field.round_kept(met)
    free = [_mask(row) for row in field.mentee_open]
    open_ = [_mask(row) for row in field.mentor_open]
    seats = np.where(field.mentor_open, field.seats[:, None], 0)
    as_mentor: dict[int, list[int]] = {}
    as_mentee: dict[int, list[int]] = {}
    for mentee, mentor in field.doubles:
        as_mentor.setdefault(mentee, []).append(mentor)
        as_mentee.setdefault(mentor, []).append(mentee)
    pair, number = [], []
    for at in np.argsort(kept < 0, kind="stable").tolist():
        mentee, mentor = int(met.mentee[at]), int(met.mentor[at])
        both = free[mentee] & open_[mentor]
        if kept[at] >= 0 and both >> int(kept[at]) & 1:
            both = 1 << int(kept[at])
        if not both:
            continue
        chosen = (both & -both).bit_length() - 1
        free[mentee] &= ~(1 << chosen)
        seats[mentor, chosen] -= 1
        for other in as_mentor.get(mentee, ()):
            open_[other] &= ~(1 << chosen)
        for other in as_mentee.get(mentor, ()):
            free[other] &= ~(1 << chosen)
        if not seats[mentor, chosen]:
            open_[mentor] &= ~(1 << chosen)
        pair.append(at)
        number.append(chosen)
    round_, places = np.array(number, np.int64), np.array(pair, np.int64)
    value = met.score[places] - field.bonus * ((kept[places] >= 0) & (kept[places] != round_))
    return Slots(places, round_, value)


def _mask(row: Chosen) -> int:
    return int.from_bytes(np.packbits(row, bitorder="little").tobytes(), "little")


def bettered(field: Field, pairs: Pairs, slots: Slots, used: Chosen, unit: int, sweeps: int = 8) -> Chosen:
    """A plan at least as good as ``used`` (which breaks no rule) that no single round can better."""
    used = used.copy()
    by_round = [np.flatnonzero(slots.round == number) for number in range(field.rounds)]
    stale = {number for number in range(field.rounds) if len(by_round[number])}
    for _ in range(sweeps):
        for number in sorted(stale):
            here = by_round[number]
            now = _round_anew(field, pairs, slots, used, here, unit)
            changed = not np.array_equal(now, used[here])
            stale.discard(number)
            if changed and _worth(field, pairs, slots, here, now, used, unit) > 0:
                used[here] = now
                stale = {each for each in range(field.rounds) if len(by_round[each]) and each != number}
        if not stale:
            break
    return used


def _counts(field: Field, pairs: Pairs, slots: Slots, used: Chosen) -> tuple[Index, Index]:
    at = slots.pair[used]
    return (
        np.bincount(pairs.mentee[at], minlength=field.mentees),
        np.bincount(pairs.mentor[at], minlength=field.mentors),
    )


def _round_anew(field: Field, pairs: Pairs, slots: Slots, used: Chosen, here: Index, unit: int) -> Chosen:
    others = used.copy()
    others[here] = False
    mentee_count, mentor_count = _counts(field, pairs, slots, others)
    met = np.zeros(len(pairs), np.bool_)
    met[slots.pair[others]] = True
    mentee, mentor = pairs.mentee[slots.pair[here]], pairs.mentor[slots.pair[here]]
    free = ~met[slots.pair[here]]
    free &= (mentee_count < field.mentee_room)[mentee]
    free &= (mentor_count < field.mentor_room)[mentor]
    for one, other in field.doubles:
        # In this round she stays what she is; where she is neither, she is a mentee if she can be.
        sits = used[here][mentor == other].any() or not free[mentee == one].any()
        free &= (mentee != one) if sits else (mentor != other)
    now = np.zeros(len(here), np.bool_)
    at = np.flatnonzero(free)
    if not len(at):
        return now
    mentees, mentors = field.mentees, field.mentors
    sink = mentees + mentors
    fairness = field.rounds - field.mentee_met - mentee_count
    asking = np.unique(mentee[at])
    network = min_cost_flow.SimpleMinCostFlow()
    meet = network.add_arcs_with_capacity_and_unit_cost(
        mentee[at].astype(np.int32),
        (mentees + mentor[at]).astype(np.int32),
        np.ones(len(at), np.int64),
        -slots.value[here[at]] - unit * fairness[mentee[at]],
    )
    network.add_arcs_with_capacity_and_unit_cost(
        asking.astype(np.int32),
        np.full(len(asking), sink, np.int32),
        np.ones(len(asking), np.int64),
        np.zeros(len(asking), np.int64),
    )
    network.add_arcs_with_capacity_and_unit_cost(
        np.arange(mentees, sink, dtype=np.int32),
        np.full(mentors, sink, np.int32),
        np.clip(np.minimum(field.seats, field.mentor_room - mentor_count), 0, None),
        np.zeros(mentors, np.int64),
    )
    supplies = np.zeros(sink + 1, np.int64)
    supplies[asking] = 1
    supplies[sink] = -len(asking)
    network.set_nodes_supplies(np.arange(sink + 1, dtype=np.int32), supplies)
    status = network.solve()
    if status != network.OPTIMAL:
        raise FlowFailed(f"the flow solver ended with {status}")
    now[at] = network.flows(meet) > 0
    return now


def _worth(field: Field, pairs: Pairs, slots: Slots, here: Index, now: Chosen, used: Chosen, unit: int) -> int:
    """What the plan gains by ``now`` instead of ``used`` at ``here``."""
    others = used.copy()
    others[here] = False
    count, _ = _counts(field, pairs, slots, others)
    marginal = slots.value[here] + unit * (field.rounds - field.mentee_met - count)[pairs.mentee[slots.pair[here]]]
    return int(marginal[now].sum() - marginal[used[here]].sum())
