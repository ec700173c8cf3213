"""Dead letters: looked at, sent back to where they failed, or dropped.

Works with the rights of the operator's broker account: it reads every queue and writes to the services' own
exchanges for retries.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from kombu import Connection

from shared.messaging.delivery import ATTEMPTS, DETAIL, FAILED_AT, FIRST_FAILED_AT, REASON, TRACE
from shared.messaging.publisher import ConfirmedPublisher, Outcome, Outgoing
from shared.messaging.topology import SUBSCRIPTIONS, Subscription

#: Headers that tell of failures; an event that is sent back begins without them.
_OF_FAILURE = ("x-speedmentor-", "x-death", "x-first-death-", "x-last-death-", "x-delivery-count")


@dataclass(frozen=True)
class DeadLetter:
    """An event that was given up, and why."""

    queue: str
    event_id: str
    type: str
    reason: str
    detail: str
    attempts: int
    first_failed: str | None
    last_failed: str | None
    correlation: str | None
    traceparent: str | None
    trace: str
    body: bytes
    headers: dict[str, Any]
    properties: dict[str, Any]

    def to_document(self) -> dict[str, Any]:
        """The letter as JSON, with its event where that is JSON."""
        return {
            "queue": self.queue,
            "id": self.event_id,
            "type": self.type,
            "reason": self.reason,
            "detail": self.detail,
            "attempts": self.attempts,
            "first_failed": self.first_failed,
            "last_failed": self.last_failed,
            "correlationid": self.correlation,
            "traceparent": self.traceparent,
            "trace": self.trace,
            "event": _json(self.body),
            "body": None if _json(self.body) is not None else self.body.decode("utf-8", "backslashreplace"),
        }


@dataclass(frozen=True)
class Pile:
    """The dead letters of one queue: how many, and the one that is there longest."""

    queue: str
    count: int
    oldest: DeadLetter | None


class DeadLetters:
    """The dead letters of all queues, over one open connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def piles(self) -> list[Pile]:
        """One for each queue, also where there are none."""
        return [
            Pile(each.queue, count_of(self._connection, each.dead), next(self.read(each.queue, 1), None))
            for each in SUBSCRIPTIONS
        ]

    def read(self, queue: str | None = None, most: int | None = None) -> Iterator[DeadLetter]:
        """The letters of ``queue`` (default: of all), the oldest of each first. They stay where they are."""
        for each in _chosen(queue):
            with self._connection.connection.channel() as channel:
                # Never acknowledged: the broker puts them back when the channel closes.
                for letter, _ in _letters(channel, each, most):
                    yield letter

    def requeue(self, wanted: Callable[[DeadLetter], bool], queue: str | None = None) -> list[DeadLetter]:
        """Send those ``wanted`` back to the queue they failed in; returns them.

        Each is taken from the dead letters only once the broker has confirmed it where it goes.

        Raises:
            ConnectionError: the broker did not take one; it and those after it stay.
        """
        moved = []
        for each in _chosen(queue):
            publisher = ConfirmedPublisher(self._connection)
            with self._connection.connection.channel() as channel:
                for letter, tag in _letters(channel, each, None):
                    if not wanted(letter):
                        continue
                    if publisher.publish([_back(letter, each)]) != [Outcome.CONFIRMED]:
                        raise ConnectionError(f"the broker did not take {letter.event_id} back into {each.queue}")
                    channel.basic_ack(tag)
                    moved.append(letter)
        return moved

    def drop(self, wanted: Callable[[DeadLetter], bool], queue: str | None = None) -> list[DeadLetter]:
        """Forget those ``wanted`` for good; returns them."""
        dropped = []
        for each in _chosen(queue):
            with self._connection.connection.channel() as channel:
                for letter, tag in _letters(channel, each, None):
                    if wanted(letter):
                        channel.basic_ack(tag)
                        dropped.append(letter)
        return dropped


def count_of(connection: Connection, queue: str) -> int:
    """How many messages are ready in ``queue``; those a consumer has in hand are not counted."""
    with connection.connection.channel() as channel:
        return int(channel.queue_declare(queue, passive=True).message_count)


def queues() -> list[str]:
    """The names of all queues that a letter can come from."""
    return [each.queue for each in SUBSCRIPTIONS]


def _chosen(queue: str | None) -> list[Subscription]:
    return [each for each in SUBSCRIPTIONS if queue in (None, each.queue)]


def _letters(channel: Any, subscription: Subscription, most: int | None) -> Iterator[tuple[DeadLetter, int]]:
    """Take letters one by one; only as many as there are now, as those sent back may die again meanwhile."""
    there = int(channel.queue_declare(subscription.dead, passive=True).message_count)
    for _ in range(there if most is None else min(there, most)):
        message = channel.basic_get(subscription.dead)
        if message is None:
            return
        yield _letter(message, subscription), message.delivery_tag


def _letter(message: Any, subscription: Subscription) -> DeadLetter:
    body = message.body.encode() if isinstance(message.body, str) else bytes(message.body)
    properties = dict(message.properties)
    headers = properties.pop("application_headers", None) or {}
    event = _json(body)
    event = event if isinstance(event, dict) else {}
    attempts = headers.get(ATTEMPTS, 0)
    return DeadLetter(
        queue=subscription.queue,
        event_id=_text(event.get("id")) or _text(properties.get("message_id")) or _digest(body),
        type=_text(event.get("type")) or _text(properties.get("type")) or "?",
        # One that killed its consumers again and again was given up by the broker, which says so in its own way.
        reason=_text(headers.get(REASON)) or _text(headers.get("x-first-death-reason")) or "unknown",
        detail=_text(headers.get(DETAIL)) or "",
        attempts=attempts if isinstance(attempts, int) else 0,
        first_failed=_text(headers.get(FIRST_FAILED_AT)) or _text(headers.get(FAILED_AT)),
        last_failed=_text(headers.get(FAILED_AT)),
        correlation=_text(event.get("correlationid")),
        traceparent=_text(event.get("traceparent")),
        trace=_text(headers.get(TRACE)) or "",
        body=body,
        headers=headers,
        properties=properties,
    )


def _back(letter: DeadLetter, subscription: Subscription) -> Outgoing:
    kept = {name: value for name, value in letter.headers.items() if not name.startswith(_OF_FAILURE)}
    properties: dict[str, Any] = {
        name: letter.properties[name] for name in ("content_type", "type", "timestamp") if name in letter.properties
    }
    return Outgoing(
        subscription.exchange,
        subscription.queue,
        letter.body,
        {
            **properties,
            "delivery_mode": 2,
            "message_id": letter.properties.get("message_id") or letter.event_id,
            "application_headers": kept,
        },
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _digest(body: bytes) -> str:
    """A name for what brings none."""
    return f"sha256-{hashlib.sha256(body).hexdigest()[:16]}"
