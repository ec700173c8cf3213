"""A broker that blocks, hangs or is out of reach: every call is answered in time, and nothing is done after it.

An alarm is for the whole broker, so this module has one of its own.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.local import RUN, Deployment, Infrastructure
from deploy.local.waiting import eventually
from shared.messaging.publisher_pool import CONNECTIONS
from tests.integration.backbone.stage import PARTICIPANTS, Outside, Replica, RpcCaller, Stage, mentee
from tests.integration.broker_troubles import Cable, disk_alarm, hanging, memory_alarm, own_broker

pytestmark = pytest.mark.integration

#: The deadline of the gateway's calls here, and what one more hop and a busy machine may add to it.
DEADLINE, MARGIN = 3.0, 2.0


ALARMS = {"memory": memory_alarm, "disk": disk_alarm}


@pytest.fixture(scope="module")
def own(infrastructure: Infrastructure) -> Iterator[Infrastructure]:
    with own_broker(RUN / f"test-{os.getpid()}-blocking", infrastructure.mongo_uri("test")) as made:
        yield made


@pytest.fixture
def stage(own: Infrastructure, mongo_uri: Callable[[str], str], tmp_path: Path) -> Iterator[Stage]:
    made = Stage(own.amqp_uri, mongo_uri, own.secrets.token_public_key, tmp_path)
    yield made
    made.end()


@pytest.fixture
def rpc(own: Infrastructure) -> Iterator[RpcCaller]:
    caller = RpcCaller(own.amqp_uri())
    yield caller
    caller.close()


@pytest.fixture(scope="module")
def gateway(own: Infrastructure) -> Iterator[Deployment]:
    made = Deployment(own)
    made.wait_ready(
        *made.start("registration"),
        *made.start("gateway", environ={"RPC_TIMEOUT": str(DEADLINE)}),
    )
    yield made
    made.stop_all()


def told(replica: Replica, message: str) -> list[dict[str, Any]]:
    return [line for line in replica.logs() if line["message"] == message]


def state(replica: Replica) -> str:
    (now,) = [
        line.partition('speedmentor_broker_state="')[2].partition('"')[0]
        for line in replica.health("metrics")[1].splitlines()
        if line.startswith("speedmentor_broker_state{") and line.endswith(" 1.0")
    ]
    return now


@pytest.mark.parametrize("what", ALARMS)
def test_a_replica_that_is_blocked_is_not_ready_and_says_why_once(own: Infrastructure, stage: Stage, what: str) -> None:
    replica = stage.start()
    assert state(replica) == "takes"
    with ALARMS[what](own):
        eventually(lambda: replica.health()[0] == 503, 10, "not ready")
        ready = json.loads(replica.health()[1])
        assert (ready["broker"], ready["reasons"]) == (False, {"broker": f"broker blocks: {what}"})
        assert replica.health("live")[0] == 200
        assert state(replica) == f"blocks-{what}"
        (begun,) = told(replica, "broker-blocks")
        assert begun["short_of"] == what
    eventually(replica.is_ready, 10, "ready again")
    assert state(replica) == "takes"
    assert len(told(replica, "broker-blocks")) == 1
    (ended,) = told(replica, "broker-unblocks")
    assert ended["was_short_of"] == what
    assert ended["seconds"] > 0


# Calls through the gateway


class Callers:
    """Organizers who ask at the same time for what the gateway asks another service for."""

    def __init__(self, gateway: Deployment, name: str = "gateway-1") -> None:
        self._url = f"http://127.0.0.1:{gateway.infrastructure.state.ports[f'{name}/http']}/api/v1"
        password = {"password": gateway.infrastructure.organizer_password}
        token = requests.post(f"{self._url}/log-in", json=password, timeout=20).json()["token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self) -> tuple[float, requests.Response]:
        began = time.monotonic()
        answer = requests.get(f"{self._url}/programs", headers=self._headers, timeout=60)
        return time.monotonic() - began, answer

    def are_refused_in_time(self, seconds: float, many: int = 30) -> None:
        with ThreadPoolExecutor(many) as pool:
            for took, answer in pool.map(lambda _: self.ask(), range(many)):
                assert took < seconds
                assert answer.status_code == 503
                assert int(answer.headers["Retry-After"]) >= 1
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert answer.json()["code"] == "not-yet"

    def are_answered(self) -> bool:
        return self.ask()[1].status_code == 200


@pytest.fixture
def callers(gateway: Deployment) -> Callers:
    made = Callers(gateway)
    eventually(made.are_answered, 30, "the gateway is answered")
    return made


def open_files(gateway: Deployment) -> int:
    """Files and sockets that the gateway has open; those that a pool may keep are bounded by ``CONNECTIONS``."""
    return len(list(Path(f"/proc/{gateway.infrastructure.state.daemons['gateway-1'].pid}/fd").iterdir()))


def is_ready(gateway: Deployment) -> bool:
    return gateway.health("gateway-1")[0] == 200


@pytest.mark.parametrize("what", ALARMS)
def test_calls_in_an_alarm_are_refused_at_once_and_answered_after_it(
    own: Infrastructure, gateway: Deployment, callers: Callers, what: str
) -> None:
    before = open_files(gateway)
    with ALARMS[what](own):
        # Whoever is the first to be blocked is told no later than the others.
        callers.are_refused_in_time(DEADLINE + MARGIN)
        eventually(lambda: not is_ready(gateway), 10, "not ready")
        assert json.loads(gateway.health("gateway-1")[1])["reasons"] == {"broker": f"broker blocks: {what}"}
        assert requests.get(f"{gateway.url}/health/live", timeout=10).status_code == 200
        callers.are_refused_in_time(DEADLINE)
    eventually(callers.are_answered, DEADLINE + MARGIN, "answered again")
    eventually(lambda: is_ready(gateway), 10, "ready again")
    eventually(lambda: open_files(gateway) <= before + CONNECTIONS, 10, "no connection is left over")


def test_calls_to_a_broker_that_hangs_are_refused_in_time_and_answered_when_it_goes_on(
    own: Infrastructure, gateway: Deployment, callers: Callers
) -> None:
    before = open_files(gateway)
    with hanging(own):
        callers.are_refused_in_time(DEADLINE + MARGIN)
        eventually(lambda: not is_ready(gateway), 20, "not ready")
        assert json.loads(gateway.health("gateway-1")[1])["reasons"] == {"broker": "broker does not answer"}
        callers.are_refused_in_time(DEADLINE + MARGIN)
        assert requests.get(f"{gateway.url}/health/live", timeout=10).status_code == 200
    eventually(lambda: is_ready(gateway), 30, "ready again")
    eventually(callers.are_answered, 30, "answered again")
    eventually(lambda: open_files(gateway) <= before + CONNECTIONS, 30, "no connection is left over")


def test_calls_over_connections_whose_other_end_is_gone_are_refused_in_time_and_new_ones_made(
    own: Infrastructure, gateway: Deployment, callers: Callers
) -> None:
    cable = Cable(own.amqp_uri("gateway"))
    (second,) = gateway.start("gateway", environ={"RPC_TIMEOUT": str(DEADLINE), "AMQP_URI": cable.uri})
    try:
        gateway.wait_ready(second)
        behind = Callers(gateway, second)
        eventually(behind.are_answered, 30, "answered through the cable")
        cable.unplug()
        behind.are_refused_in_time(DEADLINE + MARGIN)
        eventually(lambda: gateway.health(second)[0] == 503, 20, "not ready")
        behind.are_refused_in_time(DEADLINE + MARGIN)
        cable.plug_in_anew()
        eventually(behind.are_answered, 40, "answered over new connections")
        eventually(lambda: gateway.health(second)[0] == 200, 20, "ready again")
        assert callers.are_answered()
    finally:
        gateway.infrastructure.state.daemons[second].stop(15)
        cable.close()


# Commands in a service


def milliseconds_ahead(seconds: float) -> dict[str, int]:
    return {"deadline": int((time.time() + seconds) * 1000)}


def test_a_command_that_an_alarm_held_up_past_its_deadline_is_refused_and_has_no_effect(
    own: Infrastructure, stage: Stage, rpc: RpcCaller
) -> None:
    stage.start()
    assert rpc.call("count", milliseconds_ahead(10), key="before") == {"ok": 1}
    with memory_alarm(own):
        # pika writes it into the socket, where it waits; so does what comes from who has all the time.
        late = rpc.send("count", milliseconds_ahead(0.5), key="late")
        patient = rpc.send("count", milliseconds_ahead(60), key="patient")
        of_old = rpc.send("count", {}, key="without a deadline, as old replicas send it")
        time_is_over = milliseconds_ahead(0)["deadline"] + 600
        eventually(lambda: time.time() * 1000 > time_is_over, 5, "the first deadline is over")
    refused = rpc.wait(late)["fault"]
    assert refused["code"] == "not-yet"
    # By which the caller can tell that its clock differs.
    assert abs(refused["now"] - time.time() * 1000) < 30_000
    # Both are carried out, side by side: calls have no order among each other.
    assert sorted(rpc.wait(call)["ok"] for call in (patient, of_old)) == [2, 3]
    assert rpc.call("count", milliseconds_ahead(10), key="after") == {"ok": 4}


def test_a_command_that_the_database_held_up_past_its_deadline_has_no_effect(stage: Stage, rpc: RpcCaller) -> None:
    stage.start()
    call = rpc.send("count_slowly", milliseconds_ahead(1), key="slow")
    gate = stage.database()["gate"]
    eventually(lambda: gate.find_one({"_id": "reached"}))
    over = time.time() + 1.1
    eventually(lambda: time.time() > over)
    gate.insert_one({"_id": "open"})
    assert rpc.wait(call)["fault"]["code"] == "not-yet"
    assert rpc.call("count", key="next") == {"ok": 1}


def test_a_deadline_that_is_none_holds_up_nothing(stage: Stage, rpc: RpcCaller) -> None:
    stage.start()
    for nonsense in ("soon", -5, 0, True, ["x"], {}):
        assert rpc.call("echo", {"deadline": nonsense}, text="hi")["ok"]["text"] == "hi"


# Events in a service


def test_what_failed_in_an_alarm_is_kept_and_what_was_handled_is_acknowledged(
    own: Infrastructure, stage: Stage
) -> None:
    replica = stage.start()
    gated, flaky = mentee("gated"), mentee("flaky")
    # Together in one batch.
    stage.publish([gated, flaky])
    gate = stage.database()["gate"]
    eventually(lambda: gate.find_one({"_id": "reached"}), 30, "in hand")
    with memory_alarm(own):
        eventually(lambda: replica.health()[0] == 503, 10, "blocked")
        gate.insert_one({"_id": "open"})
        stage.wait_for_effects(1)
        assert replica.health("live")[0] == 200
    assert {each["event"] for each in stage.wait_for_effects(2)} == {gated.id, flaky.id}
    assert not told(replica, "consumer-interrupted")
    assert replica.metric("speedmentor_events_repeated_total", queue=PARTICIPANTS.queue) == 0
    eventually(lambda: stage.waiting(PARTICIPANTS.queue) == 0, 10, "nothing waits")


def test_what_is_committed_in_an_alarm_is_published_once_after_it(own: Infrastructure, stage: Stage) -> None:
    replica = stage.start()
    gated = mentee("gated")
    stage.publish([gated])
    gate = stage.database()["gate"]
    eventually(lambda: gate.find_one({"_id": "reached"}), 30)
    outside = Outside(own.amqp_uri(), "speedmentor.matching.#")
    try:
        with memory_alarm(own):
            eventually(lambda: replica.health()[0] == 503, 10, "blocked")
            gate.insert_one({"_id": "open"})
            stage.wait_for_effects(1)
            eventually(lambda: replica.metric("speedmentor_outbox_pending") == 1)
        (event,) = outside.wait_for(1)
        assert event["causationid"] == gated.id
        eventually(lambda: replica.metric("speedmentor_outbox_pending") == 0)
        assert len(outside.events) == 1
        assert not told(replica, "relay-interrupted")
    finally:
        outside.close()


def test_a_replica_that_is_cut_off_from_the_broker_leaves_relaying_to_others(own: Infrastructure, stage: Stage) -> None:
    cable = Cable(own.amqp_uri("matching"))
    outside = Outside(own.amqp_uri(), "speedmentor.matching.#")
    try:
        cut_off = stage.start(AMQP_URI=cable.uri)
        stage.publish([mentee()])
        outside.wait_for(1)
        stage.start()
        cable.unplug()
        eventually(lambda: cut_off.health()[0] == 503, 20, "cut off")
        # The broker does not know yet, and hands some of them to who is cut off.
        stage.publish([mentee() for _ in range(6)])
        outside.wait_for(2, 15)
    finally:
        outside.close()
        cable.close()


def test_a_signal_in_an_alarm_ends_the_process_in_peace(own: Infrastructure, stage: Stage, rpc: RpcCaller) -> None:
    replica = stage.start()
    # So that every connection of it has published.
    assert rpc.call("echo", text="hi")["ok"]["text"] == "hi"
    stage.publish([mentee()])
    stage.wait_for_effects(1)
    with memory_alarm(own):
        eventually(lambda: replica.health()[0] == 503, 10, "blocked")
        rpc.send("echo", text="into the alarm")
        assert replica.stop(10) == 0
    assert [line["message"] for line in replica.logs()][-1] == "stopped"
    assert not told(replica, "stopping-unfinished")


def test_a_signal_while_the_broker_hangs_ends_the_process_within_its_grace(own: Infrastructure, stage: Stage) -> None:
    replica = stage.start()
    with hanging(own):
        assert replica.stop(12) == 0
