"""The consumer entry point: batches of events, each with inbox, state and outbox in one transaction."""

from collections.abc import Callable
from functools import wraps
from threading import Event as Flag
from typing import Any

from eventlet.event import Event as Reply
from nameko.extensions import Entrypoint

from shared.events import Event
from shared.extensions.runtime import Runtime
from shared.messaging.consumer import QueueConsumer
from shared.messaging.topology import Subscription, subscription
from shared.observability.metrics import EVENTS_HANDLED, EVENTS_REPEATED
from shared.storage.unit_of_work import Transaction


class Consumption:
    """The queue of one subscription, consumed from when the database is prepared.

    ``handle`` has the effect of a batch and says how many of its events it had not had before.
    """

    def __init__(
        self, runtime: Runtime, container: Any, place: Subscription, handle: Callable[[list[Event]], int]
    ) -> None:
        self._runtime = runtime
        self._container = container
        self._place = place
        self._handle = handle
        self._ended = Flag()
        self._consumer = QueueConsumer(
            place, self._count, runtime.settings.amqp_uri, f"{runtime.holder} {place.purpose}"
        )

    def start(self) -> None:
        """Begin to consume."""
        self._runtime.checks[f"queue {self._place.queue}"] = lambda: self._consumer.consuming
        self._container.spawn_managed_thread(self._consume, identifier=f"consumer {self._place.purpose}")

    def stop(self) -> None:
        """Finish the batch in hand; the broker gives what is not begun to another."""
        self._consumer.stop()
        self._ended.wait(30)

    def _consume(self) -> None:
        prepared = self._runtime.prepared
        while not (prepared.wait(0.5) or self._consumer.stopping):
            pass
        self._consumer.run()
        self._ended.set()

    def _count(self, events: list[Event]) -> None:
        handled = self._handle(events)
        EVENTS_HANDLED.labels(self._place.queue).inc(handled)
        EVENTS_REPEATED.labels(self._place.queue).inc(len(events) - handled)


class EventConsumer(Entrypoint):
    """Feeds the queue of one subscription to a service method, a batch at a time."""

    runtime = Runtime()

    def __init__(self, purpose: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.purpose = purpose

    def setup(self) -> None:
        """Find the queue in the topology."""
        self._subscription = subscription(self.container.service_name, self.purpose)

    def start(self) -> None:
        """Begin to consume."""
        self._consumption = Consumption(self.runtime, self.container, self._subscription, self._run_worker)
        self._consumption.start()

    def stop(self) -> None:
        """Finish the batch in hand."""
        self._consumption.stop()

    def _run_worker(self, events: list[Event]) -> int:
        """Have a worker handle ``events`` and wait for it; raises what it raised."""
        reply = Reply()

        def handle_result(_context: Any, handled: int, exc_info: Any) -> Any:
            if exc_info:
                reply.send_exception(*exc_info)
            else:
                reply.send(handled)
            # The error is answered for here (by retries and dead letters): the container need not know of it.
            return handled, None

        self.container.spawn_worker(self, (events,), {}, context_data={}, handle_result=handle_result)
        return int(reply.wait())


def consumes(purpose: str) -> Callable[[Callable[[Any, list[Event], Transaction], None]], Any]:
    """Make a method the handler of the service's subscription ``purpose``.

    The method gets the events it has not had before and the transaction to write in; the service has a
    :class:`~shared.extensions.work.Work` as ``work``.
    """

    def decorate(method: Callable[[Any, list[Event], Transaction], None]) -> Any:
        @wraps(method)
        def in_one_transaction(self: Any, events: list[Event]) -> int:
            return int(self.work.consume(purpose, events, lambda fresh, transaction: method(self, fresh, transaction)))

        return EventConsumer.decorator(purpose)(in_one_transaction)

    return decorate
