"""Who calls: the token that came with the call, checked here and not only at the door."""

from typing import Any

from nameko.extensions import DependencyProvider

from shared.events import Event
from shared.extensions.consumer import Consumption
from shared.extensions.runtime import Runtime
from shared.faults import Forbidden, Unauthenticated
from shared.messages import say
from shared.messaging.topology import LOG_INS, subscription, subscriptions_of
from shared.security.principal import INTEGRATOR, Principal
from shared.security.tokens import LogIn, ended, read_log_in
from shared.storage import ended_log_ins

TOKEN = "token"  # noqa: S105 - the name of the header, not a secret


class CallersToken:
    """The token of one call, checked when it is asked about first."""

    def __init__(self, token: str | None, runtime: Runtime, integrators: bool) -> None:
        self._token = token
        self._runtime = runtime
        self._integrators = integrators
        self._log_in: LogIn | None = None

    def __call__(self) -> Principal:
        """Who calls; raises as :meth:`log_in`."""
        return self.log_in().principal

    def log_in(self) -> LogIn:
        """The log-in that the call was made with.

        Raises:
            Unauthenticated: there is no token, none that holds, or its log-in has been ended.
            Forbidden: it is an integrator's, and this service is not for those.
        """
        if self._log_in is None:
            if not self._token:
                raise Unauthenticated(say("this needs a log-in; log in and send the token"))
            found = read_log_in(self._token, self._runtime.settings.token_public_key)
            # Asked each time: another replica may have heard of the end a moment ago.
            if ended_log_ins.is_ended(self._runtime.unit_of_work.database, found.ended_by):
                raise ended()
            if found.principal.role == INTEGRATOR and not self._integrators:
                raise Forbidden(say("an integrator reads events and nothing else; log in as an organizer for this"))
            self._log_in = found
        return self._log_in


class Caller(DependencyProvider):
    """Gives a service method a function that says who calls.

    ``self.caller()`` returns the :class:`Principal` or raises :class:`Unauthenticated`. Which log-ins have been ended
    is looked up in the service's own database; where the service has a subscription for it, its events are written
    down there. Only where ``integrators`` is true do those get any further.
    """

    runtime = Runtime()

    def __init__(self, *, integrators: bool = False) -> None:
        super().__init__()
        self._integrators = integrators
        self._consumptions: list[Consumption] = []

    def setup(self) -> None:
        """Have the place made where ended log-ins are written down."""
        self.runtime.prepare_with(ended_log_ins.prepare)

    def start(self) -> None:
        """Begin to hear which log-ins have ended."""
        places = [each for each in subscriptions_of(self.container.service_name) if each.purpose == LOG_INS]
        self._consumptions = [Consumption(self.runtime, self.container, each, self._hear) for each in places]
        for each in self._consumptions:
            each.start()

    def stop(self) -> None:
        """Finish what is being written down."""
        for each in self._consumptions:
            each.stop()

    def _hear(self, events: list[Event]) -> int:
        queue = subscription(self.container.service_name, LOG_INS).queue
        return self.runtime.unit_of_work.consume(queue, events, ended_log_ins.hear)

    def get_dependency(self, worker_ctx: Any) -> CallersToken:
        """The function for this call."""
        return CallersToken(worker_ctx.data.get(TOKEN), self.runtime, self._integrators)
