"""What one running service has once: settings, database, unit of work and relay."""

import os
import socket
from collections.abc import Callable
from threading import Event as Flag
from typing import Any

import structlog
from nameko.extensions import SharedExtension
from pymongo.errors import PyMongoError

from shared.config import Settings
from shared.messaging.broker_state import BROKER
from shared.messaging.broker_watch import BrokerWatch
from shared.messaging.connection import backoff
from shared.messaging.publisher_pool import PublisherPool
from shared.messaging.relay import LEASE_SECONDS, Relay
from shared.observability.metrics import OUTBOX_PENDING
from shared.storage.lease import Lease
from shared.storage.mongo import connect, own_database
from shared.storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

#: Key of the :class:`~shared.config.Settings` in nameko's configuration.
SETTINGS = "settings"


class Runtime(SharedExtension):
    """Shared by all extensions of one container."""

    settings: Settings
    unit_of_work: UnitOfWork
    relay: Relay
    watch: BrokerWatch
    answers: PublisherPool

    def __init__(self) -> None:
        super().__init__()
        self._preparations: list[Callable[[Any], None]] = []
        self._stopping = Flag()
        #: Set when the database has answered and the collections are as the service wants them.
        self.prepared = Flag()
        #: Name -> whether that part works now; ``/health/ready`` asks all of them.
        self.checks: dict[str, Callable[[], bool]] = {}

    @property
    def holder(self) -> str:
        """This replica's name in leases and in the broker's list of connections."""
        return f"{self.settings.service}@{socket.gethostname()}:{os.getpid()}"

    def prepare_with(self, preparation: Callable[[Any], None]) -> None:
        """Have ``preparation(database)`` run before the service starts; it creates indexes and is repeatable."""
        self._preparations.append(preparation)

    def setup(self) -> None:
        """Connect; nothing is read or written yet."""
        self.settings = self.container.config[SETTINGS]
        # By its own name, so that others can tell what it had in hand if it dies.
        self.client = connect(self.settings.mongo_uri, self.holder)
        database = own_database(self.client)
        self.unit_of_work = UnitOfWork(database, self.settings.clock, committed=self._ring)
        lease = Lease(database["leases"], "outbox-relay", self.holder, LEASE_SECONDS)
        self.relay = Relay(self.unit_of_work.outbox, lease, self.settings.amqp_uri, f"{self.holder} relay")
        self.watch = BrokerWatch(self.settings.amqp_uri, f"{self.holder} watch")
        self.answers = PublisherPool(self.settings.amqp_uri, f"{self.holder} answers")
        self.checks["broker"] = BROKER.check
        self.checks["database"] = self._database_answers
        self.checks["relay"] = lambda: self.relay.connected

    def start(self) -> None:
        """Watch the broker, prepare the collections (waiting for the database if need be) and begin to relay."""
        self.container.spawn_managed_thread(self.watch.run, identifier="broker-watch")
        self._prepare()
        if self._stopping.is_set():
            return
        self.prepared.set()
        self.container.spawn_managed_thread(self.relay.run, identifier="relay")
        self.container.spawn_managed_thread(self.relay.lead, identifier="relay-lease")
        self.container.spawn_managed_thread(self.relay.watch, identifier="relay-watch")

    def stop(self) -> None:
        """Stop relaying; what is not published stays in the outbox."""
        self._stopping.set()
        self.relay.stop()
        if self.prepared.is_set():
            self.relay.released.wait(5)
        self.watch.stop()
        self.answers.close()
        self.client.close()

    def measure(self) -> bool:
        """Bring the figures up to date that are asked for rather than counted; true when done."""
        OUTBOX_PENDING.set(self.unit_of_work.outbox.count_pending())
        return True

    def _ring(self) -> None:
        self.relay.wake()

    def _prepare(self) -> None:
        for pause in backoff():
            if self._stopping.is_set():
                return
            try:
                self.unit_of_work.prepare()
                for preparation in self._preparations:
                    preparation(self.unit_of_work.database)
                return
            except PyMongoError as error:
                log.warning("database-not-ready", error=type(error).__name__, detail=str(error)[:300], retry_in=pause)
                self._stopping.wait(pause)

    def _database_answers(self) -> bool:
        return bool(self.client.admin.command("ping")["ok"])
