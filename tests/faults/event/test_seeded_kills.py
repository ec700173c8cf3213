"""kill -9 at random moments of random services, event after event: nothing is lost, and nothing is doubled.

``RUNS=5 make faults`` holds fewer events; ``SEEDS=17,23`` those again. The report is ``.run/faults/report.json``.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from shared.messaging.topology import SERVICES
from tests.faults.event.fault_injection import drawn
from tests.faults.event.ground import KEPT, Ground, grounds

pytestmark = pytest.mark.fault

SPEED = 360

SEEDS = [int(each) for each in os.environ.get("SEEDS", "").split(",") if each] or list(
    range(1, int(os.environ.get("RUNS", "50")) + 1)
)


class Record:
    """The runs so far, written down after each: what is killed half-way leaves a report too."""

    def __init__(self) -> None:
        self._runs: list[dict[str, Any]] = []

    def add(self, run: dict[str, Any]) -> None:
        """Take in one run."""
        self._runs.append(run)
        path = KEPT / "report.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.document(), indent=2) + "\n", encoding="utf-8")

    def document(self) -> dict[str, Any]:
        """The report."""
        kills = [each for run in self._runs for each in run["kills"]]
        services, stages = Counter(each["service"] for each in kills), Counter(each["stage"] for each in kills)
        seconds = sorted(run["seconds"] for run in self._runs)
        return {
            "runs": len(self._runs),
            "kills": {service: services[service] for service in SERVICES},
            "kills_by_stage": dict(stages.most_common()),
            "events": sum(run["events"] for run in self._runs),
            "lost": sum(run["lost"] for run in self._runs),
            "doubled": sum(run["doubled"] for run in self._runs),
            "failing_seeds": [run["seed"] for run in self._runs if run["wrong"]],
            "durations": {
                "shortest": seconds[0],
                "median": seconds[len(seconds) // 2],
                "longest": seconds[-1],
                "all": round(sum(seconds), 1),
            },
            "each": self._runs,
        }


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    yield from grounds("seeded-kills", SPEED)


@pytest.fixture(scope="module")
def stages(ground: Ground) -> dict[str, float]:
    """How long the stages of an event take here without a fault: what the moments are drawn from."""
    outcome = ground.hold()
    assert outcome.wrong == []
    return outcome.stages


@pytest.fixture(scope="module")
def record() -> Record:
    return Record()


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_doubled(ground: Ground, stages: dict[str, float], record: Record, seed: int) -> None:
    injected = drawn(seed, stages)
    began = time.monotonic()
    run: dict[str, Any] = {"seed": seed, "events": 0, "lost": 0, "doubled": 0, "wrong": [], "kills": []}
    try:
        outcome = ground.hold(injected, seed)
        run |= {
            "events": outcome.account.events,
            "lost": len(outcome.account.lost),
            "doubled": len(outcome.account.doubled),
            "wrong": outcome.wrong,
            "kills": [{"service": each.what, "stage": each.stage, "after": each.after} for each in outcome.injected],
        }
    except Exception as error:
        run["wrong"] = [f"{type(error).__name__}: {error}"]
        run["kills"] = [{"service": each.what, "stage": each.stage, "after": each.after} for each in injected]
    run["seconds"] = round(time.monotonic() - began, 1)
    record.add(run)
    if run["wrong"]:
        # The next event is to be held on sound ground, and this one's logs are wanted.
        ground.leave(keep_logs=f"seed-{seed}")
        told = "\n".join([*map(str, injected), *run["wrong"]])
        pytest.fail(f"seed {seed} (again: SEEDS={seed} make faults):\n{told}")
    assert len(run["kills"]) == len(injected)
