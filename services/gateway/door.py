"""What the routes stand on: settings, the way to the other services, and the live channel."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import eventlet
from flask import Flask, current_app, g

from services.gateway.live.hub import Hub
from services.gateway.live.log_ins import LogIns
from shared.clock import Clock
from shared.config import Settings
from shared.trace import Trace

_NAME = "speedmentor-door"


class Calls(Protocol):
    """Calls methods of other services for one request."""

    def call(self, service: str, method: str, /, **arguments: Any) -> Any:
        """The result, or a raised fault."""
        ...


@dataclass(frozen=True)
class Door:
    """One replica of the gateway.

    ``calls(trace, token)`` gives the way to the services for one request, and ``own_calls(trace)`` that in the
    gateway's own name; ``clock`` is what screens are told, and ``pause`` keeps a request waiting for real seconds.
    """

    settings: Settings
    clock: Clock
    calls: Callable[[Trace, str | None], Calls]
    own_calls: Callable[[Trace], Calls]
    hub: Hub
    log_ins: LogIns
    checks: dict[str, Callable[[], bool]]
    pause: Callable[[float], None] = eventlet.sleep

    def open_in(self, app: Flask) -> None:
        """Have the routes of ``app`` find this door."""
        app.extensions[_NAME] = self


def door() -> Door:
    """The door of the app at hand."""
    return cast(Door, current_app.extensions[_NAME])


def ask(service: str, method: str, /, **arguments: Any) -> Any:
    """Call ``method`` of ``service`` as who sent the request at hand, in its trace; raises the fault raised there."""
    return door().calls(g.trace, g.get("token")).call(service, method, **arguments)
