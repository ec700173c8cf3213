"""The unit of work as a service sees it: with the trace of the call at hand."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import structlog
from nameko.extensions import DependencyProvider
from pymongo.database import Database

from shared.clock import Clock
from shared.events import Event
from shared.extensions.deadline import Deadline
from shared.extensions.runtime import Runtime
from shared.messaging.topology import subscription
from shared.security.principal import Principal
from shared.storage.unit_of_work import Transaction, UnitOfWork
from shared.trace import Trace

Result = TypeVar("Result")

CORRELATION_ID = "correlationid"
TRACEPARENT = "traceparent"


def trace_of(data: dict[str, Any]) -> Trace:
    """The trace that came with a call, one step further, or a new one."""
    if data.get(CORRELATION_ID) and data.get(TRACEPARENT):
        return Trace(data[CORRELATION_ID], data[TRACEPARENT]).child()
    return Trace.start()


class TracedWork:
    """A :class:`~shared.storage.unit_of_work.UnitOfWork` for one call."""

    def __init__(self, unit_of_work: UnitOfWork, service: str, trace: Trace, deadline: Deadline) -> None:
        self._unit_of_work = unit_of_work
        self._service = service
        self._trace = trace
        self.deadline = deadline

    @property
    def database(self) -> Database[dict[str, Any]]:
        """The service's own database, to read from outside a transaction."""
        return self._unit_of_work.database

    @property
    def clock(self) -> Clock:
        """Where the time of the event comes from."""
        return self._unit_of_work.clock

    @property
    def trace(self) -> Trace:
        """Where this call came from."""
        return self._trace

    def now(self) -> datetime:
        """The time of the event."""
        return self._unit_of_work.clock.now()

    def pending_events(self) -> int:
        """How many events still wait in the outbox for the broker's confirmation."""
        return self._unit_of_work.outbox.count_pending()

    def transact(self, work: Callable[[Transaction], Result]) -> Result:
        """See :meth:`UnitOfWork.transact`; nothing is written after the deadline of the call."""
        return self._unit_of_work.transact(self._in_time(work), self._trace)

    def command(self, key: str | None, request: Any, work: Callable[[Transaction], Result]) -> Result:
        """See :meth:`UnitOfWork.command`; nothing is written after the deadline of the call."""
        return self._unit_of_work.command(key, request, self._in_time(work), self._trace)

    def once(
        self,
        principal: Principal,
        name: str,
        given: Mapping[str, Any],
        work: Callable[[Transaction], Result],
        to_the_end: bool = False,
    ) -> Result:
        """Do what ``principal`` asks for as command ``name``: once for each ``idempotency_key`` in ``given``.

        ``to_the_end`` is for what may take longer than callers wait: begun in time it is done, and the caller gets the
        answer by asking again with the same key.

        Raises:
            Conflict: the caller has used the key for another command, or with other arguments.
            TooLate: the deadline of the call was over before it was done.
        """
        key, request = principal.scoped(given["idempotency_key"]), {"command": name, **given}
        if to_the_end:
            return self._unit_of_work.command(key, request, work, self._trace)
        return self.command(key, request, work)

    def _in_time(self, work: Callable[[Transaction], Result]) -> Callable[[Transaction], Result]:
        def in_time(transaction: Transaction) -> Result:
            self.deadline.check()
            result = work(transaction)
            # It may have waited long for the database.
            self.deadline.check()
            return result

        return in_time

    def consume(self, purpose: str, events: list[Event], handle: Callable[[list[Event], Transaction], None]) -> int:
        """See :meth:`UnitOfWork.consume`."""
        queue = subscription(self._service, purpose).queue
        # A batch is the work of many requests; where it is that of one, the log says of which.
        if len(begun := {event.correlationid for event in events}) == 1:
            structlog.contextvars.bind_contextvars(correlationid=begun.pop())
        return self._unit_of_work.consume(queue, events, handle, self._trace)


class Work(DependencyProvider):
    """Gives a service method its :class:`TracedWork`. ``prepare(database)`` creates the service's indexes."""

    runtime = Runtime()

    def __init__(self, prepare: Callable[[Database[dict[str, Any]]], None] | None = None) -> None:
        super().__init__()
        self._prepare = prepare

    def setup(self) -> None:
        """Have the indexes created before the service starts."""
        if self._prepare is not None:
            self.runtime.prepare_with(self._prepare)

    def get_dependency(self, worker_ctx: Any) -> TracedWork:
        """The unit of work with the trace of this call, whose id is in all the call logs."""
        trace = trace_of(worker_ctx.data)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(correlationid=trace.correlationid)
        deadline = Deadline.of(worker_ctx.data)
        return TracedWork(self.runtime.unit_of_work, self.container.service_name, trace, deadline)
