"""The months of the log come and go: the next one is made ahead, and what is kept no longer is dropped whole."""

from datetime import timedelta
from threading import Event as Flag
from typing import Any

import structlog
from nameko.extensions import DependencyProvider
from pymongo.errors import PyMongoError

from services.integrations.domain.months import collection_of, following, month_in, month_of, past
from services.integrations.log import storage
from shared.clock import wall_clock
from shared.extensions.runtime import Runtime
from shared.storage.lease import Lease
from shared.storage.unit_of_work import Transaction, UnitOfWork

log = structlog.get_logger()

#: Real time between two looks; a month is made that long before its first event at the least.
LOOK = timedelta(minutes=10)
#: Seconds for which one replica has this duty.
LEASE_SECONDS = 60.0


class Retention(DependencyProvider):
    """Looks after the months as long as the service runs; services only declare it. Of several replicas one does it."""

    runtime = Runtime()

    def setup(self) -> None:
        """Nothing runs yet."""
        self._stopping = Flag()
        self._ended = Flag()

    def start(self) -> None:
        """Begin to look after the months."""
        self.container.spawn_managed_thread(self._run, identifier="retention")

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._ended.wait(5)

    def get_dependency(self, worker_ctx: Any) -> None:
        """Nothing to hand out."""

    def _run(self) -> None:
        runtime = self.runtime
        while not (runtime.prepared.wait(0.5) or self._stopping.is_set()):
            pass
        lease = Lease(runtime.unit_of_work.database["leases"], "log-retention", runtime.holder, LEASE_SECONDS)
        while not self._stopping.is_set():
            try:
                if lease.acquire() is not None:
                    look_after_months(runtime.unit_of_work, runtime.settings.events_kept_months)
            except PyMongoError as error:
                log.warning("retention-waits", error=type(error).__name__, detail=str(error)[:300])
            self._stopping.wait(LOOK.total_seconds())
        self._ended.set()


def look_after_months(work: UnitOfWork, kept: int) -> None:
    """Make the collections of this month and the next, and drop those before the ``kept`` months before this one.

    The position of the last event stays what it is, also where no event is left.
    """
    database, now = work.database, wall_clock()
    for each in (month_of(now), following(month_of(now))):
        storage.index(database, collection_of(each))

    def forget(transaction: Transaction) -> None:
        head = storage.head(transaction)
        gone = past(head.months, now, kept)
        if gone:
            storage.save_months(transaction, head.months[len(gone) :], head.at)

    # Nobody looks for events in a month that the head does not name: then its collection can go, now or, after a crash,
    # at the next look.
    work.transact(forget)
    oldest = following(month_of(now), -kept)
    for name in sorted(database.list_collection_names()):
        month = month_in(name)
        if month is not None and month < oldest:
            database.drop_collection(name)
            log.info("month-dropped", month=month)
