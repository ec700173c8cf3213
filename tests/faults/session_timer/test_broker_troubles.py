"""The broker takes nothing for most of a minute while bells come due, and the replicas that ring them die meanwhile."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue
from pymongo.database import Database

from deploy.local import Deployment, Infrastructure
from shared.messaging.topology import EVENTS
from tests.faults.session_timer.hall import Ear
from tests.integration.broker_troubles import hanging, memory_alarm
from tests.integration.timer_bus import Bus, Program, short, soon, whole

pytestmark = pytest.mark.fault

LASTS = 50.0
"""Seconds: longer than the two heartbeats after which connections to a broker that is not heard of are given up."""
NOTICED = 2.0
"""Seconds within which the session timer notices that the broker takes nothing."""
BELLS = "speedmentor.session-timer.#"
ROUNDS = 20
TIMING: dict[str, Any] = {"rounds": ROUNDS, "round_seconds": 3, "break_seconds": 2, "warning_seconds": (1,)}


def due_at(event: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(event["data"]["scheduled_at"]) if "scheduled_at" in event["data"] else None


@pytest.mark.parametrize("trouble", [memory_alarm, hanging])
def test_no_bell_has_two_contents_whoever_dies_while_the_broker_takes_nothing(
    deployment: Deployment,
    infrastructure: Infrastructure,
    database: Database[Any],
    bus: Bus,
    ear: Ear,
    trouble: Callable[[Infrastructure], AbstractContextManager[None]],
) -> None:
    names = deployment.start("session_timer", 2)
    deployment.wait_ready(*names)
    ids = bus.sessions(Program(soon(4), sites={f"s-{number}": "Asia/Jakarta" for number in range(24)}, **TIMING))
    for session_id in ids.values():
        bus.wait_for(session_id, "round-started 1")
    with trouble(infrastructure):
        begun = time.time()
        bus.until(lambda: time.time() > begun + 5, "claims are made and not confirmed")
        deployment.kill(names[0])
        bus.until(lambda: time.time() > begun + LASTS / 2, "the other one has its shards")
        # Without waiting: nobody is ready while the broker takes nothing.
        deployment.start("session_timer", 1)
        deployment.kill(names[1])
        bus.until(lambda: time.time() > begun + LASTS, "more bells come due", LASTS)
        over = time.time()
    deployment.start("session_timer", 1)
    for session_id in ids.values():
        bus.wait_for(session_id, "session-finished", 90)
    bus.until(lambda: not any(row["claims"] for row in database["shards"].find()), "all claims are settled")
    assert {event_id for event_id, bodies in ear.bodies.items() if len(bodies) > 1} == set()
    whole(event for _, event in ear.once())
    bells = [(at, e) for at, e in ear.once() if "late" in e["data"]]
    assert len(bells) == len(ids) * ROUNDS * 3
    for subject in ids.values():
        came = [e["ordinal"] for _, e in ear.once() if e["subject"] == subject]
        assert came == sorted(came)
    wrong = [
        (round(due - begun, 1), short(e), e["data"]["late"])
        for at, e in bells
        if begun + NOTICED < (due := datetime.fromisoformat(e["data"]["scheduled_at"]).timestamp()) < over - NOTICED
        and not e["data"]["late"]
    ]
    assert not wrong
    # In the outbox stands what was sent.
    bodies = {row["_id"]: row["body"] for row in database["outbox"].find({}, {"body": 1})}
    assert all(bytes(bodies[event_id]) in sent for event_id, sent in ear.bodies.items())


def test_a_listener_whose_queue_confirms_nothing_holds_no_bells_back(
    deployment: Deployment, infrastructure: Infrastructure, amqp_uri: Callable[..., str], vhost: str, bus: Bus, ear: Ear
) -> None:
    deployment.wait_ready(*deployment.start("session_timer", 1))
    with Connection(amqp_uri()) as connection:
        queue = Queue(
            "stuck", Exchange(EVENTS, "topic", passive=True), BELLS, queue_arguments={"x-queue-type": "quorum"}
        )
        queue(connection.channel()).declare()
    found = f'rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost}">>, queue, <<"stuck">>))'
    process = f"{{ok, Queue}} = {found}, {{Name, _}} = amqqueue:get_pid(Queue)"
    session_id = bus.sessions(Program(soon(2), 16, 1, 1))["jkt"]
    # Before its first event a queue is asked whether it takes any, and the broker waits for the answer.
    bus.wait_for(session_id, "round-started 1")
    infrastructure.broker.control("eval", f"{process}, sys:suspend(Name).")
    stuck = time.time()
    try:
        bus.wait_for(session_id, "session-finished", 60)
    finally:
        infrastructure.broker.control("eval", f"{process}, sys:resume(Name).")
    late = [(at - due.timestamp(), e["data"]["late"]) for at, e in ear.once() if (due := due_at(e)) and at > stuck]
    assert len(late) > 8
    assert not any(said for _, said in late)
    assert max(seconds for seconds, _ in late) < 1
