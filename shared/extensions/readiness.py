"""Whether all parts of a replica work: what ``/health/ready`` answers."""

from collections.abc import Callable, Mapping
from typing import Any

import eventlet
import structlog

from shared.observability.readiness import NotReady

log = structlog.get_logger()

#: Seconds a check may take before it counts as failed.
PATIENCE = 3.0

Check = Callable[[], bool]


def look(checks: Mapping[str, Check]) -> tuple[bool, dict[str, Any]]:
    """Ask all ``checks``, by name.

    Returns:
        Whether all parts work; and by name whether each does, with ``reasons`` of those that gave one.
    """
    parts: dict[str, bool] = {}
    reasons: dict[str, str] = {}
    for name, check in sorted(checks.items()):
        try:
            parts[name] = works(check)
        except NotReady as reason:
            parts[name], reasons[name] = False, str(reason)
    return all(parts.values()), {**parts, **({"reasons": reasons} if reasons else {})}


def works(check: Check) -> bool:
    """Whether ``check`` says so in time.

    Raises:
        NotReady: it does not, and says why.
    """
    try:
        with eventlet.Timeout(PATIENCE):
            return check()
    except NotReady:
        raise
    except (Exception, eventlet.Timeout) as error:
        log.debug("check-failed", error=type(error).__name__, detail=str(error)[:300])
        return False
