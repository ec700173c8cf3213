"""Somebody sets the clock of one replica's machine by an hour, ahead and back, while both ring and take commands."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local import Deployment
from deploy.local.machine import installing
from shared.steady_clock import PROVED
from tests.faults.session_timer.hall import Ear
from tests.integration.timer_bus import Bus, Program, short, soon, whole

pytestmark = pytest.mark.fault

SITES = {f"s-{number}": "Asia/Jakarta" for number in range(20)}
TOLERATED = timedelta(seconds=0.5)


class Machine:
    """The wall clock that a replica sees, set by a file; the monotonic one runs on."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set("+0")

    def set(self, by: str) -> None:
        """Set it off by so many seconds, with their sign."""
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"{by}\n")
        draft.replace(self._file)

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs to see it."""
        return {
            "LD_PRELOAD": str(installing.faketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def steps_noticed(deployment: Deployment, name: str) -> int:
    _, figures = deployment.health(name, "/metrics")
    lines = [line for line in figures.splitlines() if line.startswith("speedmentor_clock_steps_total{")]
    return int(sum(float(line.split()[-1]) for line in lines))


def test_a_clock_that_is_set_wrong_rings_nothing_early_and_moves_no_command(
    deployment: Deployment, bus: Bus, ear: Ear, tmp_path: Path, eventually: Callable[..., Any]
) -> None:
    machine = Machine(tmp_path)
    (wrong,) = deployment.start("session_timer", 1, machine.environ)
    right = deployment.start("session_timer", 1)
    deployment.wait_ready(wrong, *right)
    program = Program(soon(4), rounds=12, round_seconds=2, break_seconds=1, warning_seconds=(1,), sites=SITES)
    paused = Program(soon(4), rounds=2, round_seconds=900, break_seconds=60)
    ids = bus.sessions(program)
    (commanded,) = bus.sessions(paused).values()
    bus.wait_for(commanded, "round-started 1")

    def command_for(seconds: float) -> None:
        """Both replicas take some of the commands, and go by the right time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for command in ("pause", "resume"):
                asked = soon(0)
                told = datetime.fromisoformat(bus.ok(command, session_id=commanded)["now"])
                assert asked - TOLERATED < told < soon(0) + TOLERATED

    for number, step in enumerate(("+3600", "-3600"), start=1):
        machine.set(step)
        bus.until(lambda noticed=number: steps_noticed(deployment, wrong) >= noticed, f"{step} is noticed")
        # Longer than a step has to stand before it would be believed.
        command_for(PROVED + 2)
        machine.set("+0")
        command_for(0.5)
    for session_id in ids.values():
        bus.wait_for(session_id, "session-finished", 60)
        events = bus.events(session_id)
        whole(events)
        assert [short(e) for e in events].count("round-ended 12") == 1
    bells = [
        (at, e["data"]["scheduled_at"]) for at, e in ear.once() if "late" in e["data"] and e["subject"] != commanded
    ]
    assert len(bells) == len(ids) * 12 * 3
    assert min(at - datetime.fromisoformat(due).timestamp() for at, due in bells) >= 0
    whole(bus.events(commanded))
