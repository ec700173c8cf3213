"""The ringer as a nameko extension: it runs as long as the service does."""

import secrets
from typing import Any

from nameko.extensions import DependencyProvider

from services.session_timer.ringing.ringer import Ringer
from shared.extensions.runtime import Runtime
from shared.steady_clock import SteadyClock


class Ringing(DependencyProvider):
    """Rings the bells of the shards that this replica holds; services only declare it."""

    runtime = Runtime()

    def start(self) -> None:
        """Begin to ring."""
        # A process id comes again after a restart in a container; a lease must tell the two lives apart.
        holder = f"{self.runtime.holder}:{secrets.token_hex(4)}"
        settings = self.runtime.settings
        if not isinstance(settings.clock, SteadyClock):
            raise TypeError("the session timer rings by a SteadyClock only; start it with `run(…, clock=SteadyClock)`")
        self._ringer = Ringer(self.runtime.unit_of_work, settings.clock, settings.amqp_uri, holder)
        self.runtime.checks["bells"] = lambda: self._ringer.works
        for thread in self._ringer.threads():
            self.container.spawn_managed_thread(thread, identifier=f"ringer {thread.__name__}")

    def stop(self) -> None:
        """Stop ringing; another replica goes on at once."""
        self._ringer.stop()
        self._ringer.ended.wait(5)

    def get_dependency(self, worker_ctx: Any) -> None:
        """Nothing to hand out."""
