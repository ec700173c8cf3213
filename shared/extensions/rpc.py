"""RPC entry points: faults travel as data, and the loss of the broker costs a redelivery, not the process."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import kombu.serialization
import structlog
from nameko.constants import HEADER_PREFIX
from nameko.rpc import Responder, Rpc, RpcConsumer, get_rpc_exchange

from shared.clock import monotonic
from shared.extensions.deadline import DEADLINE, Deadline
from shared.extensions.queue_consumer import LimitedQueueConsumer
from shared.extensions.runtime import Runtime
from shared.faults import Fault, NotYet
from shared.ids import new_id
from shared.messages import say
from shared.messaging.broker_state import BROKER
from shared.messaging.connection import LOST
from shared.messaging.publisher import BrokerBlocks, Outgoing
from shared.messaging.publisher_pool import PublisherPool
from shared.observability.logs import place_of
from shared.observability.metrics import RPC_SECONDS
from shared.storage.mongo import is_passing

log = structlog.get_logger()

#: Seconds that an answer may take in any case: a call that came too late is told so.
LEAST_ANSWER = 1.0


class NobodyWaits(Exception):
    """The answer could not be sent while somebody waited for it."""


class _Answering:
    """What nameko's responder publishes with: to the end of the caller's patience, and never into a blocked socket."""

    def __init__(self, publishers: PublisherPool, seconds: float) -> None:
        self._publishers = publishers
        self._ends_at = monotonic() + seconds

    def __call__(self, *_args: Any, **_kwargs: Any) -> "_Answering":
        """nameko makes one with the broker's address, which ours has."""
        return self

    def publish(self, payload: Any, serializer: str, exchange: Any, routing_key: str, correlation_id: Any) -> None:
        """Send the answer.

        Raises:
            NobodyWaits: the broker did not take it in time.
            OSError, amqp.exceptions.AMQPError: the broker is lost.
        """
        content_type, encoding, body = kombu.serialization.dumps(payload, serializer)
        answer = Outgoing(
            exchange.name,
            routing_key,
            body if isinstance(body, bytes) else body.encode(),
            {
                "content_type": content_type,
                "content_encoding": encoding,
                "delivery_mode": 2,
                "message_id": new_id(),
                "correlation_id": correlation_id,
            },
        )
        while BROKER.wait(left := max(self._ends_at - monotonic(), 0)) and left > 0:
            # The broker may block in this very moment. Where the caller's queue is gone the answer is returned.
            with suppress(BrokerBlocks):
                self._publishers.publish(answer, left)
                return
        raise NobodyWaits


class DurableRpcConsumer(RpcConsumer):
    """nameko's consumer of requests, whose container would die of an answer that cannot be sent.

    That is so when the broker is away at that moment, and for every request that names no place for its answer.
    """

    queue_consumer = LimitedQueueConsumer()
    runtime = Runtime()

    def handle_result(self, message: Any, result: Any, exc_info: Any) -> Any:
        """Send the answer; where the broker is lost it delivers the request again: its key makes that harmless."""
        try:
            result, exc_info = self._answer(message, result, exc_info)
            self.queue_consumer.ack_message(message)
        except NobodyWaits:
            log.warning("answer-given-up", short_of=BROKER.short_of)
            with suppress(*LOST):
                self.queue_consumer.ack_message(message)
        except LOST as error:
            log.warning("answer-not-sent", error=type(error).__name__, detail=str(error)[:300])
            with suppress(*LOST):
                self.requeue_message(message)
        except Exception as error:
            log.warning("request-cannot-be-answered", error=type(error).__name__)
            with suppress(*LOST):
                self.queue_consumer.ack_message(message)
        return result, exc_info

    def _answer(self, message: Any, result: Any, exc_info: Any) -> Any:
        config, runtime = self.container.config, self.runtime
        deadline = Deadline.of({DEADLINE: message.headers.get(f"{HEADER_PREFIX}.{DEADLINE}")})
        seconds = max(
            LEAST_ANSWER, min(deadline.seconds_left(runtime.settings.rpc_timeout), runtime.settings.rpc_timeout)
        )
        responder = Responder(runtime.settings.amqp_uri, get_rpc_exchange(config), "json", message)
        responder.publisher_cls = _Answering(runtime.answers, seconds)
        return responder.send_response(result, exc_info)


class DurableRpc(Rpc):
    """nameko's RPC on a :class:`DurableRpcConsumer`."""

    rpc_consumer = DurableRpcConsumer()


def answers(method: Callable[..., Any]) -> Any:
    """Let other services call ``method`` with JSON keyword arguments; it returns JSON or raises a fault.

    The service has a :class:`~shared.extensions.work.Work` as ``work``. A call whose deadline is over is refused.
    """

    @wraps(method)
    def answer(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        started = time.perf_counter()
        outcome = "ok"
        try:
            self.work.deadline.check()
            return {"ok": method(self, *args, **kwargs)}
        except Fault as fault:
            outcome = fault.code
            return {"fault": fault.to_document()}
        except Exception as error:
            if is_passing(error):
                outcome = NotYet.code
                log.warning("database-away", method=method.__name__, error=type(error).__name__)
                return {"fault": NotYet(say("the database is not reachable; try again shortly")).to_document()}
            outcome = "error"
            log.error("call-failed", method=method.__name__, **place_of(error))
            return {
                "fault": Fault(say("something went wrong inside; the operators can see it in the log")).to_document()
            }
        finally:
            RPC_SECONDS.labels(method.__name__, outcome).observe(time.perf_counter() - started)

    return DurableRpc.decorator(answer)
