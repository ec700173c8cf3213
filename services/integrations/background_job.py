"""A job as a nameko extension: it runs as long as the service does, from when the database is prepared."""

import secrets
from collections.abc import Callable
from threading import Event as Flag
from typing import Any, Protocol

from nameko.extensions import DependencyProvider
from pymongo.database import Database

from shared.extensions.runtime import Runtime


class Job(Protocol):
    """Works until stopped; what it has not done stays due, for another replica or the next start."""

    def run(self) -> None:
        """Work until stopped."""

    def stop(self) -> None:
        """Have :meth:`run` end soon."""


class BackgroundJob(DependencyProvider):
    """Runs what ``make(database, amqp_uri, holder)`` gives; services only declare it. Of several replicas one works.

    ``identifier`` names its thread, and ``holder`` this replica in the job's lease.
    """

    runtime = Runtime()

    def __init__(self, make: Callable[[Database[dict[str, Any]], str, str], Job], identifier: str) -> None:
        super().__init__()
        self._make = make
        self._identifier = identifier

    def setup(self) -> None:
        """Nothing runs yet."""
        self._stopping = Flag()
        self._ended = Flag()
        self._job: Job | None = None

    def start(self) -> None:
        """Begin."""
        self.container.spawn_managed_thread(self._run, identifier=self._identifier)

    def stop(self) -> None:
        """End: what is not done stays due, for another replica or the next start."""
        self._stopping.set()
        if self._job is not None:
            self._job.stop()
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
            self._job = self._make(runtime.unit_of_work.database, runtime.settings.amqp_uri, holder)
            self._job.run()
        self._ended.set()
