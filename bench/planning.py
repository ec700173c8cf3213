"""What planning costs and what it is worth: ``python bench/planning.py [SIZE…]`` writes bench/out/planning.json.

Every way to plan runs in a process of its own, from file to file, one after the other on the same machine; time and
peak memory are the process's. All plans are judged by the same few lines here, which know only the input and the
meetings. ``python bench/planning.py`` measures everything; with names, only those sizes.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import orjson

from bench.made_event import made_event

OUT = Path(__file__).with_name("out") / "planning.json"
COMMAND = "from shared.cli import main; main()"
HERE = Path(__file__).parent
ROOT = HERE.parent


@dataclass(frozen=True)
class Size:
    """An event, and who besides our planner can plan it in reasonable time."""

    mentees: int
    mentors: int
    rounds: int
    sites: int
    peers: tuple[str, ...]
    missing: float = 0.0


SMALL = ("assignment-by-round", "random-rotation", "matching-library", "cp-sat", "bare-flow")
SIZES = {
    "60x20x5": Size(60, 20, 5, 1, SMALL),
    "60x60x6": Size(60, 60, 6, 1, SMALL),
    "500x100x6": Size(500, 100, 6, 1, SMALL),
    "2000x400x6": Size(2000, 400, 6, 1, ("assignment-by-round", "random-rotation", "matching-library", "bare-flow")),
    "10000x2000x6 on 50 sites": Size(10_000, 2_000, 6, 50, ("assignment-by-round", "random-rotation", "bare-flow")),
    "10000x2000x6 on one site": Size(10_000, 2_000, 6, 1, ("random-rotation", "assignment-by-round")),
    "100000x20000x6 on 500 sites": Size(100_000, 20_000, 6, 500, ("random-rotation", "bare-flow")),
    "60x20x5, a third misses rounds": Size(60, 20, 5, 1, ("assignment-by-round", "cp-sat"), 1 / 3),
    "60x60x6, a third misses rounds": Size(60, 60, 6, 1, ("assignment-by-round", "cp-sat"), 1 / 3),
    "500x100x6, a third misses rounds": Size(500, 100, 6, 1, ("assignment-by-round", "cp-sat"), 1 / 3),
    "2000x400x6, a third misses rounds": Size(2000, 400, 6, 1, ("assignment-by-round",), 1 / 3),
}
REPLAN, GAPS = "re-plan", "gaps"


class Failed(Exception):
    """A way to plan gave no plan."""


#: Starts the command from a small process: a child's peak is never below the size of whoever forked it.
LAUNCH = """
import json, os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(json.dumps([time.perf_counter() - started, usage.ru_maxrss * 1024, os.waitstatus_to_exitcode(status)]))
"""


def run(command: list[str]) -> tuple[float, int]:
    """Seconds and peak memory (bytes; of the largest process) of ``command``."""
    told = subprocess.run(
        [sys.executable, "-S", "-c", LAUNCH, *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, peak, code = json.loads(told.stdout.splitlines()[-1])
    if code:
        raise Failed((told.stderr.strip().splitlines() or [f"ended with {code}"])[-1])
    return seconds, peak


def judged(
    document: dict[str, Any], meetings: list[tuple[int, int, int]], score: dict[tuple[int, int], int]
) -> dict[str, Any]:
    """What ``meetings`` (round, mentee, mentor) are worth."""
    count = Counter(mentee for _, mentee, _ in meetings)
    people = len(document["mentees"])
    each = [count.get(mentee, 0) for mentee in range(people)]
    fairness = sum(sum(range(document["rounds"] - have + 1, document["rounds"] + 1)) for have in each)
    return {
        "meetings": len(meetings),
        "least": min(each),
        "most": max(each),
        "without_any": each.count(0),
        "fairness": fairness,
        "value": sum(score[mentee, mentor] for _, mentee, mentor in meetings),
    }


def scores_of(document: dict[str, Any], pairs: set[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The score of each of ``pairs``."""
    import numpy as np

    from services.matching.planner import read_input
    from services.matching.planner.problem.people import people_of
    from services.matching.planner.problem.scores import Scoring

    if not pairs:
        return {}
    plan_input = read_input(document)
    mentee, mentor = (np.array(column) for column in zip(*sorted(pairs), strict=True))
    parts = Scoring(plan_input, people_of(plan_input)).because(mentee, mentor)
    total = np.sum(list(parts.values()), axis=0).tolist()
    return dict(zip(zip(mentee.tolist(), mentor.tolist(), strict=True), total, strict=True))


