"""Settling batches: for any batch and any failures, the good have their effect, in order, and the bad go their way."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events import CONTENT_TYPE, Event, NewEvent, encode, seal
from shared.events.catalogue import TYPES
from shared.messaging.batches import settle
from shared.messaging.delivery import ATTEMPTS, REASON, Delivery
from shared.messaging.topology import subscription

QUEUE = subscription("matching", "participants")
MENTEE = "speedmentor.registration.mentee-registered.v1"


class Away(Exception):
    """The database is not there."""


def event(number: int) -> Event:
    data = TYPES[MENTEE].example() | {"mentee_id": f"m-{number}"}
    new = NewEvent("registration.mentee-registered", f"m-{number}", data)
    return seal(new, id=f"e-{number}", ordinal=1, time=datetime(2026, 11, 24, tzinfo=UTC))


def delivery(number: int, body: bytes | None = None) -> Delivery:
    properties = {"content_type": CONTENT_TYPE, "message_id": f"e-{number}"}
    return Delivery(number, encode(event(number)) if body is None else body, properties, {})


class Handler:
    """Commits a list of events, unless it holds a poisonous one."""

    def __init__(self, poisonous: set[int]) -> None:
        self.poisonous = {f"e-{number}" for number in poisonous}
        self.committed: list[str] = []
        self.calls = 0

    def __call__(self, events: list[Event]) -> None:
        self.calls += 1
        if any(each.id in self.poisonous for each in events):
            raise ValueError("poison")
        self.committed += [each.id for each in events]


@given(st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1)))))
def test_all_but_the_poisonous_are_committed_once_and_in_order(case: tuple[int, set[int]]) -> None:
    size, poisonous = case
    handle = Handler(poisonous)
    outgoing = settle([delivery(number) for number in range(size)], QUEUE, handle, lambda error: False)
    assert handle.committed == [f"e-{number}" for number in range(size) if number not in poisonous]
    assert [each.properties["message_id"] for each in outgoing] == [f"e-{number}" for number in sorted(poisonous)]
    assert {each.routing_key for each in outgoing} <= {QUEUE.retry(1)}


BATCH = [delivery(number) for number in range(256)]


@settings(max_examples=30)
@given(st.integers(0, len(BATCH) - 1))
def test_one_poisonous_event_costs_a_logarithm_of_transactions(poison: int) -> None:
    handle = Handler({poison})
    settle(BATCH, QUEUE, handle, lambda error: False)
    # Each of the 8 halvings tries two parts, after the first try of all.
    assert handle.calls == 1 + 2 * 8


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_what_cannot_be_read_goes_to_the_dead_letters_and_the_rest_is_one_transaction(readable: list[bool]) -> None:
    handle = Handler(set())
    batch = [delivery(number, None if good else b"garbage") for number, good in enumerate(readable)]
    outgoing = settle(batch, QUEUE, handle, lambda error: False)
    assert handle.committed == [f"e-{number}" for number, good in enumerate(readable) if good]
    assert handle.calls == any(readable)
    assert [each.routing_key for each in outgoing] == [QUEUE.dead] * readable.count(False)
    assert all(each.properties["application_headers"][REASON] == "garbage" for each in outgoing)


def test_nothing_is_given_up_while_the_database_is_away() -> None:
    def handle(_events: list[Event]) -> None:
        raise Away

    with pytest.raises(Away):
        settle([delivery(1), delivery(2)], QUEUE, handle, lambda error: isinstance(error, Away))


def test_the_first_failure_waits_longer_at_each_further_attempt() -> None:
    goes_to: list[Any] = []
    properties = {"content_type": CONTENT_TYPE}
    headers: dict[str, Any] = {}
    for _ in range(6):
        (outgoing,) = settle(
            [Delivery(1, encode(event(1)), properties, headers)],
            QUEUE,
            Handler({1}),
            lambda _: False,
        )
        headers = outgoing.properties["application_headers"]
        goes_to.append((outgoing.routing_key, headers[ATTEMPTS]))
        if outgoing.routing_key == QUEUE.dead:
            break
    assert goes_to == [(QUEUE.retry(number), number) for number in (1, 2, 3, 4)] + [(QUEUE.dead, 5)]
