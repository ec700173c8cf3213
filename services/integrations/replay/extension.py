"""The job that replays as a nameko extension: it runs as long as the service does."""

import secrets
from threading import Event as Flag
from typing import Any

from nameko.extensions import DependencyProvider

from services.integrations.replay.job import Replayer
from shared.extensions.runtime import Runtime


class Replays(DependencyProvider):
    """Replays what is asked for; services only declare it. Of several replicas one does it."""

    runtime = Runtime()

    def setup(self) -> None:
        """Nothing runs yet."""
        self._stopping = Flag()
        self._ended = Flag()
        self._replayer: Replayer | None = None

    def start(self) -> None:
        """Begin to look for replays."""
        self.container.spawn_managed_thread(self._run, identifier="replays")

    def stop(self) -> None:
        """End: what is not sent stays due, for another replica or the next start."""
        self._stopping.set()
        if self._replayer is not None:
            self._replayer.stop()
        self._ended.wait(5)

    def get_dependency(self, worker_ctx: Any) -> None:
        """Nothing to hand out."""

    def _run(self) -> None:
        runtime = self.runtime
        while not (runtime.prepared.wait(0.5) or self._stopping.is_set()):
            pass
        if not self._stopping.is_set():
            # A process id comes again after a restart in a container; a lease must tell the two lives apart.
            holder = f"{runtime.holder}:{secrets.token_hex(4)}"
            self._replayer = Replayer(runtime.unit_of_work.database, runtime.settings.amqp_uri, holder)
            self._replayer.run()
        self._ended.set()
