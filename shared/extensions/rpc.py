"""RPC entry points: faults travel as data, and the loss of the broker costs a redelivery, not the process."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import structlog
from nameko.rpc import Rpc, RpcConsumer

from shared.faults import Fault, NotYet
from shared.messages import say
from shared.messaging.connection import LOST
from shared.observability.logs import place_of
from shared.observability.metrics import RPC_SECONDS
from shared.storage.mongo import is_passing

log = structlog.get_logger()


class DurableRpcConsumer(RpcConsumer):
    """nameko's consumer of requests, whose container would die of an answer that cannot be sent.

    That is so when the broker is away at that moment, and for every request that names no place for its answer.
    """

    def handle_result(self, message: Any, result: Any, exc_info: Any) -> Any:
        """Send the answer; where the broker is lost it delivers the request again: its key makes that harmless."""
        try:
            return super().handle_result(message, result, exc_info)
        except LOST as error:
            log.warning("answer-not-sent", error=type(error).__name__, detail=str(error)[:300])
            with suppress(*LOST):
                self.requeue_message(message)
        except Exception as error:
            log.warning("request-cannot-be-answered", error=type(error).__name__)
            with suppress(*LOST):
                self.queue_consumer.ack_message(message)
        return result, exc_info


class DurableRpc(Rpc):
    """nameko's RPC on a :class:`DurableRpcConsumer`."""

    rpc_consumer = DurableRpcConsumer()


def answers(method: Callable[..., Any]) -> Any:
    """Let other services call ``method`` with JSON keyword arguments; it returns JSON or raises a fault."""

    @wraps(method)
    def answer(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        started = time.perf_counter()
        outcome = "ok"
        try:
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
