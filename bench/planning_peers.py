"""Other ways to plan an event, for comparison: ``python bench/planning_peers.py NAME INPUT.json PLAN.json [SECONDS]``.

Each reads the same file and writes its meetings as (round, mentee, mentor). All get the allowed pairs and scores of
the planner for nothing, so that only the planning differs.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import orjson

from services.matching.planner import read_input
from services.matching.planner.flow.min_cost_flow import fairest_and_best, fairness_unit
from services.matching.planner.problem.parts import Field, parts_of
from services.matching.planner.problem.people import people_of
from services.matching.planner.problem.scores import Scoring
from services.matching.planner.rounds.time_expanded_flow import slots_of

Meetings = list[tuple[int, int, int]]


def fields(path: str) -> Iterator[Field]:
    """The independent parts of the event."""
    plan_input = read_input(orjson.loads(Path(path).read_bytes()))
    people = people_of(plan_input)
    scoring = Scoring(plan_input, people)
    for part in parts_of(people):
        yield Field(part, people, scoring)


def _matrix(field: Field) -> np.ndarray:
    scores = np.full((field.mentees, field.mentors), -1, np.int64)
    pairs = field.all_pairs()
    scores[pairs.mentee, pairs.mentor] = pairs.score
    return scores


def assignment(field: Field, seconds: float) -> Meetings:
    """Round after round the best assignment of what is left (scipy), who has fewest meetings first."""
    from scipy.optimize import linear_sum_assignment

    scores, count = _matrix(field), np.zeros(field.mentees, np.int64)
    found = []
    for number in range(field.rounds):
        away = ~(field.mentee_open[:, number][:, None] & field.mentor_open[:, number][None, :])
        worth = np.where((scores < 0) | away, 0, scores + 2000 * (field.rounds + 1 - count)[:, None])
        for mentee, mentor in zip(*linear_sum_assignment(worth, maximize=True), strict=True):
            if worth[mentee, mentor] > 0:
                found.append((number, int(mentee), int(mentor)))
                scores[mentee, mentor] = -1
                count[mentee] += 1
    return found


def rotation(field: Field, seconds: float) -> Meetings:
    """Everybody in a random row; each round the row moves on by one table."""
    dice = random.Random(1)
    scores = _matrix(field)
    rows, tables = list(range(field.mentees)), list(range(field.mentors))
    dice.shuffle(rows)
    dice.shuffle(tables)
    found = []
    for number in range(field.rounds):
        for at, mentor in enumerate(tables):
            mentee = rows[(at + number * field.mentors) % len(rows)] if len(rows) > len(tables) else None
            if mentee is None:
                place = (at + number) % len(tables)
                mentee = rows[place] if place < len(rows) else None
            if mentee is None or scores[mentee, mentor] < 0:
                continue
            if field.mentee_open[mentee, number] and field.mentor_open[mentor, number]:
                found.append((number, mentee, mentor))
                scores[mentee, mentor] = -1
    return found


def cp_sat(field: Field, seconds: float) -> Meetings:
    """The whole question as one model, with as much time as our planner took."""
    from ortools.sat.python import cp_model

    pairs = field.all_pairs()
    slots = slots_of(field, pairs)
    model = cp_model.CpModel()
    used = [model.new_bool_var("") for _ in range(len(slots))]
    groups: dict[tuple[str, int, int], list[int]] = {}
    mentee, mentor = pairs.mentee[slots.pair].tolist(), pairs.mentor[slots.pair].tolist()
    for at, (e, m, r, p) in enumerate(zip(mentee, mentor, slots.round.tolist(), slots.pair.tolist(), strict=True)):
        for key in (("mentee", e, r), ("mentor", m, r), ("pair", p, 0), ("count", e, 0)):
            groups.setdefault(key, []).append(at)
    unit = fairness_unit(int(min(field.mentee_room.sum(), field.mentor_room.sum())), field.dearest)
    gains = [(used[at], value) for at, value in enumerate(slots.value.tolist())]
    for (kind, _, _), places in groups.items():
        if kind == "count":
            levels = [model.new_bool_var("") for _ in range(field.rounds)]
            model.add(sum(used[at] for at in places) == sum(levels))
            gains += [(level, unit * (field.rounds - nth)) for nth, level in enumerate(levels)]
        else:
            model.add_at_most_one([used[at] for at in places])
    model.maximize(cp_model.LinearExpr.weighted_sum([each for each, _ in gains], [value for _, value in gains]))
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(0.1, seconds)
    solver.parameters.num_workers = 2
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return []
    return [(int(slots.round[at]), mentee[at], mentor[at]) for at, each in enumerate(used) if solver.value(each)]


def stable_marriage(field: Field, seconds: float) -> Meetings:
    """The `matching` library: stable pairs with capacities. It knows no rounds: one mentor a mentee, any round."""
    from matching.games import HospitalResident

    scores = _matrix(field)
    mentees = {
        e: [m for m in np.argsort(-scores[e], kind="stable").tolist() if scores[e, m] >= 0]
        for e in range(field.mentees)
    }
    mentors = {
        m: [e for e in np.argsort(-scores[:, m], kind="stable").tolist() if scores[e, m] >= 0]
        for m in range(field.mentors)
    }
    residents = {f"e{e}": [f"m{m}" for m in wants] for e, wants in mentees.items() if wants}
    hospitals = {f"m{m}": [f"e{e}" for e in wants] for m, wants in mentors.items() if wants}
    game = HospitalResident.create_from_dictionaries(residents, hospitals, dict.fromkeys(hospitals, field.rounds))
    found = []
    for mentor, matched in game.solve(optimal="resident").items():
        for number, mentee in enumerate(matched):
            found.append((number, int(str(mentee)[1:]), int(str(mentor)[1:])))
    return found


def bare_flow(field: Field, seconds: float) -> Meetings:
    """OR-tools' flow on all pairs and nothing else: no rounds, no proof, no tables."""
    unit = fairness_unit(int(min(field.mentee_room.sum(), field.mentor_room.sum())), field.dearest)
    pairs = field.all_pairs()
    started = time.perf_counter()
    chosen = fairest_and_best(field, pairs, unit)
    spent.append(time.perf_counter() - started)
    return [(0, e, m) for e, m in zip(pairs.mentee[chosen].tolist(), pairs.mentor[chosen].tolist(), strict=True)]


spent: list[float] = []
PEERS: dict[str, Callable[[Field, float], Meetings]] = {
    "assignment-by-round": assignment,
    "random-rotation": rotation,
    "cp-sat": cp_sat,
    "matching-library": stable_marriage,
    "bare-flow": bare_flow,
}


def main() -> None:
    """Plan with one of them."""
    name, source, target, *limit = sys.argv[1:]
    meetings: list[Any] = []
    for field in fields(source):
        for number, mentee, mentor in PEERS[name](field, float(limit[0]) if limit else 60.0):
            meetings.append((number + 1, int(field.part.mentees[mentee]), int(field.part.mentors[mentor])))
    Path(target).write_bytes(orjson.dumps({"meetings": meetings, "flow_seconds": sum(spent)}))


if __name__ == "__main__":
    main()
