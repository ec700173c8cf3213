"""What comes out of a queue, and where it goes when it cannot be handled."""

import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.events import BadEvent, Event, decode, write_time
from shared.ids import new_id
from shared.messaging.publisher import Outgoing
from shared.messaging.topology import RETRY_DELAYS, Subscription

ATTEMPTS = "x-speedmentor-attempts"
REASON = "x-speedmentor-reason"
DETAIL = "x-speedmentor-detail"
TRACE = "x-speedmentor-trace"
QUEUE = "x-speedmentor-queue"
FAILED_AT = "x-speedmentor-failed-at"
FIRST_FAILED_AT = "x-speedmentor-first-failed-at"

#: Headers have to fit in one frame (of 128 KB) with everything else: what strangers add is kept up to a size.
LONGEST_DETAIL = 1_000
LONGEST_TRACE = 8_000
LARGEST_STRANGE_HEADERS = 32_000
HIGHEST_ATTEMPTS = 1_000_000

_MEDIA_TYPE = "application/cloudevents+json"
_OURS = (ATTEMPTS, REASON, DETAIL, TRACE, QUEUE, FAILED_AT, FIRST_FAILED_AT)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message in hand: its tag on the channel, its body and headers, and how often it has failed before."""

    tag: int
    body: bytes
    properties: dict[str, Any]
    headers: dict[str, Any]

    @property
    def attempts(self) -> int:
        """Failed attempts so far; what a stranger wrote there counts as none."""
        attempts = self.headers.get(ATTEMPTS, 0)
        return attempts if isinstance(attempts, int) and 0 <= attempts <= HIGHEST_ATTEMPTS else 0

    def read(self, subscription: Subscription) -> Event:
        """The event in this message.

        Raises:
            BadEvent: it is not an event, or not one this queue is for. Beside the reasons that ``decode`` has,
                ``wrong-content-type`` says that the message does not claim to be a CloudEvent in JSON.
        """
        content_type = str(self.properties.get("content_type", ""))
        # Source: CloudEvents 1.0, JSON event format, section 3: parameters may follow.
        if content_type.partition(";")[0].strip().lower() != _MEDIA_TYPE:
            raise BadEvent("wrong-content-type", f"content_type: Not {_MEDIA_TYPE}.")
        event = decode(self.body, any_type=subscription.any_type)
        if not subscription.takes(event.type):
            raise BadEvent("unknown-type", f"{event.type} is not handled by {subscription.queue}")
        return event

    def after_failure(self, subscription: Subscription, error: Exception) -> tuple[Outgoing, str]:
        """Where this message goes after ``error``: to its next back-off, or to the dead letters.

        Returns:
            The message to publish, and the reason when it is dead, else an empty string.
        """
        attempts = self.attempts + 1
        final = isinstance(error, BadEvent) or attempts > len(RETRY_DELAYS)
        reason = error.reason_code if isinstance(error, BadEvent) else "handler-failed" if final else ""
        now = write_time(datetime.now(UTC))
        first = self.headers.get(FIRST_FAILED_AT)
        headers = {
            **self._strange_headers(),
            ATTEMPTS: attempts,
            REASON: reason or "will-retry",
            DETAIL: _detail(error)[:LONGEST_DETAIL],
            TRACE: "".join(traceback.format_exception(error))[-LONGEST_TRACE:],
            QUEUE: subscription.queue,
            FAILED_AT: now,
            FIRST_FAILED_AT: first if isinstance(first, str) and len(first) <= 40 else now,
        }
        kept: dict[str, Any] = {
            key: self.properties[key] for key in ("content_type", "type", "timestamp") if key in self.properties
        }
        outgoing = Outgoing(
            subscription.exchange,
            subscription.dead if final else subscription.retry(attempts),
            self.body,
            {
                **kept,
                "delivery_mode": 2,
                "message_id": self.properties.get("message_id") or new_id(),
                "application_headers": headers,
            },
        )
        return outgoing, reason if final else ""

    def _strange_headers(self) -> dict[str, Any]:
        """The headers that others have set, unless they are too large to go on with ours beside them."""
        strange = {key: value for key, value in self.headers.items() if key not in _OURS}
        return strange if len(repr(strange).encode("utf-8", "replace")) <= LARGEST_STRANGE_HEADERS else {}


def _detail(error: Exception) -> str:
    return error.detail if isinstance(error, BadEvent) else f"{type(error).__name__}: {error}"
