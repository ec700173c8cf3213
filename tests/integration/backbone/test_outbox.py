"""From a commit to the bus: the order of a subject's events, several replicas, and no gaps."""

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from deploy.local.waiting import eventually
from shared.messaging import connection as connection_module
from shared.messaging import relay as relay_module
from shared.messaging.topology import EVENTS
from shared.storage.lease import Lease
from shared.storage.outbox import Outbox
from tests.integration.backbone.stage import LOG, MEETINGS, Outside, Replica, RpcCaller, Stage, mentee

pytestmark = pytest.mark.integration


def first_sights(events: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The ordinals of each subject in the order in which they were first seen."""
    seen: set[str] = set()
    ordinals: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event["id"] not in seen:
            seen.add(event["id"])
            ordinals[event["subject"]].append(event["ordinal"])
    return ordinals


def test_a_subjects_events_come_in_order_from_concurrent_publishers_in_two_replicas(
    stage: Stage, outside: Outside, amqp_uri: Callable[..., str]
) -> None:
    first, second = stage.start(), stage.start()
    subjects = ["busy", "calm"]

    def publish(subject: str) -> None:
        caller = RpcCaller(amqp_uri())
        caller.wait(caller.send("revise", meeting_id=subject, times=25), 60)
        caller.close()

    threads = [threading.Thread(target=publish, args=(subjects[number % 2],)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = outside.wait_for(150)
    assert first_sights(events) == {subject: list(range(1, 76)) for subject in subjects}
    # They count what they have published a moment after the broker has it.
    eventually(lambda: _published(first) + _published(second) >= 150, what="all are counted as published")
    if stage.database()["leases"].find_one({"_id": "outbox-relay"})["token"] == 1:
        # Two replicas do not double: as long as the lease does not change hands, one of them relays, each event once.
        assert len(outside.events) == 150
        assert sorted(_published(each) for each in (first, second)) == [0, 150]


def test_another_replica_relays_when_the_one_that_did_is_gone(stage: Stage, outside: Outside, rpc: RpcCaller) -> None:
    first = stage.start()
    rpc.call("revise", meeting_id="m", times=3)
    outside.wait_for(3)
    # Killed before it has noted what is out, it would leave the second to repeat it.
    eventually(lambda: stage.database()["outbox"].count_documents({"pending": True}) == 0)
    second = stage.start()
    first.kill()
    rpc.call("revise", meeting_id="m", times=3)
    assert first_sights(outside.wait_for(6)) == {"m": [1, 2, 3, 4, 5, 6]}
    eventually(lambda: _published(second) == 3, what="the second counts what it has published")


def _published(replica: Replica) -> float:
    return replica.metric("speedmentor_outbox_published_total")


def test_what_breaks_its_schema_is_not_published_and_the_state_not_changed(
    stage: Stage, outside: Outside, rpc: RpcCaller
) -> None:
    stage.start()
    assert "fault" in rpc.call("publish_garbage")
    rpc.call("revise", meeting_id="m", times=1)
    assert len(outside.wait_for(1)) == 1
    assert stage.effects() == []
    assert stage.database()["outbox"].count_documents({}) == 1


def test_what_the_last_call_committed_goes_out_before_the_end(stage: Stage, outside: Outside, rpc: RpcCaller) -> None:
    replica = stage.start()
    rpc.call("revise", meeting_id="m", times=40)
    assert replica.stop() == 0
    assert len(outside.wait_for(40)) == 40
    assert stage.database()["outbox"].count_documents({"pending": True}) == 0


def test_an_event_that_no_service_acts_on_is_kept_for_the_log(
    stage: Stage, outside: Outside, rpc: RpcCaller, eventually: Callable[..., object]
) -> None:
    outside.mute()
    stage.start()
    rpc.call("announce")
    eventually(lambda: stage.database()["outbox"].count_documents({"pending": True}) == 0)
    (committed,) = (row["body"] for row in stage.database()["outbox"].find())
    with stage.broker() as connection, connection.channel() as channel:
        kept: list[bytes] = []
        channel.auto_decode = False
        channel.basic_consume(LOG.queue, no_ack=True, callback=lambda message: kept.append(bytes(message.body)))
        connection.drain_events(timeout=10)
    assert kept == [committed]


def test_an_event_somebody_must_get_is_held_back_until_there_is_a_queue_for_it(
    stage: Stage, outside: Outside, eventually: Callable[..., object]
) -> None:
    # Everybody who listens to meetings is taken away, so that the broker returns the event.
    with stage.broker() as connection:
        channel = connection.channel()
        key = "speedmentor.matching.meeting-assigned.v1"
        channel.queue_unbind(MEETINGS.queue, EVENTS, key)
        channel.queue_unbind(LOG.queue, EVENTS, *LOG.binding_keys)
        events = [mentee(), mentee()]
        outside.mute()
        stage.publish(events)
        replica = stage.start()
        stage.wait_for_effects(2)
        eventually(lambda: [line for line in replica.logs() if line["message"] == "events-held-back"])
        assert stage.database()["outbox"].count_documents({"pending": True}) == 2
        outside.unmute()
        assert {event["causationid"] for event in outside.wait_for(2)} == {event.id for event in events}


def test_the_trace_of_a_request_goes_through_to_the_outside(stage: Stage, outside: Outside, rpc: RpcCaller) -> None:
    stage.start()
    correlation, trace_id = str(uuid.uuid4()), "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"correlationid": correlation, "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    rpc.call("revise", headers, meeting_id="m", times=1)
    caused = mentee(traceparent=f"00-{'ab' * 16}-00f067aa0ba902b7-01")
    stage.publish([caused])
    asked, answered = outside.wait_for(2)
    assert asked["correlationid"] == correlation
    assert asked["traceparent"].split("-")[1] == trace_id
    assert asked["traceparent"].split("-")[2] != "00f067aa0ba902b7", "each step has an id of its own"
    assert (answered["correlationid"], answered["causationid"]) == (caused.correlationid, caused.id)
    assert answered["traceparent"].split("-")[1] == "ab" * 16


@dataclass
class Watched:
    """A relay in this process, and the connections that it has opened."""

    relay: relay_module.Relay
    opened: list[Any]
    since: float

    def keeps_its_connection(self) -> bool:
        """Whether the first one is still the only one, longer than it lives if nobody reads what the broker sends."""
        assert len(self.opened) == 1
        return bool(self.opened[0].connection.last_heartbeat_received > self.since + 7)


@pytest.fixture
def watched(
    request: pytest.FixtureRequest, stage: Stage, amqp_uri: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watched]:
    """One whose connection has heartbeats every 2 s; it holds the lease if the test says so."""
    monkeypatch.setattr(connection_module, "HEARTBEAT", 2)
    opened: list[Any] = []

    def connect(*arguments: Any) -> Any:
        opened.append(connection_module.connect(*arguments))
        return opened[-1]

    monkeypatch.setattr(relay_module, "connect", connect)
    lease = Lease(stage.database()["leases"], "outbox-relay", "watched", 5)
    relay = relay_module.Relay(Outbox(stage.database()), lease, amqp_uri(), "watched relay")
    threads = [threading.Thread(target=each) for each in (relay.run, *([relay.lead] if request.param else []))]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: relay.connected and relay.leads == request.param)
        yield Watched(relay, opened, time.monotonic())
    finally:
        relay.stop()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("watched", [True], indirect=True)
def test_an_idle_relay_keeps_its_connection(watched: Watched) -> None:
    eventually(watched.keeps_its_connection, 15)


@pytest.mark.parametrize("watched", [False], indirect=True)
def test_a_relay_keeps_its_connection_while_its_replica_commits_and_another_relays(watched: Watched) -> None:
    eventually(lambda: watched.relay.wake() or watched.keeps_its_connection(), 15, pause=0.001)
