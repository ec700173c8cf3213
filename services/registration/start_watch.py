"""Tells operators when a program's start comes and there is no plan for it: in the log, and as a figure.

Organizers see it in the program itself; at the time of the start perhaps nobody has its page open.
"""

from datetime import datetime
from threading import Event as Flag
from typing import Any

import structlog
from nameko.extensions import DependencyProvider
from prometheus_client import Counter
from pymongo.database import Database
from pymongo.errors import PyMongoError

from services.registration import store
from services.registration.domain.progress import missing_plan
from shared.extensions.runtime import Runtime
from shared.faults import NotFound

log = structlog.get_logger()

WITHOUT_PLAN = Counter("speedmentor_starts_without_plan_total", "Programs whose start has come without a plan")

LOOK = 1.0
"""Real seconds between two looks: the query is answered from an index of nothing but programs without a plan."""


class StartWatch(DependencyProvider):
    """Watches as long as the service runs; services only declare it. Of several replicas one tells of each program."""

    runtime = Runtime()

    def setup(self) -> None:
        """Nothing runs yet."""
        self._stopping = Flag()
        self._ended = Flag()

    def start(self) -> None:
        """Begin to watch."""
        self.container.spawn_managed_thread(self._watch, identifier="start watch")

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._ended.wait(5)

    def get_dependency(self, worker_ctx: Any) -> None:
        """Nothing to hand out."""

    def _watch(self) -> None:
        work, prepared = self.runtime.unit_of_work, self.runtime.prepared
        while not self._stopping.wait(LOOK):
            if not prepared.is_set():
                continue
            try:
                tell_of_starts_without_plan(work.database, work.clock.now())
            except PyMongoError as error:
                log.warning("start-watch-waits", error=type(error).__name__, detail=str(error)[:300])
        self._ended.set()


def tell_of_starts_without_plan(database: Database[dict[str, Any]], now: datetime) -> None:
    """Tell of every program whose first start has come by ``now`` without a plan, once."""
    while (late := store.take_start_without_plan(database, now)) is not None:
        try:
            missing = missing_plan(store.program(database, late.program_id), late, now)
        except NotFound:
            continue
        if missing is None:
            continue
        WITHOUT_PLAN.inc()
        log.warning(
            "start-without-plan",
            program_id=late.program_id,
            starts_at=missing.starts_at.isoformat(),
            sites=len(missing.sites),
        )
