from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import CONTENT_TYPE, BadEvent
from shared.messaging.delivery import ATTEMPTS, DETAIL, QUEUE, REASON, TRACE, Delivery
from shared.messaging.topology import RETRY_DELAYS, subscription

QUEUE_OF_MATCHING = subscription("matching", "participants")

texts = st.text(max_size=50)
values = st.one_of(texts, st.integers(-(2**31), 2**31), st.booleans(), st.none(), st.lists(texts, max_size=3))


def failed(error: Exception, headers: dict[str, Any], **properties: Any) -> tuple[Any, str]:
    return Delivery(1, b"body", properties, headers).after_failure(QUEUE_OF_MATCHING, error)


@given(st.dictionaries(st.one_of(texts, st.just(ATTEMPTS)), values, max_size=8))
def test_whatever_the_headers_say_a_failed_message_goes_to_a_retry_or_the_dead_letters(headers: dict[str, Any]) -> None:
    outgoing, reason = failed(ValueError("broken"), headers)
    assert outgoing.exchange == QUEUE_OF_MATCHING.exchange
    assert outgoing.properties["message_id"]
    assert outgoing.properties["delivery_mode"] == 2
    attempts = outgoing.properties["application_headers"][ATTEMPTS]
    assert attempts >= 1
    if attempts > len(RETRY_DELAYS):
        assert (outgoing.routing_key, reason) == (QUEUE_OF_MATCHING.dead, "handler-failed")
    else:
        assert (outgoing.routing_key, reason) == (QUEUE_OF_MATCHING.retry(attempts), "")


@given(st.integers(0, len(RETRY_DELAYS) * 2))
def test_attempts_are_counted_and_bounded(before: int) -> None:
    outgoing, reason = failed(ValueError("broken"), {ATTEMPTS: before})
    assert outgoing.properties["application_headers"][ATTEMPTS] == before + 1
    assert bool(reason) == (before >= len(RETRY_DELAYS))


@given(st.dictionaries(texts, st.text(max_size=20_000), max_size=10), st.text(max_size=100_000))
def test_the_headers_fit_in_one_frame(headers: dict[str, str], text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError as error:
        outgoing, _ = failed(error, dict(headers))
    made = outgoing.properties["application_headers"]
    # AMQP frames of RabbitMQ hold 131,072 bytes; UTF-8 takes up to four for a character.
    assert (
        sum(
            len(str(key).encode("utf-8", "replace")) + len(str(v).encode("utf-8", "replace")) for key, v in made.items()
        )
        < 131_000
    )


def test_a_message_that_is_no_event_is_not_tried_again() -> None:
    outgoing, reason = failed(BadEvent("wrong-schema", "data.topics: Not a list."), {})
    assert outgoing.routing_key == QUEUE_OF_MATCHING.dead
    headers = outgoing.properties["application_headers"]
    assert reason == headers[REASON] == "wrong-schema"
    assert headers[DETAIL] == "data.topics: Not a list."
    assert headers[QUEUE] == QUEUE_OF_MATCHING.queue
    assert "BadEvent" in headers[TRACE]


def test_properties_by_which_a_message_is_told_are_kept() -> None:
    outgoing, _ = failed(
        ValueError(), {"x": 1}, message_id="m", content_type="c", type="t", priority=9, user_id="guest"
    )
    kept = outgoing.properties
    assert (kept["message_id"], kept["content_type"], kept["type"]) == ("m", "c", "t")
    # The broker would refuse a user's id that is not ours.
    assert "user_id" not in kept


@pytest.mark.parametrize(
    "content_type",
    [CONTENT_TYPE, "application/cloudevents+json", "Application/CloudEvents+JSON ; charset=UTF-8"],
)
def test_the_content_type_may_have_parameters(content_type: str) -> None:
    with pytest.raises(BadEvent, match="garbage"):
        Delivery(1, b"no json", {"content_type": content_type}, {}).read(QUEUE_OF_MATCHING)


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain", "application/cloudevents-batch+json"])
def test_another_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(BadEvent) as caught:
        Delivery(1, b"{}", {"content_type": content_type}, {}).read(QUEUE_OF_MATCHING)
    assert caught.value.reason_code == "wrong-content-type"
