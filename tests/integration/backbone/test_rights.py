"""What the broker lets a service's account do, tried on the real broker."""

from collections.abc import Callable

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from deploy.local import Infrastructure
from shared.messaging.topology import DELIVERY_LIMIT, EVENTS, INTERNAL, SERVICES, VHOST, subscriptions_of
from tests.integration.backbone.stage import MEETINGS, PARTICIPANTS, Stage

pytestmark = pytest.mark.integration
ACCESS_REFUSED = 403
Act = Callable[[BlockingChannel], object]


def refused(uri: str, act: Act) -> bool:
    connection = pika.BlockingConnection(pika.URLParameters(uri))
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        act(channel)
    except ChannelClosedByBroker as error:
        if error.reply_code != ACCESS_REFUSED:
            raise
        return True
    finally:
        connection.close()
    return False


FOREIGN: dict[str, Act] = {
    "read": lambda channel: channel.basic_get(MEETINGS.queue),
    "read dead letters": lambda channel: channel.basic_get(MEETINGS.dead),
    "write by the default exchange": lambda channel: channel.basic_publish("", MEETINGS.queue, b"x"),
    "write to its retries": lambda channel: channel.basic_publish(MEETINGS.exchange, MEETINGS.queue, b"x"),
    "delete": lambda channel: channel.queue_delete(MEETINGS.queue),
    "bind": lambda channel: channel.queue_bind(MEETINGS.queue, EVENTS, "#"),
    "answer its calls": lambda channel: channel.queue_declare("rpc-feedback", durable=True),
    "remove the exchange of all": lambda channel: channel.exchange_delete(EVENTS),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_service_is_refused_what_is_anothers(stage: Stage, amqp_uri: Callable[..., str], what: str) -> None:
    assert refused(amqp_uri("matching"), FOREIGN[what])


def test_a_service_may_use_its_own(stage: Stage, amqp_uri: Callable[..., str]) -> None:
    uri = amqp_uri("matching")
    assert not refused(uri, lambda channel: channel.basic_get(PARTICIPANTS.queue))
    assert not refused(uri, lambda channel: channel.basic_publish(PARTICIPANTS.exchange, PARTICIPANTS.dead, b"x"))


@pytest.mark.parametrize(
    ("event_type", "is_refused"),
    [("speedmentor.matching.plan-revised.v1", False), ("speedmentor.feedback.connection-formed.v1", True)],
)
def test_a_service_can_publish_only_events_of_its_own(
    infrastructure: Infrastructure, event_type: str, is_refused: bool
) -> None:
    # Rights on topics are the product's own virtual host's.
    uri = infrastructure.amqp_uri("matching", VHOST)
    assert refused(uri, lambda channel: channel.basic_publish(EVENTS, event_type, b"{}")) is is_refused


RELATIONS = "speedmentor.registration.relations-stated.v1"


@pytest.mark.parametrize("account", SERVICES)
def test_internal_events_are_written_by_who_tells_them_and_read_by_who_needs_them(
    infrastructure: Infrastructure, account: str
) -> None:
    uri = infrastructure.amqp_uri(account, VHOST)

    def writes(key: str) -> bool:
        return not refused(uri, lambda channel: channel.basic_publish(INTERNAL, key, b"{}"))

    def binds(key: str) -> bool:
        """Whether a queue of one's own can be bound: this and no more is what hearing takes."""
        queue = f"rpc.reply-{account}-intruder"

        def bind(channel: BlockingChannel) -> None:
            channel.queue_declare(queue, auto_delete=True, exclusive=True)
            channel.queue_bind(queue, INTERNAL, key)

        return not refused(uri, bind)

    # What is written as a registration's own goes to matching, which puts what is no event into its dead letters.
    assert writes("speedmentor.matching.anything-happened.v1") is False
    assert binds(RELATIONS) is (account == "matching")
    assert [key for key in ("#", "speedmentor.#", "speedmentor.registration.mentor-registered.v1") if binds(key)] == []
    if account != "registration":
        assert writes(RELATIONS) is False


def test_an_event_that_kills_every_consumer_is_given_up_by_the_broker(
    stage: Stage, amqp_uri: Callable[..., str], eventually: Callable[..., object]
) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_uri()))
    channel = connection.channel()
    channel.basic_publish(PARTICIPANTS.exchange, PARTICIPANTS.queue, b"deadly", pika.BasicProperties(delivery_mode=2))
    deliveries = 0
    for method, _, _ in channel.consume(PARTICIPANTS.queue, inactivity_timeout=0.5):
        if method is not None:
            deliveries += 1
            channel.basic_nack(method.delivery_tag, requeue=True)
        elif stage.waiting(PARTICIPANTS.dead):
            break
        assert deliveries <= DELIVERY_LIMIT + 1
    assert deliveries == DELIVERY_LIMIT + 1
    assert len(stage.wait_for_dead(1)) == 1
    connection.close()


def test_all_queues_are_there_before_the_first_event(stage: Stage) -> None:
    with stage.broker() as connection:
        channel = connection.channel()
        for service in ("matching", "session_timer", "feedback"):
            for each in subscriptions_of(service):
                channel.queue_declare(each.queue, passive=True)
