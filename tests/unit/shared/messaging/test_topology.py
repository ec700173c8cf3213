import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.catalogue import PUBLIC, TYPES
from shared.messaging.topology import (
    EVENTS,
    INTERNAL,
    RETRY_DELAYS,
    SERVICES,
    SUBSCRIPTIONS,
    Subscription,
    definitions,
    event_name,
    exchange_of,
    internal_topic_permissions,
    internal_types,
    is_expected,
    permissions,
    retries_exchange,
    subscription,
    subscriptions_of,
    topic_permissions,
    topic_rights,
)

OWNERS = sorted({each.service for each in SUBSCRIPTIONS})
PAIRS = [(one, other) for one in OWNERS for other in OWNERS if one != other]


def rights(service: str) -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile(each) for name, each in zip(("configure", "write", "read"), permissions(service), strict=True)
    }


def queues_of(service: str) -> list[str]:
    return [
        name
        for each in subscriptions_of(service)
        for name in (each.queue, each.dead, *(each.retry(number) for number in range(1, len(RETRY_DELAYS) + 1)))
    ]


def test_every_binding_is_for_a_type_that_exists() -> None:
    for each in SUBSCRIPTIONS:
        for name in each.types:
            assert any(replace(each, types=(name,)).takes(event_type) for event_type in TYPES), name


def test_queues_are_named_once() -> None:
    names = [queue["name"] for queue in definitions()["queues"]]
    # And commands wait in one, with another for those that nobody can be answered.
    assert len(names) == len(set(names)) == len(SUBSCRIPTIONS) * (len(RETRY_DELAYS) + 2) + 2


@pytest.mark.parametrize("service", OWNERS)
def test_a_service_may_do_what_it_has_to_with_its_own(service: str) -> None:
    may = rights(service)
    for name in (*queues_of(service), retries_exchange(service), f"rpc-{service}", f"rpc.reply-{service}-1234"):
        assert all(pattern.search(name) for pattern in may.values()), name
    assert may["write"].search(EVENTS)
    assert may["read"].search(EVENTS)
    assert may["write"].search("nameko-rpc")
    publishes = any(name.startswith(f"speedmentor.{event_name(service)}.") for name in TYPES)
    may_publish = re.search(topic_permissions(service)[0], f"speedmentor.{event_name(service)}.thing-happened.v1")
    assert bool(may_publish) == publishes


@pytest.mark.parametrize(("service", "other"), PAIRS)
def test_a_service_is_refused_what_is_anothers(service: str, other: str) -> None:
    may = rights(service)
    for name in (*queues_of(other), retries_exchange(other), f"rpc-{other}", f"rpc.reply-{other}-1234"):
        assert not any(pattern.search(name) for pattern in may.values()), name
    assert not re.search(topic_permissions(service)[0], f"speedmentor.{event_name(other)}.thing-happened.v1")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_not_make_an_exchange_of_all(service: str) -> None:
    may = rights(service)
    assert not may["configure"].search(EVENTS)
    # The default exchange, by which any queue could be written to.
    assert not may["write"].search("")
    assert not may["write"].search("amq.default")


def test_integrations_alone_writes_into_the_exchanges_of_other_systems() -> None:
    allowed = [each for each in (*SERVICES, "operator") if rights(each)["write"].search("speedmentor.integrator.hr")]
    assert allowed == ["integrations"]
    for may in rights("integrations").values():
        assert not may.search("integrator.hr")


def test_neither_operator_nor_gateway_nor_integrations_publishes_events() -> None:
    for account in ("operator", "gateway", "integrations"):
        write = topic_permissions(account)[0]
        assert not any(re.search(write, event_type) for event_type in TYPES)
    assert not rights("operator")["write"].search(EVENTS)
    assert not rights("operator")["configure"].search("speedmentor.matching.participants")


def test_the_operator_can_read_dead_letters_and_send_them_back() -> None:
    may = rights("operator")
    for each in SUBSCRIPTIONS:
        assert may["read"].search(each.dead)
        assert may["write"].search(each.exchange)


def test_names_that_look_alike_are_not_confused() -> None:
    may = rights("matching")
    for name in (
        "speedmentor.matchingx.participants",
        "xspeedmentor.matching.participants",
        "speedmentor.rematching.a",
    ):
        assert not any(pattern.search(name) for pattern in may.values())


