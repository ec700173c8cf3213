"""Calls of other services from within a service: in the name of whoever called it."""

from typing import Any

from nameko.extensions import DependencyProvider

from shared.extensions.caller import TOKEN
from shared.extensions.rpc_client import LimitedReplyListener, Services
from shared.extensions.runtime import Runtime
from shared.extensions.work import trace_of


class Calls(DependencyProvider):
    """Gives a service method its :class:`~shared.extensions.rpc_client.Services`, with the token and trace of its call.

    Whoever asks another service this way waits for it, and so does the caller: keep ``timeout`` (real seconds) well
    below that of the calls from outside, and have an answer ready for the case that none comes.
    """

    runtime = Runtime()
    replies = LimitedReplyListener()

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout

    def get_dependency(self, worker_ctx: Any) -> Services:
        """The way to the other services for this call."""
        data = worker_ctx.data
        return Services(self.runtime.answers, self.replies, trace_of(data), data.get(TOKEN), self._timeout)
