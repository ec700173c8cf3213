"""What the routes stand on: settings, the way to the other services, and the live channel."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from flask import Flask, current_app, g

from services.gateway.domain.throttle import Throttle
from services.gateway.live.hub import Hub
from shared.clock import Clock
from shared.config import Settings
from shared.trace import Trace

#: Failed log-ins of one address before it has to wait, and within how many seconds they are counted. A hall full of
#: phones has one address, so the number is not small; codes are long enough for it.
PASSWORD_TRIES, CODE_TRIES, WITHIN = 10, 60, 300.0

_NAME = "speedmentor-door"


class Calls(Protocol):
    """Calls methods of other services for one request."""

    def call(self, service: str, method: str, /, **arguments: Any) -> Any:
        """The result, or a raised fault."""
        ...


@dataclass(frozen=True)
class Door:
    """One replica of the gateway.

    ``calls(trace, token)`` gives the way to the services for one request; ``clock`` is what screens are told.
    """

    settings: Settings
    clock: Clock
    calls: Callable[[Trace, str | None], Calls]
    hub: Hub
    checks: dict[str, Callable[[], bool]]
    passwords: Throttle = field(default_factory=lambda: Throttle(PASSWORD_TRIES, WITHIN))
    codes: Throttle = field(default_factory=lambda: Throttle(CODE_TRIES, WITHIN))

    def open_in(self, app: Flask) -> None:
        """Have the routes of ``app`` find this door."""
        app.extensions[_NAME] = self


def door() -> Door:
    """The door of the app at hand."""
    return cast(Door, current_app.extensions[_NAME])


def ask(service: str, method: str, /, **arguments: Any) -> Any:
    """Call ``method`` of ``service`` as who sent the request at hand, in its trace; raises the fault raised there."""
    return door().calls(g.trace, g.get("token")).call(service, method, **arguments)
