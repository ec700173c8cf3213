"""Webhooks from the log to real receivers with every bad habit: who fails holds up nobody else, and nothing is lost."""

import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from standardwebhooks import Webhook

from deploy.local.waiting import eventually
from services.integrations import store
from services.integrations.domain.retrying import DELAYS, GIVEN_UP_LIMIT
from services.integrations.domain.scope import Scope
from services.integrations.log import storage
from services.integrations.webhooks import dispatching
from services.integrations.webhooks.deliveries import DELIVERED, GIVEN_UP, READY, WAITING
from shared.faults import Conflict, Invalid, NotFound
from shared.storage.unit_of_work import UnitOfWork
from tests.integration.integrations.receiver import Answer, Receiver, Request, receiving, status
from tests.integration.integrations.sending import Sending, of

pytestmark = pytest.mark.integration


@pytest.fixture
def sending(own_unit_of_work: Callable[..., UnitOfWork]) -> Sending:
    return Sending(own_unit_of_work("integrations", store.prepare))


@pytest.fixture
def receivers() -> Iterator[Callable[..., Receiver]]:
    with ExitStack() as stack:
        yield lambda answer=None: stack.enter_context(receiving(answer))


def only(subject: str, bad: Answer) -> Answer:
    """Answer badly to one subject only."""

    def answer(request: Request, connection: socket.socket) -> None:
        (bad if request.event["subject"] == subject else status(204))(request, connection)

    return answer


def order(receiver: Receiver) -> dict[str, list[int]]:
    """Ordinals by subject as they first arrived."""
    seen: dict[str, list[int]] = defaultdict(list)
    for request in list(receiver.requests):
        event = request.event
        if event.get("ordinal") is not None and event["ordinal"] not in seen[event["subject"]]:
            seen[event["subject"]].append(event["ordinal"])
    return seen


