"""Calling another service: with a deadline, the caller's token and trace, and faults raised as faults."""

import uuid
from typing import Any

import eventlet
import kombu.serialization
import structlog
from nameko.constants import HEADER_PREFIX
from nameko.exceptions import MethodNotFound
from nameko.rpc import ReplyListener, RpcReply

from shared.clock import monotonic
from shared.extensions.caller import TOKEN
from shared.extensions.deadline import DEADLINE, NOW, clock_milliseconds
from shared.extensions.queue_consumer import LimitedQueueConsumer
from shared.extensions.work import CORRELATION_ID, TRACEPARENT
from shared.faults import NotYet, fault_from_document
from shared.messages import say
from shared.messaging.broker_state import BROKER
from shared.messaging.connection import LOST
from shared.messaging.publisher import LOOK, BrokerBlocks, Outcome, Outgoing
from shared.messaging.publisher_pool import PublisherPool
from shared.messaging.topology import RPC_EXCHANGE
from shared.trace import Trace

log = structlog.get_logger()

#: How often a call is sent again to a service whose clock is ahead, which may be another replica each time.
CLOCKS = 3


class _Replies(LimitedQueueConsumer):
    # Every call of the process waits for this one connection.
    heartbeat = 5


class LimitedReplyListener(ReplyListener):
    """nameko's listener for answers, on a connection that notices when the other end is gone."""

    queue_consumer = _Replies()

    def forget(self, correlation_id: str) -> None:
        """Give up the place of an answer that nobody waits for any more."""
        self._reply_events.pop(correlation_id, None)


class Services:
    """Calls methods of other services for one request: ``services.call("matching", "get_plan", program_id=…)``."""

    def __init__(
        self, publishers: PublisherPool, replies: LimitedReplyListener, trace: Trace, token: str | None, timeout: float
    ) -> None:
        self._publishers = publishers
        self._replies = replies
        self._data: dict[str, Any] = {CORRELATION_ID: trace.correlationid, TRACEPARENT: trace.traceparent}
        if token:
            self._data[TOKEN] = token
        self._timeout = timeout

    def call(self, service: str, method: str, /, **arguments: Any) -> Any:
        """The result of ``method`` of ``service``.

        Raises:
            Fault: whatever fault the method raised there.
            NotYet: the service or the broker does not answer in time. Whether the call had its effect is then
                unknown: repeat it with the same idempotency key. It is not carried out later. While the broker blocks
                nothing is sent.
        """
        ends_at = monotonic() + self._timeout
        deadline = clock_milliseconds() + int(self._timeout * 1000)
        for _ in range(CLOCKS):
            answer = self._ask(service, method, arguments, deadline, ends_at)
            left = ends_at - monotonic()
            theirs = answer.get("fault", {}).get(NOW)
            if theirs is None or left <= 0:
                break
            # Nothing was done: by the clock there the deadline was over, by ours it is not.
            log.warning("clocks-differ", service=service, seconds=round((theirs - clock_milliseconds()) / 1000, 3))
            deadline = theirs + int(left * 1000)
        if "fault" in answer:
            raise fault_from_document(answer["fault"])
        return answer["ok"]

    def _ask(self, service: str, method: str, arguments: dict[str, Any], deadline: int, ends_at: float) -> Any:
        correlation_id = str(uuid.uuid4())
        content_type, encoding, body = kombu.serialization.dumps({"args": (), "kwargs": arguments}, "json")
        headers = {f"{HEADER_PREFIX}.{name}": value for name, value in {**self._data, DEADLINE: deadline}.items()}
        try:
            with eventlet.Timeout(max(ends_at - monotonic(), 0)):
                self._wait_for_the_broker()
                left = ends_at - monotonic()
                request = Outgoing(
                    RPC_EXCHANGE,
                    f"{service}.{method}",
                    body if isinstance(body, bytes) else body.encode(),
                    {
                        "content_type": content_type,
                        "content_encoding": encoding,
                        "delivery_mode": 2,
                        "message_id": correlation_id,
                        "correlation_id": correlation_id,
                        "reply_to": self._replies.routing_key,
                        # A service that was away must not carry out later what nobody waits for any more.
                        "expiration": str(max(int(left * 1000), 1)),
                        "application_headers": headers,
                    },
                )
                reply = RpcReply(self._replies.get_reply_event(correlation_id))
                if self._publishers.publish(request, left) is Outcome.CONFIRMED:
                    return reply.result()
        except (eventlet.Timeout, MethodNotFound, *LOST) as error:
            # A replica of the release before does not know every method.
            raise _not_yet(service) from error
        finally:
            # After an answer there is nothing to forget; after anything else it would stay for ever.
            self._replies.forget(correlation_id)
        # No replica of the service has ever been there: nobody has made its queue.
        raise _not_yet(service)

    def _wait_for_the_broker(self) -> None:
        """Wait while the broker is away, as it is for seconds when it is restarted; an alarm can last for hours."""
        while not BROKER.takes:
            if BROKER.short_of is not None:
                raise BrokerBlocks
            BROKER.wait(LOOK)


def _not_yet(service: str) -> NotYet:
    if BROKER.short_of is not None:
        return NotYet(say("the message broker takes no requests at the moment; try again shortly"))
    return NotYet(say("the {service} service does not answer; try again shortly", service=service))
