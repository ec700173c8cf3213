"""The planning and the pairing job as a nameko extension: they run as long as the service does.

Each has a thread of its own, so that no plan of an event under way waits until pairs are formed after another one.
"""

import os
import secrets
import time
from functools import partial
from threading import Event as Flag
from typing import Any

import structlog
from nameko.extensions import DependencyProvider
from pymongo.errors import PyMongoError

from services.matching.jobs.pairing_job import PairingJob
from services.matching.jobs.plan_job import PlanJob
from services.matching.solver.parent import Stopped
from services.matching.solver.pool import Pool
from shared.extensions.runtime import Runtime
from shared.messaging.connection import backoff

log = structlog.get_logger()

#: Seconds between two looks for what is due: the queries are answered from an index of nothing but those.
LOOK_SECONDS = 0.05
#: Planning processes of one replica; all but one are there only while a large event is planned.
PROCESSES = min(4, len(os.sched_getaffinity(0)))


class Jobs(DependencyProvider):
    """Makes the plans and the pairings that are due; services only declare it."""

    runtime = Runtime()

    def setup(self) -> None:
        """Nothing runs yet."""
        self._stopping = False
        self._ended: list[Flag] = []
        self._pool = Pool(PROCESSES)

    def start(self) -> None:
        """Begin the jobs."""
        # A process id comes again after a restart in a container; a lease must tell the two lives apart.
        holder = f"{self.runtime.holder}:{secrets.token_hex(4)}"
        self.container.spawn_managed_thread(self._pool.start, identifier="warming up")
        for name, job in (("planning", PlanJob), ("pairing", PairingJob)):
            made = job(self.runtime.unit_of_work, self._pool, holder)
            ended = Flag()
            self._ended.append(ended)
            self.container.spawn_managed_thread(partial(self._work, made, ended), identifier=name)

    def stop(self) -> None:
        """End the jobs: a plan in hand is given up and stays due, for another replica or the next start."""
        self._stopping = True
        self._pool.refuse()
        for ended in self._ended:
            ended.wait(10)
        self._pool.stop()

    def get_dependency(self, worker_ctx: Any) -> None:
        """Nothing to hand out."""

    def _work(self, job: PlanJob | PairingJob, ended: Flag) -> None:
        pauses = iter(backoff())
        while not self._stopping:
            try:
                job.work()
                pauses = iter(backoff())
                time.sleep(LOOK_SECONDS)
            except Stopped:
                log.info("planning-stopped")
                break
            except PyMongoError as error:
                log.warning("planning-waits", error=type(error).__name__, detail=str(error)[:300])
                time.sleep(next(pauses))
            except Exception:
                if self._stopping:
                    break
                log.exception("planning-error")
                time.sleep(next(pauses))
        ended.set()
