"""RPC entry points: faults travel as data, and the loss of the broker costs a redelivery, not the process."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from nameko.rpc import Rpc

from shared.faults import Fault, NotYet
from shared.messages import say
from shared.messaging.connection import LOST
from shared.observability.metrics import RPC_SECONDS
from shared.storage.mongo import is_passing

log = structlog.get_logger()


class DurableRpc(Rpc):
    """nameko's RPC, which would let the whole container die when the broker is away as an answer is sent."""

    def handle_result(self, message: Any, worker_ctx: Any, result: Any, exc_info: Any) -> Any:
        """Send the answer; where that fails the broker delivers the request again, and its key makes it harmless."""
        try:
            return super().handle_result(message, worker_ctx, result, exc_info)
        except LOST as error:
            log.warning("answer-not-sent", method=self.method_name, error=type(error).__name__, detail=str(error)[:300])
            return result, exc_info


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
            # Arguments may hold personal data: the log has the place, not the values.
            log.exception("call-failed", method=method.__name__)
            return {
                "fault": Fault(say("something went wrong inside; the operators can see it in the log")).to_document()
            }
        finally:
            RPC_SECONDS.labels(method.__name__, outcome).observe(time.perf_counter() - started)

    return DurableRpc.decorator(answer)
