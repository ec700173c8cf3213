"""What becomes of an event between the exchange and its effect."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from amqp import Message

from deploy.local.waiting import eventually
from shared.events import Event, encode
from shared.messaging.consumer import QueueConsumer
from shared.messaging.delivery import ATTEMPTS, DETAIL, FAILED_AT, QUEUE, REASON, TRACE
from shared.messaging.topology import RETRY_DELAYS
from tests.integration.backbone.stage import MENTEE, PARTICIPANTS, Outside, Stage, mentee, message

pytestmark = pytest.mark.integration


def test_an_event_delivered_five_times_has_one_effect(stage: Stage, outside: Outside) -> None:
    first, second = mentee(), mentee()
    stage.publish([first] * 3)
    replica = stage.start()
    stage.wait_for_effects(1)
    # Twice more while it runs, in other batches, and then one that is new, after which all have been handled.
    stage.publish([first])
    stage.publish([first])
    stage.publish([second])
    effects = stage.wait_for_effects(2)
    assert [each["event"] for each in effects] == [first.id, second.id]
    eventually(lambda: replica.metric("speedmentor_events_repeated_total", queue=PARTICIPANTS.queue) == 4)
    assert [event["causationid"] for event in outside.wait_for(2)] == [first.id, second.id]


def test_an_event_published_before_its_consumer_ever_ran_is_not_lost(stage: Stage) -> None:
    events = [mentee() for _ in range(50)]
    stage.publish(events)
    eventually(lambda: stage.waiting(PARTICIPANTS.queue) == 50)
    stage.start()
    assert [each["event"] for each in stage.wait_for_effects(50)] == [event.id for event in events]


def test_no_more_is_handled_at_once_than_the_subscription_says(stage: Stage, amqp_uri: Callable[..., str]) -> None:
    events = [mentee() for _ in range(20)]
    stage.publish(events)
    handled: list[list[str]] = []
    consumer = QueueConsumer(
        replace(PARTICIPANTS, batch=3), lambda batch: handled.append([event.id for event in batch]), amqp_uri(), "few"
    )
    thread = threading.Thread(target=consumer.run)
    thread.start()
    try:
        eventually(lambda: sum(map(len, handled)) >= len(events))
    finally:
        consumer.stop()
        thread.join()
    assert max(map(len, handled)) <= 3
    assert [each for batch in handled for each in batch] == [event.id for event in events]
    assert stage.waiting(PARTICIPANTS.queue) == 0


def test_one_poisonous_event_does_not_hold_back_its_batch(stage: Stage) -> None:
    good = [mentee() for _ in range(60)]
    poison = mentee("poison")
    stage.publish([*good[:23], poison, *good[23:]])
    stage.start()
    effects = stage.wait_for_effects(60)
    assert [each["event"] for each in effects] == [event.id for event in good], "the others stay in order"
    # It waits out its back-off while the others are done.
    assert stage.waiting(PARTICIPANTS.dead) == 0


def test_an_event_that_fails_at_first_has_its_effect_after_a_back_off(stage: Stage) -> None:
    flaky = mentee("flaky")
    stage.publish([flaky])
    replica = stage.start()
    assert [each["event"] for each in stage.wait_for_effects(1)] == [flaky.id]
    assert stage.database()["tries"].find_one({"_id": flaky.id})["count"] == 3
    eventually(lambda: replica.metric("speedmentor_events_retried_total", queue=PARTICIPANTS.queue) == 2)
    assert stage.waiting(PARTICIPANTS.dead) == 0


def test_an_event_that_always_fails_ends_in_the_dead_letters_with_all_that_is_known(stage: Stage) -> None:
    poison = mentee("poison")
    # As if it had failed all but the last time, so that the test need not wait out all back-offs.
    stage.publish([message(poison, application_headers={ATTEMPTS: len(RETRY_DELAYS), "x-of-a-stranger": "kept"})])
    replica = stage.start()
    (dead,) = stage.wait_for_dead(1)
    headers = dead.properties["application_headers"]
    assert headers[REASON] == "handler-failed"
    assert headers[ATTEMPTS] == len(RETRY_DELAYS) + 1
    assert headers[QUEUE] == PARTICIPANTS.queue
    assert headers[DETAIL] == "ValueError: this one is poison"
    assert "in _behave" in headers[TRACE]
    assert headers[FAILED_AT].endswith("Z")
    assert headers["x-of-a-stranger"] == "kept"
    assert bytes(dead.body) == encode(poison)
    assert dead.properties["message_id"] == poison.id
    assert stage.effects() == []
    eventually(
        lambda: replica.metric("speedmentor_events_dead_total", queue=PARTICIPANTS.queue, reason="handler-failed") == 1
    )


def changed(event: Event, **attributes: Any) -> bytes:
    return orjson.dumps({**json.loads(encode(event)), **attributes})


BAD: dict[str, Any] = {
    "garbage": lambda event: message(event, b"\x00\xff this is not JSON"),
    "not-an-event": lambda event: message(event, b'{"hello": "world"}'),
    "unknown-type": lambda event: message(event, changed(event, type="speedmentor.registration.cat-registered.v1")),
    "wrong-schema": lambda event: message(event, changed(event, data={"mentee_id": event.subject, "topics": 7})),
    "wrong-content-type": lambda event: message(event, content_type="text/plain"),
}


def test_what_cannot_be_read_is_dead_at_once_with_its_reason_and_the_others_flow(stage: Stage) -> None:
    good = [mentee() for _ in range(10)]
    bad = {mentee().id: reason for reason in BAD}
    wrong = [BAD[reason](mentee(id=event_id)) for event_id, reason in bad.items()]
    stage.publish([*good[:5], *wrong, *good[5:]])
    stage.start()
    assert [each["event"] for each in stage.wait_for_effects(10)] == [event.id for event in good]
    dead = {each.properties["message_id"]: each for each in stage.wait_for_dead(len(BAD))}
    assert {key: each.properties["application_headers"][REASON] for key, each in dead.items()} == bad
    assert {each.properties["application_headers"][ATTEMPTS] for each in dead.values()} == {1}
    for each in wrong:
        assert bytes(dead[each.properties["message_id"]].body) == each.body


def test_an_event_of_another_queue_is_refused(stage: Stage) -> None:
    stray = mentee()
    body = changed(stray, type="speedmentor.matching.plan-published.v1", source="/speedmentor/matching")
    stage.publish([message(stray, body)])
    stage.start()
    (dead,) = stage.wait_for_dead(1)
    assert dead.properties["application_headers"][REASON] in ("unknown-type", "wrong-schema")


@pytest.mark.parametrize(
    "properties",
    [
        {"content_encoding": "utf-7"},
        {"application_headers": {ATTEMPTS: "many"}},
        {"application_headers": {ATTEMPTS: -5}},
        {"application_headers": {"x-large": "x" * 100_000}},
        {"message_id": None},
    ],
    ids=["encoding", "attempts-text", "attempts-negative", "large-headers", "no-id"],
)
def test_what_a_stranger_writes_beside_the_body_stops_nobody(stage: Stage, properties: dict[str, Any]) -> None:
    good, poison = mentee(), mentee()
    body = b"+2AA- not JSON, and half a surrogate in UTF-7"
    strange = message(poison, body, **properties)
    if properties.get("message_id", "") is None:
        strange = type(strange)(
            strange.exchange,
            strange.routing_key,
            body,
            {key: value for key, value in strange.properties.items() if key != "message_id"},
        )
    with stage.broker() as connection:
        connection.connection.channel().basic_publish(Message(body, **strange.properties), strange.exchange, MENTEE)
    stage.publish([good])
    stage.start()
    assert [each["event"] for each in stage.wait_for_effects(1)] == [good.id]
    (dead,) = stage.wait_for_dead(1)
    assert dead.properties["application_headers"][REASON] == "garbage"
    assert dead.properties["message_id"]
