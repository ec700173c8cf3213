"""Accounts as a nameko extension: a service method settles an integrator at once, a duty looks after all of them."""

import secrets
from threading import Event as Flag
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from nameko.extensions import DependencyProvider
from pymongo.errors import PyMongoError

from services.integrations.accounts.broker_account import user_of
from services.integrations.accounts.management_api import ManagementApi
from services.integrations.accounts.reconciling import Reconciler
from shared.extensions.runtime import Runtime
from shared.faults import Conflict, Fault
from shared.messages import say
from shared.storage.lease import Lease

log = structlog.get_logger()

#: Seconds between two looks at all of them: so late an old secret may end.
LOOK_SECONDS = 10.0
#: Seconds for which the duty is left to a replica that has it and does not prolong it.
LEASE_SECONDS = 60.0


class BrokerAccounts:
    """The way to the broker's accounts; ``reconciler`` is None where no management API is named."""

    def __init__(self, reconciler: Reconciler | None, integrators_uri: str, vhost: str) -> None:
        self._reconciler = reconciler
        self._base = integrators_uri
        self._vhost = vhost

    def settle(self, name: str) -> None:
        """Make the broker as the integrator's document wants it, now; raises as :meth:`Reconciler.settle`."""
        self.require()
        if self._reconciler is not None:
            self._reconciler.settle([name])

    def require_free(self, name: str) -> None:
        """Raise :class:`Conflict` where the broker has a user of this name that is not ours."""
        self.require()
        if self._reconciler is not None and self._reconciler.foreign_users([user_of(name, 1)]):
            raise Conflict(
                say(
                    "The broker has a user called {user} already, which is not ours; choose another name.",
                    user=user_of(name, 1),
                )
            )

    def require(self) -> None:
        """Raise :class:`Conflict` where accounts cannot be made."""
        if self._reconciler is None:
            raise Conflict(
                say(
                    "This deployment names no management API of its broker, so accounts cannot be made; set "
                    "BROKER_ADMIN_URI for the integrations service."
                )
            )

    def uri(self, user: str, password: str) -> str:
        """Where an integrator connects to."""
        parts = urlsplit(self._base)
        return f"{parts.scheme}://{user}:{password}@{parts.netloc.rpartition('@')[2]}/{self._vhost}"


class Accounts(DependencyProvider):
    """Gives a service method the :class:`BrokerAccounts`, and keeps the broker as the documents want it."""

    runtime = Runtime()

    def setup(self) -> None:
        """Nothing runs yet."""
        self._stopping = Flag()
        self._ended = Flag()

    def start(self) -> None:
        """Begin to look after all accounts, at once and then from time to time."""
        settings = self.runtime.settings
        vhost = urlsplit(settings.amqp_uri).path.removeprefix("/")
        reconciler = None
        if settings.broker_admin_uri is not None:
            api = ManagementApi(settings.broker_admin_uri, unquote(vhost))
            reconciler = Reconciler(self.runtime.unit_of_work.database, api)
            # A process id comes again after a restart in a container; a lease must tell the two lives apart.
            holder = f"{self.runtime.holder}:{secrets.token_hex(4)}"
            lease = Lease(self.runtime.unit_of_work.database["leases"], "integrators", holder, LEASE_SECONDS)
            self.container.spawn_managed_thread(lambda: self._look_after(reconciler, lease), identifier="integrators")
        else:
            self._ended.set()
        self._accounts = BrokerAccounts(reconciler, settings.integrators_uri or settings.amqp_uri, vhost)

    def stop(self) -> None:
        """End after the look at hand."""
        self._stopping.set()
        self._ended.wait(5)

    def get_dependency(self, worker_ctx: Any) -> BrokerAccounts:
        """The way to the broker's accounts."""
        return self._accounts

    def _look_after(self, reconciler: Reconciler, lease: Lease) -> None:
        while not self._stopping.is_set():
            try:
                if self.runtime.prepared.is_set() and lease.acquire() is not None:
                    reconciler.settle()
            except (Fault, PyMongoError) as error:
                # It is looked at again; until then everything stays as it is.
                log.warning("integrators-wait", error=str(error)[:300], cause=str(error.__cause__)[:300])
            except Exception:
                log.exception("integrators-error")
            self._stopping.wait(LOOK_SECONDS if self.runtime.prepared.is_set() else 0.1)
        self._ended.set()
