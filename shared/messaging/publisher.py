"""Publishing with pipelined confirms: send many, then learn which of them the broker has taken.

py-amqp waits for each confirm before it sends the next message; here the confirms are counted as they come, on a
channel of a connection that was not opened with ``confirm_publish``.
Source: RabbitMQ, "Consumer Acknowledgements and Publisher Confirms", on publisher confirms.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from amqp import Message
from kombu import Connection

from shared.clock import monotonic
from shared.messaging.broker_state import BROKER
from shared.messaging.connection import NOTHING_CAME

#: Seconds to wait for the broker to confirm what was sent.
CONFIRM_TIMEOUT = 30.0
#: Seconds to wait for the broker before looking after the connection, and whether to go on waiting.
LOOK = 0.5


class BrokerBlocks(ConnectionError):
    """The broker is short of something and takes nothing now; the text says of what."""

    def __init__(self) -> None:
        super().__init__(f"the broker blocks: {BROKER.short_of or 'it did until now'}")


def at_once() -> bool:
    """No patience with a broker that blocks."""
    return False


class Outcome(Enum):
    """What became of a message."""

    CONFIRMED = "confirmed"
    #: No queue is bound for it: the broker returned it (and then confirmed that).
    RETURNED = "returned"
    #: The broker refused it (a full queue, an internal error).
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way out; ``properties`` are AMQP basic properties."""

    exchange: str
    routing_key: str
    body: bytes
    properties: Mapping[str, Any] = field(default_factory=dict)


class ConfirmedPublisher:
    """Publishes on one channel of ``connection``; not to be shared by threads."""

    def __init__(self, connection: Connection) -> None:
        self._amqp = connection.connection
        self._channel = self._amqp.channel()
        self._channel.confirm_select()
        self._sent = 0
        self._waiting: set[int] = set()
        self._lowest = 1
        self._refused: set[int] = set()
        self._returned: set[str] = set()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)

    def publish(
        self, messages: Sequence[Outgoing], timeout: float = CONFIRM_TIMEOUT, patient: Callable[[], bool] = at_once
    ) -> list[Outcome]:
        """Send all of ``messages``, wait until the broker has answered for each and say what became of each.

        A message needs a ``message_id`` property: by it one that comes back is told.

        While the broker blocks nothing is written. ``patient()``, asked about twice a second then, says whether to wait
        for the end of that, which ``timeout`` does not count.

        Raises:
            BrokerBlocks: the broker blocks, and there is no patience; some may be published.
            TimeoutError: the broker did not answer for all within ``timeout`` seconds; some may be published.
            OSError, amqp.exceptions.AMQPError: the connection is lost; some may be published.
        """
        tags = []
        for message in messages:
            self._bear(patient)
            self._sent += 1
            self._waiting.add(self._sent)
            tags.append(self._sent)
            self._channel.basic_publish(
                Message(message.body, **message.properties),
                message.exchange,
                message.routing_key,
                mandatory=True,
            )
        self._drain(timeout, patient)
        outcomes = [
            Outcome.REFUSED
            if tag in self._refused
            else Outcome.RETURNED
            if message.properties["message_id"] in self._returned
            else Outcome.CONFIRMED
            for tag, message in zip(tags, messages, strict=True)
        ]
        self._refused.clear()
        self._returned.clear()
        return outcomes

    def _drain(self, timeout: float, patient: Callable[[], bool]) -> None:
        deadline = monotonic() + timeout
        while self._waiting:
            left = deadline - monotonic()
            if left <= 0:
                raise TimeoutError(f"the broker left {len(self._waiting)} messages unconfirmed")
            self._listen(min(left, LOOK))
            if self._bear(patient):
                deadline = monotonic() + timeout

    def _bear(self, patient: Callable[[], bool]) -> bool:
        """Wait while the broker blocks; whether it did."""
        did = False
        while BROKER.short_of is not None or getattr(self._amqp, "is_blocked", False):
            did = True
            if not patient():
                raise BrokerBlocks
            self._listen(LOOK)
        return did

    def _listen(self, seconds: float) -> None:
        with suppress(*NOTHING_CAME):
            self._amqp.drain_events(timeout=seconds)
        self._amqp.heartbeat_tick()

    def _answered(self, tag: int, multiple: bool) -> set[int]:
        if not multiple:
            done = {tag} & self._waiting
        else:
            done = {each for each in range(self._lowest, tag + 1) if each in self._waiting}
            self._lowest = tag + 1
        self._waiting -= done
        return done

    def _on_ack(self, tag: int, multiple: bool) -> None:
        self._answered(tag, multiple)

    def _on_nack(self, tag: int, multiple: bool) -> None:
        self._refused |= self._answered(tag, multiple)

    def _on_return(self, error: Any, exchange: str, routing_key: str, message: Message) -> None:
        self._returned.add(message.properties["message_id"])
