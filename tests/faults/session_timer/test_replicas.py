"""Two replicas ring 200 sessions while one or the other is killed, stopped and continued thirty times."""

import json
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from deploy.local import Deployment
from shared.clock import FastClock
from shared.ids import new_id
from tests.faults.session_timer.hall import (
    Ear,
    Harm,
    distribution,
    expected,
    fast_clock,
    programs,
    settings,
    shard_of,
    shown,
    wall_of,
)
from tests.integration.timer_bus import Bus, Program, short, whole

pytestmark = pytest.mark.fault

OUT = Path(__file__).resolve().parents[3] / "bench" / "out" / "timer-faults.json"
SEED = int(os.environ.get("FAULT_SEED", "20261124"))
HARMS = 30
SPEED = 20.0
TIMING: dict[str, Any] = {"round_seconds": 60, "break_seconds": 20, "warning_seconds": (20,)}
CYCLE = 80 / SPEED
"""Real seconds of a round with its break."""


def bell(event: dict[str, Any]) -> tuple[str, int, int, str]:
    data = event["data"]
    return (short(event).split()[0], data["round"], data.get("seconds_left", 0), data["scheduled_at"])


def held_up(ear: Ear, harm: Harm, clock: FastClock) -> list[float]:
    """For each kill: how long after it the bells had come that were due before others had its shards."""
    found = []
    bells = [(at, wall_of(clock, e["data"]["scheduled_at"]), e) for at, e in ear.once() if "scheduled_at" in e["data"]]
    for (killed_at, shards), takeover in zip(harm.kills, harm.takeovers, strict=True):
        late = [
            at - killed_at
            for at, due, event in bells
            if killed_at - 0.2 < due < killed_at + takeover and at > killed_at and shard_of(event["subject"]) in shards
        ]
        found.append(max(late, default=0.0))
    return found


def test_no_bell_is_lost_doubled_or_early_whatever_happens_to_one_replica(
    deployment: Deployment, database: Database[Any], bus: Bus, ear: Ear, eventually: Callable[..., Any]
) -> None:
    chance = random.Random(SEED)
    clock = fast_clock(SPEED)
    names = deployment.start("session_timer", 2, settings(clock))
    deployment.wait_ready(*names)
    rounds = int(HARMS * 4 / CYCLE)
    begin = clock.now() + timedelta(seconds=15 * SPEED)
    quiet = programs(200, begin, timedelta(seconds=80), chance, rounds=rounds, **TIMING)
    commanded = programs(20, begin, timedelta(seconds=80), chance, rounds=rounds, **TIMING)
    sessions: dict[str, Program] = {}
    for program in quiet + commanded:
        bus.publish(program.published(), program.planned())
    for program in quiet + commanded:
        sessions |= dict.fromkeys(bus.scheduled(program).values(), program)
    ids = {id_ for id_, program in sessions.items() if program in commanded}
    bus.until(lambda: clock.now() > begin, "the first round has begun")

    bus.stop_hearing()

    harm = Harm(deployment, names, database, chance)
    started = time.time()
    for number in range(HARMS):
        # Without waiting for answers: whoever takes the command may be killed over it; its key makes it one.
        for name in ("pause", "resume"):
            bus.cast(name, session_id=chance.choice(sorted(ids)), idempotency_key=new_id())
        harm.once(eventually)
        bus.listen()
        print(f"{number + 1:2} {harm.done[-1]:5} {time.time() - started:6.1f} s", *harm.takeovers[-1:])
    assert {"kill", "stop"} <= set(harm.done)

    def finished(wanted: set[str]) -> bool:
        done = {e["subject"] for _, e in list(ear.deliveries) if short(e) == "session-finished"}
        return wanted <= done

    untouched = sessions.keys() - ids
    bus.until(lambda: finished(set(untouched)), "all sessions are finished", 240)
    for session_id in ids:
        bus.call("resume", session_id=session_id)
    bus.until(lambda: finished(ids), "the commanded sessions are finished too", 240)

    events = [event for _, event in ear.once()]
    whole(events)
    rung = defaultdict(list)
    for event in events:
        if event["subject"] in untouched and "scheduled_at" in event["data"]:
            rung[event["subject"]].append(event)
    for session_id in untouched:
        in_order = [bell(each) for each in sorted(rung[session_id], key=lambda e: e["ordinal"])]
        assert in_order == expected(sessions[session_id]), session_id
    assert Counter(short(event) for event in events)["session-finished"] == len(sessions)
    early = [e for at, e in ear.once() if "scheduled_at" in e["data"] and _early(clock, at, e)]
    assert not early

    # What arrived out of order was a repetition, so whoever drops those sees each session in its order.
    last: dict[str, int] = {}
    for _, event in ear.once():
        assert event["ordinal"] == last.get(event["subject"], 0) + 1, event
        last[event["subject"]] = event["ordinal"]

    held = held_up(ear, harm, clock)
    figures = {
        "seed": SEED,
        "harms": dict(Counter(harm.done)),
        "sessions": len(sessions),
        "bells": sum(map(len, rung.values())),
        "repeated_deliveries": len(ear.deliveries) - len(events),
        "takeover_seconds": distribution(harm.takeovers),
        "bells_held_up_by_a_kill_seconds": distribution(held),
        "load_average": os.getloadavg(),
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    assert max(harm.takeovers) < 2
    assert max(held) < 2


def _early(clock: FastClock, at: float, event: dict[str, Any]) -> bool:
    return shown(clock, at) < datetime.fromisoformat(event["data"]["scheduled_at"])
