"""Death at a chosen arrow of the way of a change: the process kills itself there, as ``kill -9`` would."""

import os
import signal
from collections.abc import Callable
from typing import Any


def _die(*_args: Any, **_kwargs: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: type, method: str) -> Callable[[], None]:
    return lambda: setattr(owner, method, _die)


def _after(owner: type, method: str) -> Callable[[], None]:
    original = getattr(owner, method)

    def and_die(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        _die()

    return lambda: setattr(owner, method, and_die)


def points() -> dict[str, Callable[[], None]]:
    """Where a process can be made to die, by name: what arms each."""
    from amqp import Channel
    from pymongo.client_session import ClientSession

    from shared.messaging.publisher import ConfirmedPublisher
    from shared.storage.outbox import Outbox

    return {
        "before-commit": _before(ClientSession, "commit_transaction"),
        "after-commit": _after(ClientSession, "commit_transaction"),
        "before-acknowledge": _before(Channel, "basic_ack"),
        "after-acknowledge": _after(Channel, "basic_ack"),
        "before-publish": _before(ConfirmedPublisher, "publish"),
        "after-publish": _after(ConfirmedPublisher, "publish"),
        "before-mark": _before(Outbox, "mark_sent"),
        "after-mark": _after(Outbox, "mark_sent"),
    }


#: The names of :func:`points`, for tests, which must not import what they arm.
POINTS = (
    "before-commit",
    "after-commit",
    "before-acknowledge",
    "after-acknowledge",
    "before-publish",
    "after-publish",
    "before-mark",
    "after-mark",
)


def install(point: str) -> None:
    """Have this process die at ``point``; an empty name does nothing."""
    if point:
        points()[point]()