words = st.text("abc-", min_size=1, max_size=4)


@given(st.lists(words, min_size=2, max_size=2), st.sets(st.integers(0, 1)), st.lists(words, min_size=2, max_size=2))
def test_a_star_in_a_binding_is_any_one_word(name: list[str], stars: set[int], other: list[str]) -> None:
    pattern = [("*" if at in stars else word) for at, word in enumerate(name)]
    queue = Subscription("matching", "x", (".".join(pattern),))
    assert queue.takes(f"speedmentor.{'.'.join(name)}.v1")
    same = all(at in stars or name[at] == other[at] for at in range(2))
    assert queue.takes(f"speedmentor.{'.'.join(other)}.v1") == same
    assert not queue.takes(f"speedmentor.{'.'.join(name)}.more.v1")


def test_an_event_somebody_subscribed_to_is_expected() -> None:
    assert is_expected("speedmentor.registration.mentee-registered.v1")
    # By the log, also of a later version.
    assert is_expected("speedmentor.matching.plan-revised.v2")
    assert not is_expected("speedmentor.matching.plan.revised.v1")


def test_who_takes_events_in_turn_takes_them_from_one_consumer_at_a_time() -> None:
    queues = {queue["name"]: queue["arguments"] for queue in definitions()["queues"]}
    assert [name for name, arguments in queues.items() if arguments.get("x-single-active-consumer")] == [
        each.queue for each in SUBSCRIPTIONS if each.in_turn
    ]


def test_a_subscription_that_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match="'dreams' of 'matching'"):
        subscription("matching", "dreams")


def test_every_failed_event_comes_back_to_its_own_queue() -> None:
    document = definitions("v")
    queues = {queue["name"]: queue for queue in document["queues"]}
    bound = {(each["source"], each["routing_key"], each["destination"]) for each in document["bindings"]}
    for each in SUBSCRIPTIONS:
        waits = []
        for number in range(1, len(RETRY_DELAYS) + 1):
            arguments = queues[each.retry(number)]["arguments"]
            assert arguments["x-dead-letter-exchange"] == each.exchange
            assert (each.exchange, arguments["x-dead-letter-routing-key"], each.queue) in bound
            waits.append(arguments["x-message-ttl"])
        assert waits == sorted(waits)
        assert (each.exchange, each.dead, each.dead) in bound
        assert queues[each.queue]["arguments"]["x-dead-letter-routing-key"] == each.dead
    assert {queue["arguments"]["x-queue-type"] for queue in queues.values()} == {"quorum"}


def test_internal_events_go_by_an_exchange_of_their_own_to_those_who_need_them() -> None:
    internal = TYPES.keys() - PUBLIC.keys()
    assert internal
    assert {exchange_of(each) for each in internal} == {INTERNAL}
    assert {exchange_of(each) for each in PUBLIC} == {EVENTS}
    assert all(is_expected(each) for each in internal), "else nobody would notice that it came to nobody"
    bound = {(each["source"], each["routing_key"]) for each in definitions()["bindings"]}
    assert {key for source, key in bound if source == INTERNAL} == internal
    assert not {key for source, key in bound if source == EVENTS} & internal


@pytest.mark.parametrize("account", [*SERVICES, "operator"])
def test_only_who_needs_internal_events_may_write_or_read_them(account: str) -> None:
    told, heard = internal_types(account)
    expected = {"registration": (1, 0), "matching": (0, 1)}
    assert (len(told), len(heard)) == expected.get(account, (0, 0))
    may = rights(account)
    assert bool(may["write"].search(INTERNAL)) is bool(told)
    assert bool(may["read"].search(INTERNAL)) is (bool(heard) or account == "operator")
    assert not may["configure"].search(INTERNAL)
    write, read = internal_topic_permissions(account)
    for each in TYPES:
        assert bool(re.search(write, each)) is (each in told)
        assert bool(re.search(read, each)) is (each in heard)
    assert not re.search(read, "#")
    rows = [row for row in topic_rights([account]) if row["exchange"] == INTERNAL]
    assert [(row["write"], row["read"]) for row in rows] == [(write, read)]
