"""Calling another service: with a deadline, the caller's token and trace, and faults raised as faults."""

from typing import Any

import eventlet
from nameko.exceptions import UnknownService
from nameko.rpc import MethodProxy, ReplyListener

from shared.extensions.caller import TOKEN
from shared.extensions.work import CORRELATION_ID, TRACEPARENT
from shared.faults import NotYet, fault_from_document
from shared.messages import say
from shared.messaging.connection import LOST
from shared.trace import Trace


class _Call:
    """What nameko's proxy wants to know of the call it is part of."""

    def __init__(self, container: Any, data: dict[str, Any]) -> None:
        self.container = container
        self.context_data = data


class _Reply:
    """The reply listener for one call, whose place can be given up when nobody waits for the answer any more."""

    def __init__(self, listener: ReplyListener) -> None:
        self.routing_key = listener.routing_key
        self._listener = listener
        self._correlation_id = ""

    def get_reply_event(self, correlation_id: str) -> Any:
        self._correlation_id = correlation_id
        return self._listener.get_reply_event(correlation_id)

    def forget(self) -> None:
        self._listener._reply_events.pop(self._correlation_id, None)


class Services:
    """Calls methods of other services for one request: ``services.call("matching", "get_plan", program_id=…)``."""

    def __init__(
        self, container: Any, reply_listener: ReplyListener, trace: Trace, token: str | None, timeout: float
    ) -> None:
        data = {CORRELATION_ID: trace.correlationid, TRACEPARENT: trace.traceparent}
        if token:
            data[TOKEN] = token
        self._call = _Call(container, data)
        self._reply_listener = reply_listener
        self._timeout = timeout

    def call(self, service: str, method: str, /, **arguments: Any) -> Any:
        """The result of ``method`` of ``service``.

        Raises:
            Fault: whatever fault the method raised there.
            NotYet: the service or the broker does not answer in time. Whether the call had its effect is then
                unknown: repeat it with the same idempotency key. A request that still waits in the queue by then is
                dropped.
        """
        place = _Reply(self._reply_listener)
        try:
            with eventlet.Timeout(self._timeout):
                # A service that was away must not carry out later what nobody waits for any more.
                call = MethodProxy(self._call, service, method, place, expiration=self._timeout)
                answer = call(**arguments)
        except (eventlet.Timeout, UnknownService, *LOST) as error:
            raise NotYet(say("the {service} service does not answer; try again shortly", service=service)) from error
        finally:
            # After an answer there is nothing to forget; after anything else it would stay for ever.
            place.forget()
        if "fault" in answer:
            raise fault_from_document(answer["fault"])
        return answer["ok"]
