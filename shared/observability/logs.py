"""Logs: one JSON object a line on standard output, with the ids by which a request is followed through services.

No personal data: log ids, never names, addresses or free text.
"""

import logging
import sys
import traceback
from typing import Any

import structlog


def place_of(error: BaseException) -> dict[str, Any]:
    """An exception for the log: its type and where it came from. Its text may hold names or addresses: not that."""
    return {"error": type(error).__name__, "traceback": "".join(traceback.format_tb(error.__traceback__))}


def configure(service: str, level: str) -> None:
    """Send structlog's and the standard library's records (nameko's, pymongo's) the same way."""

    def name_service(_logger: Any, _method: str, record: Any) -> Any:
        return {"service": service, **record}

    shared: list[Any] = [
        name_service,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.EventRenamer("message"),
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # nameko logs every failed worker with its arguments, which may hold personal data; we log faults ourselves.
    logging.getLogger("nameko.containers").setLevel(logging.CRITICAL)
    logging.getLogger("pymongo").setLevel(logging.WARNING)
