"""Broker and database going away under load: services reconnect, lose nothing and double no effect."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from deploy.local import Infrastructure
from deploy.local.waiting import eventually as wait_until
from shared.events import Event
from shared.ids import new_id
from tests.integration.backbone.stage import MEETINGS, PARTICIPANTS, Outside, RpcCaller, Stage, mentee

pytestmark = pytest.mark.fault
Eventually = Callable[..., Any]


class Load:
    """Publishes events one by one until told to stop, and what fails again until it is confirmed."""

    def __init__(self, stage: Stage) -> None:
        self.confirmed: list[Event] = []
        self._stage = stage
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stopping.is_set():
            events = [mentee() for _ in range(5)]
            while True:
                try:
                    self._stage.publish(events)
                    break
                except Exception:  # the broker is away: the publisher's duty is to try again
                    if self._stopping.wait(0.2):
                        return
            self.confirmed += events
            self._stopping.wait(0.02)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Publish meanwhile."""
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()


def whole(stage: Stage, load: Load) -> None:
    """Every confirmed event has had one effect here and one at the service behind, and no other has any."""
    ids = sorted(event.id for event in load.confirmed)
    effects = stage.database()["effects"]
    hearer = stage.database("hearer")["effects"]
    wait_until(lambda: effects.count_documents({"event": {"$in": ids}}) >= len(ids), 60)
    # An event whose confirm was lost may have been taken: then it is published twice under one id.
    wait_until(lambda: stage.waiting(PARTICIPANTS.queue) == 0 and stage.waiting(MEETINGS.queue) == 0, 60)
    count = effects.count_documents({})
    wait_until(lambda: hearer.count_documents({}) >= count, 60)
    assert len(effects.distinct("event")) == count
    assert set(ids) <= set(effects.distinct("event"))
    assert sorted(hearer.distinct("cause")) == sorted(effects.distinct("event"))
    assert hearer.count_documents({}) == count
    assert stage.waiting(PARTICIPANTS.dead) == stage.waiting(MEETINGS.dead) == 0


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_restart_of_the_broker_under_load(
    stage: Stage, infrastructure: Infrastructure, eventually: Eventually, kill: bool
) -> None:
    echo, hearer = stage.start(), stage.start("hearer")
    load = Load(stage)
    with load.running():
        eventually(lambda: len(stage.effects()) > 50, 30)
        before = len(load.confirmed)
        infrastructure.restart_broker(kill)
        eventually(lambda: len(load.confirmed) > before + 50, 60)
    eventually(echo.is_ready, 30)
    eventually(hearer.is_ready, 30)
    whole(stage, load)


@pytest.mark.parametrize("how", ["step-down", "restart", "kill"])
def test_the_database_goes_away_under_load(
    stage: Stage, infrastructure: Infrastructure, eventually: Eventually, how: str
) -> None:
    echo, hearer = stage.start(), stage.start("hearer")
    load = Load(stage)
    with load.running():
        eventually(lambda: len(stage.effects()) > 50, 30)
        if how == "step-down":
            infrastructure.step_down_database(seconds=2)
        else:
            infrastructure.restart_database(kill=how == "kill")
        before = len(load.confirmed)
        eventually(lambda: len(load.confirmed) > before + 50, 60)
    eventually(echo.is_ready, 60)
    eventually(hearer.is_ready, 60)
    whole(stage, load)


def test_readiness_is_false_while_the_broker_is_away_and_true_afterwards(
    stage: Stage, infrastructure: Infrastructure, eventually: Eventually
) -> None:
    replica = stage.start()
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            seen.append(replica.health()[0])

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        infrastructure.restart_broker()
        eventually(replica.is_ready, 30)
    finally:
        over.set()
        watching.join()
    assert 503 in seen
    assert replica.health("live")[0] == 200
    # Both halves work: something comes in and goes out.
    event = mentee()
    stage.publish([event])
    assert [each["event"] for each in stage.wait_for_effects(1)] == [event.id]
    eventually(lambda: stage.database()["outbox"].count_documents({"pending": True}) == 0)


def test_rpc_survives_a_restart_of_the_broker(
    stage: Stage, infrastructure: Infrastructure, amqp_uri: Callable[..., str], eventually: Eventually
) -> None:
    replica = stage.start()
    caller = RpcCaller(amqp_uri())
    assert caller.call("count", key=new_id()) == {"ok": 1}
    caller.close()
    infrastructure.restart_broker(kill=True)
    eventually(replica.is_ready, 30)
    caller = RpcCaller(amqp_uri())
    # The broker keeps the request until nameko's consumer is back: no repeating here.
    assert caller.call("count", key=new_id()) == {"ok": 2}
    caller.close()


def test_a_request_in_hand_while_the_broker_goes_away_has_one_effect(
    stage: Stage, infrastructure: Infrastructure, amqp_uri: Callable[..., str], eventually: Eventually
) -> None:
    replica = stage.start()
    key = new_id()
    caller = RpcCaller(amqp_uri())
    caller.send("count_slowly", key=key)
    gate = stage.database()["gate"]
    eventually(lambda: gate.find_one({"_id": "reached"}))
    infrastructure.restart_broker()
    gate.insert_one({"_id": "open"})
    # The first answer has no way back; who asks again with the same key gets the same one.
    eventually(replica.is_ready, 30)
    caller = RpcCaller(amqp_uri())
    assert caller.call("count_slowly", key=key) == {"ok": 1}
    assert caller.call("count", key=new_id()) == {"ok": 2}
    caller.close()
    assert replica.process.poll() is None


def test_an_outside_consumer_sees_every_id_once_or_more_through_a_step_down(
    stage: Stage, infrastructure: Infrastructure, outside: Outside, rpc: RpcCaller
) -> None:
    stage.start()
    call = rpc.send("revise", meeting_id="m", times=60)
    outside.wait_for(20)
    infrastructure.step_down_database(seconds=1)
    assert rpc.wait(call, 60) == {"ok": None}
    came = outside.wait_for(60, seconds=60)
    first = list(dict.fromkeys((event["id"], event["ordinal"]) for event in came))
    assert [ordinal for _, ordinal in first] == list(range(1, 61))
