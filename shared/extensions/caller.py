"""Who calls: the token that came with the call, checked here and not only at the door."""

from typing import Any

from nameko.extensions import DependencyProvider

from shared.extensions.runtime import Runtime
from shared.faults import Unauthenticated
from shared.messages import say
from shared.security.principal import Principal
from shared.security.tokens import verify

TOKEN = "token"  # noqa: S105 - the name of the header, not a secret


class Caller(DependencyProvider):
    """Gives a service method a function that says who calls.

    ``self.caller()`` returns the :class:`Principal` or raises :class:`Unauthenticated`.
    """

    runtime = Runtime()

    def get_dependency(self, worker_ctx: Any) -> Any:
        """The function for this call."""

        def caller() -> Principal:
            token = worker_ctx.data.get(TOKEN)
            if not token:
                raise Unauthenticated(say("this needs a log-in; log in and send the token"))
            return verify(token, self.runtime.settings.token_public_key)

        return caller
