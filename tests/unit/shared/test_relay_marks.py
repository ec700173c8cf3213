"""What the relay does when the database forgets, killed before its journal was written, that an event was sent."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.messaging import relay as relaying
from shared.messaging.publisher import Outcome
from shared.messaging.relay import MARK_LOST, Relay
from shared.storage.outbox import Pending

EVENT = Pending("e1", "speedmentor.registration.program-published.v1", datetime(2026, 12, 5, tzinfo=UTC), b"{}")


class ForgetfulOutbox:
    """Shows one event as pending until it was marked ``marks`` times."""

    def __init__(self, marks: int) -> None:
        self.marks = marks

    def pending(self, limit: int) -> list[Pending]:
        return [EVENT] if self.marks > 0 else []

    def mark_sent(self, ids: list[str]) -> None:
        assert ids == [EVENT.id]
        self.marks -= 1


class Publisher:
    def __init__(self) -> None:
        self.published = 0

    def publish(self, messages: list[Any], **_: Any) -> list[Outcome]:
        self.published += len(messages)
        return [Outcome.CONFIRMED] * len(messages)


class FreeLease:
    def acquire(self) -> int:
        return 1


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    instant = [1000.0]
    monkeypatch.setattr(relaying, "monotonic", lambda: instant[0])
    return instant


def test_a_mark_that_the_database_lost_is_made_again_and_the_event_is_not_sent_again(now: list[float]) -> None:
    outbox, publisher = ForgetfulOutbox(marks=2), Publisher()
    relay: Any = Relay(outbox, FreeLease(), "amqp://unused", "test")  # type: ignore[arg-type]
    relay._held_until = now[0] + 100
    relay._publish_pending(publisher)
    relay._mark()
    assert outbox.marks == 1
    # A read may be a moment behind: that alone is no reason to write.
    now[0] += MARK_LOST / 2
    relay._publish_pending(publisher)
    assert outbox.marks == 1
    now[0] += MARK_LOST
    relay._publish_pending(publisher)
    assert outbox.marks == 0
    relay._publish_pending(publisher)
    assert publisher.published == 1
    assert relay._sent == {}
