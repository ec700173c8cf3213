"""Handling a batch of deliveries: one transaction if it can be, smaller ones around what fails."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from shared.events import BadEvent, Event
from shared.messaging.delivery import Delivery
from shared.messaging.publisher import Outgoing
from shared.messaging.topology import Subscription
from shared.observability.logs import place_of
from shared.observability.metrics import EVENTS_DEAD, EVENTS_RETRIED

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Readable:
    """A delivery together with the event in it."""

    delivery: Delivery
    event: Event


def settle(
    deliveries: list[Delivery],
    subscription: Subscription,
    handle: Callable[[list[Event]], None],
    is_passing: Callable[[BaseException], bool],
) -> list[Outgoing]:
    """Bring every delivery to its end: handled, or on its way to a back-off or the dead letters.

    ``handle`` commits a list of events or raises and commits none of them. When it raises, the list is halved
    until the poisonous event stands alone, so that it holds back no other.

    Returns:
        The messages that must be published before the deliveries are acknowledged.

    Raises:
        Exception: one for which ``is_passing`` is true: the database is away, and every event would fail alike.
    """
    readable: list[Readable] = []
    outgoing: list[Outgoing] = []
    for delivery in deliveries:
        try:
            readable.append(Readable(delivery, delivery.read(subscription)))
        except BadEvent as error:
            outgoing.append(_give_up(delivery, subscription, error))
    pile = [readable] if readable else []
    while pile:
        part = pile.pop()
        try:
            handle([each.event for each in part])
        except Exception as error:
            if is_passing(error):
                raise
            if len(part) == 1:
                outgoing.append(_give_up(part[0].delivery, subscription, error))
            else:
                middle = len(part) // 2
                # The first half is handled first, so that a subject's events stay in order.
                pile += [part[middle:], part[:middle]]
    return outgoing


def _give_up(delivery: Delivery, subscription: Subscription, error: Exception) -> Outgoing:
    outgoing, reason = delivery.after_failure(subscription, error)
    if reason:
        EVENTS_DEAD.labels(subscription.queue, reason).inc()
    else:
        EVENTS_RETRIED.labels(subscription.queue).inc()
    log.warning(
        "event-failed",
        queue=subscription.queue,
        message_id=delivery.properties.get("message_id"),
        attempts=delivery.attempts + 1,
        goes_to=outgoing.routing_key,
        detail=str(error) if isinstance(error, BadEvent) else "",
        **place_of(error),
    )
    return outgoing