def test_events_arrive_byte_for_byte_signed_and_in_order_of_each_subject(sending: Sending, receivers: Any) -> None:
    receiver = receivers()
    endpoint = sending.add(receiver.url)
    events = [of(f"m-{number % 7}", number // 7 + 1) for number in range(70)]
    with sending.running():
        sending.publish(*events)
        eventually(lambda: sending.is_idle(endpoint))
    verifier = Webhook(sending.secret(endpoint))
    bodies = {event.id: event.body for event in events}
    assert sorted(receiver.ids()) == sorted(bodies)
    for request in receiver.requests:
        assert request.body == bodies[request.id]
        verifier.verify(request.body, dict(request.headers))
        assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert all(ordinals == sorted(ordinals) and len(ordinals) == 10 for ordinals in order(receiver).values())
    assert set(receiver.most_at_once.values()) == {1}
    assert sending.endpoint(endpoint)["delivered"] == 70


@pytest.mark.parametrize("habit", ["fails", "hangs", "slow", "redirects", "busy"])
def test_a_receiver_with_a_bad_habit_is_tried_again_and_no_other_is_delayed(
    sending: Sending, receivers: Any, habit: str
) -> None:
    bad, good = receivers(), receivers()
    # What it redirects to, and what it would reach on this machine.
    own = receivers()
    bad.answer = {
        "fails": status(500),
        "hangs": bad.hang,
        "slow": bad.byte_by_byte(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        "redirects": status(302, f"Location: {own.url}"),
        "busy": status(503, "Retry-After: 3"),
    }[habit]
    failing, working = sending.add(bad.url), sending.add(good.url)
    with sending.running():
        ids = sending.publish(*(of(f"m-{number}") for number in range(3)))
        eventually(lambda: sending.is_idle(working))
        assert sorted(good.ids()) == sorted(ids)
        assert sending.endpoint(failing)["delivered"] == 0
        eventually(lambda: sending.endpoint(failing)["failed"])
        eventually(lambda: len(bad.ids()) >= 1)
        bad.answer = status(200)
        sending.later(minutes=1)
        eventually(lambda: sending.is_idle(failing))
    assert sorted(set(bad.ids())) == sorted(ids)
    assert own.requests == []
    assert sending.endpoint(failing)["standing"]["failures"] == 0


def test_an_event_that_fails_holds_back_its_own_subject_only(sending: Sending, receivers: Any) -> None:
    receiver = receivers()
    receiver.answer = only("m-0", status(500))
    endpoint = sending.add(receiver.url)
    with sending.running():
        sending.publish(*(of(f"m-{number % 4}", number // 4 + 1) for number in range(20)))
        eventually(lambda: sending.endpoint(endpoint)["pending"] == 5)
        assert {row["attempts"] for row in sending.rows(endpoint, READY)} <= {0, 1}
        assert len(sending.rows(endpoint, WAITING)) == 4
        seen = order(receiver)
        assert [seen[f"m-{number}"] for number in range(4)] == [[1], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]
        receiver.answer = status(204)
        sending.later(minutes=1)
        eventually(lambda: sending.is_idle(endpoint))
    assert order(receiver)["m-0"] == [1, 2, 3, 4, 5]


def test_a_subject_that_hangs_delays_no_other_subject(sending: Sending, receivers: Any) -> None:
    receiver = receivers()
    receiver.answer = only("m-0", receiver.hang)
    sending.deadline = 10.0
    endpoint = sending.add(receiver.url)
    with sending.running():
        sending.publish(of("m-0"), *(of(f"m-{number}") for number in range(1, 30)))
        eventually(lambda: sending.endpoint(endpoint)["delivered"] == 29, 8)
    assert sending.endpoint(endpoint)["failed"] is None


def test_an_event_is_tried_over_three_days_and_then_given_up_if_others_are_taken(
    sending: Sending, receivers: Any
) -> None:
    receiver = receivers()
    receiver.answer = only("m-0", status(422))
    endpoint = sending.add(receiver.url)
    with sending.running():
        (bad,) = sending.publish(of("m-0"))
        for number, delay in enumerate(DELAYS, start=1):
            eventually(lambda number=number: [row["attempts"] for row in sending.rows(endpoint, READY)] == [number])
            # Something else succeeds meanwhile.
            sending.publish(of("m-1", number))
            eventually(lambda number=number: sending.endpoint(endpoint)["delivered"] == number)
            (row,) = sending.rows(endpoint, READY)
            assert delay <= row["next_at"] - row["last"]["at"] <= delay * 1.1
            sending.ahead += row["next_at"] - sending.now()
        eventually(lambda: sending.endpoint(endpoint)["given_up"] == 1)
        assert receiver.ids().count(bad) == len(DELAYS) + 1
        assert sending.endpoint(endpoint)["state"] == "active"
        (after,) = sending.publish(of("m-0", 2))
        receiver.answer = status(200)
        eventually(lambda: after in receiver.ids())
        # By hand it is sent once more.
        assert sending.do("redeliver", endpoint, None, sending.now().replace(year=2001)) == 1
        eventually(lambda: sending.is_idle(endpoint))
        assert receiver.ids().count(bad) == len(DELAYS) + 2
        assert sending.endpoint(endpoint)["given_up"] == 0
        assert sending.rows(endpoint, GIVEN_UP) == []


def test_a_receiver_at_which_nothing_succeeds_for_three_days_is_disabled_and_goes_on_when_enabled(
    sending: Sending, receivers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = receivers(status(500))
    endpoint = sending.add(receiver.url)
    with sending.running():
        ids = sending.publish(of("m-0", 1), of("m-0", 2))
        for number in range(1, len(DELAYS) + 1):
            eventually(lambda number=number: [row["attempts"] for row in sending.rows(endpoint, READY)] == [number])
            assert sending.endpoint(endpoint)["state"] == "active"
            (row,) = sending.rows(endpoint, READY)
            sending.ahead += row["next_at"] - sending.now()
        eventually(lambda: sending.endpoint(endpoint)["state"] == "disabled")
        row = sending.endpoint(endpoint)
        assert (row["reason"], row["given_up"], row["pending"]) == ("failing", 0, 2)
        # What comes while it is disabled waits in the log.
        ids += sending.publish(of("m-1"), of("m-0", 3))
        before = len(receiver.ids())
        receiver.answer = status(200)
        sending.later(days=2)
        test = sending.do("test", endpoint)
        eventually(lambda: sending.endpoint(endpoint)["test"])
        assert receiver.ids()[before:] == [test]
        sending.do("enable", endpoint, False)
        eventually(lambda: sending.is_idle(endpoint))
    assert [each for each in receiver.ids()[before + 1 :] if each in (ids[0], ids[1], ids[3])] == [
        ids[0],
        ids[1],
        ids[3],
    ]
    assert ids[2] in receiver.ids()


def test_gone_disables_at_once_and_enabled_from_now_it_leaves_out_what_was(sending: Sending, receivers: Any) -> None:
    receiver = receivers(status(410))
    endpoint = sending.add(receiver.url)
    with sending.running():
        sending.publish(of("m-0"), of("m-1"))
        eventually(lambda: sending.endpoint(endpoint)["state"] == "disabled")
        assert sending.endpoint(endpoint)["reason"] == "gone"
        sending.publish(of("m-2"))
        receiver.answer = status(200)
        sending.do("enable", endpoint, True)
        (new,) = sending.publish(of("m-3"))
        eventually(lambda: sending.is_idle(endpoint))
    assert receiver.ids()[-1] == new
    assert sending.endpoint(endpoint)["delivered"] == 1


def test_too_many_events_given_up_disable(sending: Sending, receivers: Any) -> None:
    receiver = receivers(status(400))
    endpoint = sending.add(receiver.url)
    sending.work.database["webhook_endpoints"].update_one({"_id": endpoint}, {"$set": {"given_up": GIVEN_UP_LIMIT - 1}})
    with sending.running():
        sending.publish(of("bad"))
        eventually(lambda: sending.rows(endpoint, READY))
        sending.work.database["webhook_deliveries"].update_one(
            {"endpoint": endpoint}, {"$set": {"attempts": len(DELAYS), "next_at": sending.now()}}
        )
        eventually(lambda: sending.endpoint(endpoint)["state"] == "disabled")
        assert sending.endpoint(endpoint)["reason"] == "given-up"


def test_many_failures_in_a_row_make_it_rest_and_a_success_ends_that(sending: Sending, receivers: Any) -> None:
    receiver = receivers(status(500))
    endpoint = sending.add(receiver.url)
    with sending.running():
        sending.publish(*(of(f"m-{number}") for number in range(200)))
        eventually(lambda: sending.endpoint(endpoint)["standing"]["failures"] >= 20)
        row = sending.endpoint(endpoint)
        assert row["standing"]["rests_until"] is not None
        assert len(receiver.ids()) < 40
        receiver.answer = status(200)
        sending.later(minutes=6)
        eventually(lambda: sending.is_idle(endpoint))
    assert len(set(receiver.ids())) == 200


def test_a_test_event_is_signed_and_sent_once_whatever_becomes_of_it(sending: Sending, receivers: Any) -> None:
    receiver = receivers(status(404))
    endpoint = sending.add(receiver.url)
    sending.do("disable", endpoint)
    with sending.running():
        event = sending.do("test", endpoint)
        eventually(lambda: sending.endpoint(endpoint)["test"])
    assert sending.endpoint(endpoint)["test"]["status"] == 404
    (request,) = receiver.requests
    assert (request.id, request.event["type"]) == (event, "speedmentor.integrations.webhook-tested.v1")
    Webhook(sending.secret(endpoint)).verify(request.body, dict(request.headers))
    row = sending.endpoint(endpoint)
    assert (row["state"], row["reason"], row["pending"], row["standing"]["failures"]) == ("disabled", "by-hand", 0, 0)


def test_one_event_is_sent_once_more_by_its_id(sending: Sending, receivers: Any) -> None:
    receiver = receivers()
    endpoint = sending.add(receiver.url)
    with sending.running():
        first, second = sending.publish(of("m-0", 1), of("m-0", 2))
        eventually(lambda: sending.is_idle(endpoint))
        assert sending.do("redeliver", endpoint, first, None) == 1
        eventually(lambda: sending.is_idle(endpoint))
        assert receiver.ids() == [first, second, first]
        with pytest.raises(NotFound):
            sending.do("redeliver", endpoint, "nothing", None)
        sending.do("disable", endpoint)
        with pytest.raises(Conflict):
            sending.do("redeliver", endpoint, first, None)


def test_during_a_rotation_the_old_secret_still_verifies(sending: Sending, receivers: Any) -> None:
    receiver = receivers()
    endpoint = sending.add(receiver.url)
    old = sending.secret(endpoint)
    sending.do("rotate", endpoint)
    new = sending.secret(endpoint)
    with sending.running():
        sending.publish(of("m-0"))
        eventually(lambda: sending.is_idle(endpoint))
        for secret in (old, new):
            Webhook(secret).verify(receiver.requests[0].body, dict(receiver.requests[0].headers))
        sending.later(hours=25)
        sending.publish(of("m-1"))
        eventually(lambda: sending.is_idle(endpoint))
    assert len(receiver.requests[1].headers["webhook-signature"].split()) == 1
    stored = str(sending.endpoint(endpoint))
    assert old not in stored
    assert new not in stored


def test_only_what_is_in_the_scope_of_the_integrator_and_of_the_endpoint_is_sent(
    sending: Sending, receivers: Any
) -> None:
    receiver, narrow = receivers(), receivers()
    sending.scopes["bi"] = Scope(("registration.#",), ("p-1", "p-2"), "acme")
    sending.add(receiver.url)
    endpoint = sending.add(narrow.url, programs=["p-1"], types=["registration.participant-absent", "matching.#"])
    with sending.running():
        seen = sending.publish(of("m-0"), of("m-1", program="p-2"))
        sending.publish(of("m-2", program="p-3"))
        eventually(lambda: sorted(receiver.ids()) == sorted(seen))
        eventually(lambda: sending.endpoint(endpoint)["pending"] == 0)
        assert narrow.ids() == []
        # Narrowed while something waits: that is not sent any more.
        receiver.answer = status(500)
        (late,) = sending.publish(of("m-4"))
        eventually(lambda: late in receiver.ids())
        sending.scopes["bi"] = Scope(("matching.#",), None, "acme")
        receiver.answer = status(200)
        sending.later(minutes=1)
        eventually(lambda: not sending.work.database["webhook_deliveries"].count_documents({"event": late}))
        assert receiver.ids().count(late) == 1
        del sending.scopes["bi"]
        sending.publish(of("m-5"))
        eventually(lambda: sending.endpoint(endpoint)["reason"] == "no-integrator")


def test_what_was_erased_from_the_log_is_not_sent_although_it_was_pending(sending: Sending, receivers: Any) -> None:
    receiver = receivers(status(500))
    endpoint = sending.add(receiver.url)
    with sending.running():
        first, second, third = sending.publish(of("m-0", 1), of("m-0", 2), of("m-0", 3))
        eventually(lambda: sending.endpoint(endpoint)["failed"])
        database = sending.work.database
        position = database["webhook_deliveries"].find_one({"event": second})["position"]
        (month,) = storage.head(database).months
        assert database[month.collection].delete_one({"_id": position}).deleted_count == 1
        receiver.answer = status(200)
        sending.later(minutes=1)
        eventually(lambda: sending.is_idle(endpoint))
    assert second not in receiver.ids()
    assert receiver.ids()[-2:] == [first, third]


def test_pending_is_bounded_and_the_rest_waits_in_the_log(
    sending: Sending, receivers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "MOST_PENDING", 30)
    monkeypatch.setattr(dispatching, "TAKEN", 10)
    receiver = receivers()
    receiver.answer = only("m-0", status(500))
    endpoint = sending.add(receiver.url)
    with sending.running():
        ids = sending.publish(*(of("m-0", number) for number in range(1, 101)))
        eventually(lambda: sending.endpoint(endpoint)["pending"] == 30)
        assert sending.endpoint(endpoint)["position"] < 100
        receiver.answer = status(200)
        sending.later(minutes=1)
        eventually(lambda: sending.is_idle(endpoint))
    assert list(dict.fromkeys(receiver.ids())) == ids


def test_two_replicas_share_and_one_that_stops_is_taken_over_from(sending: Sending, receivers: Any) -> None:
    these = [receivers() for _ in range(4)]
    endpoints = [sending.add(each.url) for each in these]
    with sending.running("two"):
        with sending.running("one"):
            ids = sending.publish(*(of(f"m-{number % 5}", number // 5 + 1) for number in range(50)))
            eventually(lambda: all(sending.is_idle(each) for each in endpoints))
        ids += sending.publish(of("m-0", 11))
        eventually(lambda: all(sending.is_idle(each) for each in endpoints))
    for each in these:
        assert sorted(each.ids()) == sorted(ids)
        assert set(each.most_at_once.values()) == {1}


def test_a_replica_whose_lease_another_has_taken_writes_nothing_more(sending: Sending, receivers: Any) -> None:
    receiver = receivers()
    receiver.answer = receiver.hang
    endpoint = sending.add(receiver.url)
    with sending.running():
        sending.publish(of("m-0"))
        eventually(lambda: receiver.ids())
        # Another takes over, although that should not happen while a request is on its way.
        sending.work.database["webhook_endpoints"].update_one({"_id": endpoint}, {"$set": {"token": 99}})
        eventually(lambda: receiver.in_hand.get("m-0") == 0)
    assert sending.endpoint(endpoint)["failed"] is None
    assert [row["attempts"] for row in sending.rows(endpoint, READY)] == [0]


def test_an_address_of_the_own_network_is_refused_when_it_is_added(sending: Sending) -> None:
    for url in ("https://10.0.0.1/", "http://hooks.example.org/", "https://169.254.169.254/latest"):
        with pytest.raises(Invalid):
            sending.add(url)
    with pytest.raises(NotFound):
        sending.add("https://hooks.example.org/", integrator="nobody")
    for _ in range(10):
        sending.add("https://hooks.example.org/")
    with pytest.raises(Conflict):
        sending.add("https://hooks.example.org/")


def test_from_a_cursor_on_it_gets_what_was_before(sending: Sending, receivers: Any) -> None:
    ids = sending.publish(of("m-0", 1), of("m-0", 2), of("m-0", 3))
    receiver = receivers()
    endpoint = sending.add(receiver.url, after="1")
    with sending.running():
        eventually(lambda: sending.is_idle(endpoint))
    assert receiver.ids() == ids[1:]
    assert len(sending.rows(endpoint, DELIVERED)) == 2


def test_what_the_log_does_not_keep_any_more_is_told_as_a_gap(sending: Sending, receivers: Any) -> None:
    receiver = receivers()
    endpoint = sending.add(receiver.url)
    sending.do("disable", endpoint)
    ids = sending.publish(*(of("m-0", number) for number in range(1, 8)))
    database = sending.work.database
    (month,) = storage.head(database).months
    database[month.collection].delete_many({"_id": {"$lt": 6}})
    database["heads"].update_one({"_id": "log"}, {"$set": {"months.0.first": 6}})
    with sending.running():
        sending.do("enable", endpoint, False)
        eventually(lambda: sending.is_idle(endpoint) and receiver.ids() == ids[5:])
    gap = sending.endpoint(endpoint)["gap"]
    assert (gap["after"], gap["until"]) == (0, 5)


def test_nothing_goes_out_unsigned_where_the_key_is_gone_and_a_rotation_mends_it(
    sending: Sending, receivers: Any
) -> None:
    receiver = receivers()
    endpoint = sending.add(receiver.url)
    before = sending.secret(endpoint)
    sending.key = b"a new key\na key of the tests"
    assert sending.secret(endpoint) == before
    sending.key = b"another key"
    with sending.running():
        (event,) = sending.publish(of("m-0"))
        eventually(lambda: (sending.endpoint(endpoint)["failed"] or {}).get("failure") == "secret")
        assert receiver.requests == []
        sending.do("rotate", endpoint)
        sending.later(minutes=1)
        eventually(lambda: receiver.ids() == [event])
    Webhook(sending.secret(endpoint)).verify(receiver.requests[0].body, dict(receiver.requests[0].headers))
