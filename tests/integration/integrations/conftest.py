"""Integrators on the real broker, without the service's process: documents, and what makes the broker so."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from amqp import Connection
from kombu import Connection as KombuConnection

from deploy.local import Infrastructure
from services.integrations import store
from services.integrations.accounts import storage
from services.integrations.accounts.broker_account import user_of
from services.integrations.accounts.management_api import ManagementApi
from services.integrations.accounts.reconciling import Reconciler
from services.integrations.accounts.secrets import Secret, new_secret
from shared.messaging.topology import ACCOUNTS_ADMIN, declare
from shared.storage.unit_of_work import UnitOfWork


@dataclass
class Integrator:
    """One as it was made, with its secret."""

    name: str
    secret: Secret


@dataclass
class Office:
    """Where integrators are made: the database of the service, and the broker."""

    work: UnitOfWork
    infrastructure: Infrastructure
    vhost: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def api(self) -> ManagementApi:
        """The broker's management API, by the account that the service has."""
        return ManagementApi(self.infrastructure.broker.management_uri(ACCOUNTS_ADMIN), self.vhost)

    def reconciler(self, api: ManagementApi | None = None) -> Reconciler:
        """What makes the broker so, at the time :attr:`now`."""
        return Reconciler(self.work.database, api or self.api(), lambda: self.now)

    def write(
        self, *types: str, programs: list[str] | None = None, stream: bool = False, name: str | None = None
    ) -> Integrator:
        """Write the document of an integrator, and nothing else."""
        made = Integrator(name or f"i-{uuid.uuid4().hex[:12]}", new_secret())
        row = storage.new_row(made.name, "acme", types, programs, stream, "test", self.now)
        self.work.transact(
            lambda transaction: storage.insert(
                transaction, storage.with_secret(row, made.secret, uuid.uuid4().hex, None, self.now)
            )
        )
        return made

    def add(self, *types: str, **more: Any) -> Integrator:
        """Make an integrator."""
        made = self.write(*types, **more)
        self.reconciler().settle([made.name])
        return made

    def rotate(self, name: str, keep_until: datetime | None) -> Integrator:
        """Write new secrets into the document."""
        made = Integrator(name, new_secret())
        row = storage.find(self.work.database, name)
        assert row is not None
        self.work.transact(
            lambda transaction: storage.replace(
                transaction, storage.with_secret(row, made.secret, uuid.uuid4().hex, keep_until, self.now)
            )
        )
        return made

    def remove(self, name: str) -> None:
        """Drop the document."""
        self.work.transact(lambda transaction: storage.remove(transaction, name))

    def connect(self, integrator: Integrator, number: int = 1) -> Connection:
        """The broker, as the integrator."""
        return self.as_user(user_of(integrator.name, number), integrator.secret.password)

    def as_user(self, user: str, password: str) -> Connection:
        """The broker, as a user."""
        connection = Connection(
            f"127.0.0.1:{self.infrastructure.state.ports['amqp']}", user, password, virtual_host=self.vhost
        )
        connection.connect()
        return connection

    def as_launcher(self) -> Connection:
        """The broker, as who may do everything."""
        return self.as_user("launcher", self.infrastructure.secrets.password("launcher"))

    def of(self, name: str) -> dict[tuple[str, ...], Any]:
        """Whatever the broker has that is this integrator's."""
        reconciler = self.reconciler()
        return {key: row for key, row in self.api().rows().items() if reconciler._owner(key[0], row) == name}


@pytest.fixture(scope="module")
def office(
    infrastructure: Infrastructure, vhost: str, amqp_uri: Callable[..., str], mongo_uri: Callable[..., str]
) -> Iterator[Office]:
    """An empty virtual host with the product's topology, and an empty database."""
    from shared.clock import SystemClock
    from shared.storage.mongo import connect, own_database

    with KombuConnection(amqp_uri()) as connection:
        declare(connection)
    with connect(mongo_uri(), "test") as client:
        work = UnitOfWork(own_database(client), SystemClock())
        work.prepare()
        store.prepare(work.database)
        found = Office(work, infrastructure, vhost)
        yield found
        for row in storage.all_of(work.database):
            found.remove(row["_id"])
        found.reconciler().settle()