def measure(size: Size, folder: Path) -> dict[str, Any]:
    """One event, planned by everybody who can."""
    document = made_event(size.mentees, size.mentors, size.rounds, size.sites, missing=size.missing)
    source, target = folder / "input.json", folder / "plan.json"
    source.write_bytes(orjson.dumps(document))
    seconds, peak = run([sys.executable, "-c", COMMAND, "plan", str(source), "-o", str(target)])
    plan = orjson.loads(target.read_bytes())
    mentee_at = {each["id"]: at for at, each in enumerate(document["mentees"])}
    mentor_at = {each["id"]: at for at, each in enumerate(document["mentors"])}
    made = {"speedmentor": [(m["round"], mentee_at[m["mentee"]], mentor_at[m["mentor"]]) for m in plan["meetings"]]}
    costs: dict[str, Any] = {"speedmentor": {"seconds": round(seconds, 3), "peak_bytes": peak, **plan["quality"]}}
    costs["speedmentor"]["seconds_solving"] = plan["quality"]["seconds"]
    costs["speedmentor"]["seconds"] = round(seconds, 3)
    failed: dict[str, Any] = {}
    for peer in size.peers:
        limit = str(seconds / max(1, size.sites))
        command = [sys.executable, str(HERE / "planning_peers.py"), peer, str(source), str(target), limit]
        try:
            taken, memory = run(command)
        except Failed as why:
            failed[peer] = {"failed": str(why)[:200]}
            continue
        answer = orjson.loads(target.read_bytes())
        made[peer] = [tuple(each) for each in answer["meetings"]]
        costs[peer] = {"seconds": round(taken, 3), "peak_bytes": memory}
        if answer["flow_seconds"]:
            costs[peer]["flow_seconds"] = round(answer["flow_seconds"], 3)
    score = scores_of(document, {(e, m) for meetings in made.values() for _, e, m in meetings})
    return {
        **{name: {**costs[name], **judged(document, meetings, score)} for name, meetings in made.items()},
        **failed,
    }


def gaps() -> dict[str, Any]:
    """How far from the bound plans are where a third of the people misses one or two rounds."""
    from services.matching.planner import read_input, solve

    found: dict[str, Any] = {}
    for mentees, mentors, rounds in ((30, 30, 6), (60, 20, 5), (60, 60, 6), (100, 25, 6), (200, 40, 6), (500, 100, 6)):
        qualities = [
            solve(read_input(made_event(mentees, mentors, rounds, seed=seed, missing=1 / 3))).quality
            for seed in range(1, 6)
        ]
        found[f"{mentees}x{mentors}x{rounds}"] = {
            "mean_gap": statistics.mean(each.gap for each in qualities),
            "largest_gap": max(each.gap for each in qualities),
            "certified": sum(each.certified for each in qualities),
            "events": len(qualities),
            "mean_seconds": round(statistics.mean(each.seconds for each in qualities), 3),
        }
    found["mean_gap"] = statistics.mean(each["mean_gap"] for each in found.values())
    return found


def replan() -> dict[str, Any]:
    """One mentor of 10,000 x 2,000 on 50 sites does not come: the touched site, asked of a warm planning process."""
    from services.matching.solver.parent import Solver

    document = made_event(10_000, 2_000, 6, 50)
    solver = Solver()
    solver.start()
    times, changed, certified = [], [], []
    try:
        for number in range(30):
            site = f"site-{number}"
            people = {
                role: [each for each in document[role] if each["site"] == site] for role in ("mentors", "mentees")
            }
            names = {each["id"] for each in people["mentees"]}
            question = {
                "format": document["format"],
                "rounds": 6,
                **people,
                "never": [each for each in document["never"] if each[0] in names],
            }
            announced = solver.ask(question, 60).plan
            current = [
                {key: each[key] for key in ("round", "mentee", "mentor", "table")} for each in announced["meetings"]
            ]
            again = {
                **question,
                "current": current,
                "frozen_through": number % 3,
                "absent": [{"id": people["mentors"][number % 40]["id"], "from_round": number % 3 + 1}],
                "change_cost": 100,
            }
            started = time.perf_counter()
            answer = solver.ask(again, 60).plan
            times.append(time.perf_counter() - started)
            changed.append(answer["quality"]["changed"])
            certified.append(answer["quality"]["certified"])
    finally:
        solver.stop()
    times.sort()
    return {
        "events": len(times),
        "median_ms": round(1000 * statistics.median(times), 1),
        "p95_ms": round(1000 * times[int(0.95 * len(times))], 1),
        "most_ms": round(1000 * times[-1], 1),
        "mean_changed": statistics.mean(changed),
        "certified": sum(certified),
    }


def main() -> None:
    """Measure, print and keep."""
    names = sys.argv[1:] or [*SIZES, GAPS, REPLAN]
    figures: dict[str, Any] = json.loads(OUT.read_text()) if sys.argv[1:] and OUT.exists() else {}
    figures["machine"] = {"cores": len(os.sched_getaffinity(0)), "python": platform.python_version()}
    OUT.parent.mkdir(exist_ok=True)
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            special = {GAPS: gaps, REPLAN: replan}.get(name)
            figures[name] = special() if special else measure(SIZES[name], Path(folder))
        print(name, json.dumps(figures[name], indent=1), flush=True)
        OUT.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
