"""Publishing without a pause: the next messages are sent while the broker still confirms those before.

Not more than a ``window`` of messages is ever on its way, so that a broker that is slow for others slows this down too.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from amqp import Message
from kombu import Connection

from shared.clock import monotonic
from shared.messaging.publisher import CONFIRM_TIMEOUT, ConfirmedPublisher, Outgoing, at_once

#: Messages that are written at once.
TOGETHER = 50


class PipelinedPublisher(ConfirmedPublisher):
    """Publishes on one channel of ``connection``; not to be shared by threads. What is for no queue is passed over."""

    def __init__(self, connection: Connection, window: int) -> None:
        super().__init__(connection)
        self._window = window

    @property
    def confirmed(self) -> int:
        """How many of the messages sent are confirmed, without one before them that is not."""
        return min(self._waiting, default=self._sent + 1) - 1

    def send(
        self, messages: Sequence[Outgoing], timeout: float = CONFIRM_TIMEOUT, patient: Callable[[], bool] = at_once
    ) -> int:
        """Send all of ``messages``; returns the number of the last one, as :attr:`confirmed` counts.

        Raises: as :meth:`publish`, and
            ConnectionError: the broker refuses a message, now or one sent before.
        """
        count = min(TOGETHER, self._window)
        for at in range(0, len(messages), count):
            self._bear(patient)
            if len(self._waiting) + count > self._window:
                # Half of them, so that the socket is not asked for every single one.
                self._until(self._window // 2, timeout, patient)
            with self._together():
                for message in messages[at : at + count]:
                    self._sent += 1
                    self._waiting.add(self._sent)
                    self._channel.basic_publish(
                        Message(message.body, **message.properties), message.exchange, message.routing_key
                    )
        return self._sent

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Write at once what is published meanwhile: a call of the system for each message is what costs most."""
        transport = self._amqp.transport
        write, written = transport._write, bytearray()
        transport._write = written.extend
        try:
            yield
        finally:
            transport._write = write
        write(bytes(written))

    def settle(self, timeout: float = CONFIRM_TIMEOUT, patient: Callable[[], bool] = at_once) -> None:
        """Wait until everything sent is confirmed; raises as :meth:`send`."""
        self._until(0, timeout, patient)

    def _until(self, waiting: int, timeout: float, patient: Callable[[], bool]) -> None:
        deadline = monotonic() + timeout
        while len(self._waiting) > waiting:
            left = deadline - monotonic()
            if left <= 0:
                raise TimeoutError(f"the broker left {len(self._waiting)} messages unconfirmed")
            self._listen(min(left, 0.5))
            if self._bear(patient):
                deadline = monotonic() + timeout
        if self._refused:
            raise ConnectionError("the broker refuses messages")
