"""One replica's sending: which endpoints it serves, under leases that another takes over if it dies."""

import secrets
from threading import Event as Flag
from threading import Thread
from typing import Final

import structlog
from pymongo.errors import PyMongoError

from services.integrations.log import storage
from services.integrations.webhooks import deliveries, endpoints, figures
from services.integrations.webhooks.dispatching import FINISHING, Dispatcher, Means
from shared.clock import monotonic
from shared.storage.lease import Lease, prolong

log = structlog.get_logger()

#: Real seconds between two looks for what there is to do.
LOOK: Final = 0.2
#: Seconds of a lease beyond the longest request: so that one begun in time has ended when another takes over.
LEASE_BEYOND_REQUEST: Final = 10.0


class Sender:
    """Serves the endpoints that no other replica serves; ``holder`` names this replica."""

    def __init__(self, means: Means, holder: str, lease_beyond_request: float = LEASE_BEYOND_REQUEST) -> None:
        # A process id comes again after a restart in a container; a lease must tell the two lives apart.
        self._holder = f"{holder}:{secrets.token_hex(4)}"
        self._means = means
        self._database = means.unit_of_work.database
        self._beyond = lease_beyond_request
        self._seconds = means.client.deadline + lease_beyond_request
        self._leases = self._database["leases"]
        self._serving: dict[str, Dispatcher] = {}
        #: When endpoints that another replica serves were asked for last (monotonic).
        self._asked: dict[str, float] = {}
        self._stopping = Flag()
        #: When the leases run out at the earliest, and when they are prolonged next (monotonic).
        self._held_until = 0.0
        self._prolonged_at = 0.0
        #: Set when all leases are given up.
        self.stopped = Flag()

    def run(self) -> None:
        """Serve until stopped."""
        while not self._stopping.is_set():
            try:
                self.look()
            except PyMongoError as error:
                log.warning("webhooks-wait", error=type(error).__name__, detail=str(error)[:300])
            except Exception:
                # A fault here must not end the service, which has more to do than this.
                log.exception("webhooks-error")
            self._stopping.wait(LOOK)
        self._give_up()
        self.stopped.set()

    def stop(self) -> None:
        """Begin nothing more, and leave the endpoints to other replicas."""
        self._stopping.set()
        for each in list(self._serving.values()):
            each.stop()

    def look(self) -> None:
        """Prolong the leases, take endpoints that nobody serves, and wake those for which there is something to do."""
        self._prolong()
        rows = {row["_id"]: row for row in endpoints.everything(self._database)}
        for state in (endpoints.ACTIVE, endpoints.DISABLED):
            figures.ENDPOINTS.labels(state).set(sum(row["state"] == state for row in rows.values()))
        if not rows and not self._serving:
            return
        head, due = (
            storage.head(self._database).position,
            deliveries.endpoints_with_due(self._database, self._means.now()),
        )
        for endpoint_id, row in rows.items():
            serving = self._serving.get(endpoint_id)
            needed = row["state"] == endpoints.ACTIVE or endpoint_id in due
            if serving is None:
                if needed:
                    self._take(endpoint_id)
            elif serving.revision != row["revision"] or (needed and (serving.position < head or endpoint_id in due)):
                serving.wake()
        for endpoint_id, serving in list(self._serving.items()):
            if endpoint_id not in rows or serving.stopped.is_set():
                serving.stop()
                self._serving.pop(endpoint_id)
                self._lease(endpoint_id).release()

    def _lease(self, endpoint_id: str) -> Lease:
        return Lease(self._leases, f"webhook:{endpoint_id}", self._holder, self._seconds)

    def _take(self, endpoint_id: str) -> None:
        began = monotonic()
        if began - self._asked.get(endpoint_id, -self._beyond) < self._beyond / 4:
            return
        self._asked[endpoint_id] = began
        token = self._lease(endpoint_id).acquire()
        if token is None or self._stopping.is_set():
            return
        self._asked.pop(endpoint_id)
        endpoints.take_over(self._database, endpoint_id, token)
        until = began + self._seconds
        self._held_until = min(self._held_until, until) if self._serving else until
        serving = Dispatcher(self._means, endpoint_id, token, self._is_held)
        self._serving[endpoint_id] = serving
        serving.wake()
        Thread(target=serving.run, name=f"webhooks of {endpoint_id}", daemon=True).start()

    def _prolong(self) -> None:
        if not self._serving or monotonic() - self._prolonged_at < self._beyond / 4:
            return
        began = monotonic()
        names = {f"webhook:{endpoint_id}": endpoint_id for endpoint_id in self._serving}
        kept = prolong(self._leases, list(names), self._holder, self._seconds)
        self._held_until, self._prolonged_at = began + self._seconds, began
        for name, endpoint_id in names.items():
            if name not in kept:
                log.warning("webhook-lease-lost", endpoint=endpoint_id)
                self._serving.pop(endpoint_id).stop()

    def _is_held(self) -> bool:
        """Whether a request that begins now ends before another replica can have taken over."""
        # The rest is caution: seconds are a little longer on some machines.
        return monotonic() + self._means.client.deadline + self._beyond / 4 < self._held_until

    def _give_up(self) -> None:
        for serving in self._serving.values():
            serving.stop()
        ends_at = monotonic() + 2 * FINISHING
        for endpoint_id, serving in self._serving.items():
            serving.stopped.wait(max(ends_at - monotonic(), 0))
            try:
                self._lease(endpoint_id).release()
            except PyMongoError as error:
                log.warning("webhook-lease-not-released", error=type(error).__name__)
