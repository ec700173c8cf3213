"""All replicas are away for an hour: what was due comes in order and says that it is late; then the policy decides."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from deploy.local import Deployment
from shared.clock import FastClock
from tests.faults.session_timer.hall import Ear, settings
from tests.integration.timer_bus import Bus, Program, short, whole

pytestmark = pytest.mark.fault

AWAY = timedelta(hours=1)
LONG: dict[str, Any] = {"rounds": 6, "round_seconds": 900, "break_seconds": 60, "warning_seconds": (120,)}


@pytest.fixture
def away(deployment: Deployment, bus: Bus) -> Callable[[float], None]:
    """``away(at)``: kill all replicas at that wall time, and bring new ones up whose clocks show an hour later.

    The event's clock is set ahead, not the machine's, so the hour takes no hour.
    """

    def be_away(at: float) -> None:
        bus.until(lambda: time.time() >= at, "the moment of the outage")
        for name in deployment.names:
            deployment.kill(name)
        now = datetime.now(UTC)
        deployment.wait_ready(*deployment.start("session_timer", 2, settings(FastClock(now, now + AWAY, 1.0))))

    return be_away


@pytest.fixture(autouse=True)
def replicas(deployment: Deployment) -> Iterator[None]:
    deployment.wait_ready(*deployment.start("session_timer", 2))
    yield
    deployment.stop_all()


def late_bells(number: int) -> list[str]:
    return [f"{name} {number}" for name in ("round-started", "round-warned", "round-ended")]


@pytest.mark.parametrize("policy", ["catch-up", "hold"])
def test_after_an_hour_all_that_was_due_comes_in_order_and_the_policy_decides(
    bus: Bus, ear: Ear, away: Callable[[float], None], policy: str
) -> None:
    program = Program(datetime.now(UTC) + timedelta(seconds=3), **LONG)
    session_id = bus.sessions(program)["jkt"]
    bus.ok("choose_policy", session_id=session_id, on_outage=policy)
    bus.wait_for(session_id, "round-started 1")
    timetable = bus.ok("get_session", session_id=session_id)["timetable"]
    away(time.time())
    bus.wait_for(session_id, "round-started 4", 60)
    bells = [e for e in bus.events(session_id) if "scheduled_at" in e["data"]]
    assert [short(e) for e in bells] == [*late_bells(1), *late_bells(2), *late_bells(3), "round-started 4"]
    assert [e["data"]["late"] for e in bells] == [False] + [True] * 9
    instants = [e["data"]["scheduled_at"] for e in bells]
    assert instants == sorted(instants)
    assert [e["data"]["scheduled_at"] for e in bells if short(e).startswith("round-ended")] == [
        slot["ends_at"] for slot in timetable[:3]
    ]
    # In the order in which they were due also as they came.
    came = [e["ordinal"] for _, e in ear.once() if e["subject"] == session_id]
    assert came == sorted(came)

    if policy == "catch-up":
        view = bus.ok("get_session", session_id=session_id)
        assert (view["state"], view["round"], view["held"]) == ("round", 4, False)
        assert view["timetable"] == timetable
    else:
        paused = bus.wait_for(session_id, "session-paused 4")
        assert paused["data"]["cause"] == "outage"
        view = bus.ok("get_session", session_id=session_id)
        assert (view["state"], view["held"]) == ("paused", True)
        resumed = bus.ok("resume", session_id=session_id, revision=view["revision"])
        assert (resumed["state"], resumed["held"]) == ("round", False)
        gap = datetime.fromisoformat(resumed["now"]) - datetime.fromisoformat(paused["data"]["at"])
        moved = datetime.fromisoformat(resumed["timetable"][3]["ends_at"]) - datetime.fromisoformat(
            timetable[3]["ends_at"]
        )
        assert abs(moved - gap) < timedelta(seconds=0.1)
    whole(bus.events(session_id))


def test_what_was_claimed_before_an_hour_away_comes_as_claimed_and_all_after_it_says_that_it_is_late(
    bus: Bus, away: Callable[[float], None], database: Database[Any]
) -> None:
    program = Program(datetime.now(UTC) + timedelta(seconds=3), rounds=3, round_seconds=4, break_seconds=1200)
    session_id = bus.sessions(program)["jkt"]
    ends_at = bus.wait_for(session_id, "round-started 1")["data"]["ends_at"]
    # A moment before the bell it is claimed already. Nobody is left to send it, and nobody can know that afterwards.
    away(datetime.fromisoformat(ends_at).timestamp() - 0.12)
    ended = bus.wait_for(session_id, "round-ended 1", 60)
    assert ended["data"]["scheduled_at"] == ended["data"]["actual_at"] == ends_at
    bus.wait_for(session_id, "session-finished", 60)
    bells = [e for e in bus.events(session_id) if "scheduled_at" in e["data"]]
    assert [(short(e), e["data"]["late"]) for e in bells] == [
        ("round-started 1", False),
        ("round-ended 1", False),
        ("round-started 2", True),
        ("round-ended 2", True),
        ("round-started 3", True),
        ("round-ended 3", True),
    ]
    bus.until(lambda: not any(row["claims"] for row in database["shards"].find()), "the claims are settled")
    whole(bus.events(session_id))


def test_a_session_that_ended_meanwhile_is_finished_and_not_held(bus: Bus, away: Callable[[float], None]) -> None:
    program = Program(datetime.now(UTC) + timedelta(seconds=3), rounds=2, round_seconds=600, break_seconds=60)
    session_id = bus.sessions(program)["jkt"]
    bus.ok("choose_policy", session_id=session_id, on_outage="hold")
    bus.wait_for(session_id, "round-started 1")
    away(time.time())
    bus.wait_for(session_id, "session-finished", 60)
    assert bus.names(session_id)[-3:] == ["round-started 2", "round-ended 2", "session-finished"]
    assert bus.ok("get_session", session_id=session_id)["state"] == "finished"
    whole(bus.events(session_id))
