"""Calling another service: with a deadline, the caller's token and trace, and faults raised as faults."""

from typing import Any

import eventlet
from nameko.exceptions import RpcConnectionError, UnknownService
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
                unknown: repeat it with the same idempotency key.
        """
        proxy = MethodProxy(self._call, service, method, self._reply_listener)
        reply = None
        try:
            with eventlet.Timeout(self._timeout):
                reply = proxy.call_async(**arguments)
                answer = reply.result()
        except (eventlet.Timeout, UnknownService, RpcConnectionError, *LOST) as error:
            if reply is not None:
                self._forget(reply)
            raise NotYet(say("the {service} service does not answer; try again shortly", service=service)) from error
        if "fault" in answer:
            raise fault_from_document(answer["fault"])
        return answer["ok"]

    def _forget(self, reply: Any) -> None:
        """Drop the place kept for an answer that nobody waits for any more."""
        waiting = self._reply_listener._reply_events
        for correlation_id in [key for key, event in waiting.items() if event is reply.reply_event]:
            waiting.pop(correlation_id, None)
