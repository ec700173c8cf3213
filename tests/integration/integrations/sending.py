"""A sender of webhooks over a log on the real database, with a clock that can be set on by days."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

from services.integrations.domain.addresses import Allowed
from services.integrations.domain.scope import Scope
from services.integrations.webhooks import deliveries, endpoints
from services.integrations.webhooks.commands import Webhooks
from services.integrations.webhooks.dispatching import Means
from services.integrations.webhooks.requesting import Client
from services.integrations.webhooks.sealing import Seal
from services.integrations.webhooks.sender import Sender
from shared.clock import wall_clock
from shared.events import Event
from shared.storage.unit_of_work import UnitOfWork
from tests.integration.integrations.published import an_event, take_in

#: The receivers of the tests are on this machine, which the operator has to allow.
ALLOWED = Allowed.parse("127.0.0.0/8")
KEY = b"a key of the tests"


@dataclass
class Sending:
    """What a test gives orders to. ``deadline`` is that of a request, in real seconds."""

    work: UnitOfWork
    deadline: float = 2.0
    beyond: float = 2.0
    scopes: dict[str, Scope] = field(default_factory=lambda: {"bi": Scope(org="acme")})
    ahead: timedelta = timedelta()
    key: bytes = KEY

    def now(self) -> datetime:
        """The time by which webhooks go here."""
        return wall_clock() + self.ahead

    def later(self, **by: float) -> None:
        """Set the clock on."""
        self.ahead += timedelta(**by)

    def sender(self, name: str = "one") -> Sender:
        """A replica, not yet running."""
        client = Client(ALLOWED, self.deadline, now=self.now)
        scope_of = lambda _reader, integrator: self.scopes.get(integrator)  # noqa: E731
        return Sender(Means(self.work, client, Seal(self.key), scope_of, self.now, lambda: 0.5), name, self.beyond)

    @contextmanager
    def running(self, name: str = "one") -> Iterator[Sender]:
        """A replica at work."""
        sender = self.sender(name)
        thread = Thread(target=sender.run)
        thread.start()
        try:
            yield sender
        finally:
            sender.stop()
            thread.join()

    def commands(self) -> Webhooks:
        """The commands as an organizer has them."""
        return Webhooks("acme", ALLOWED, Seal(self.key), lambda _reader, name: self.scopes.get(name), self.now())

    def do(self, name: str, *arguments: Any) -> Any:
        """Carry out a command."""
        return self.work.transact(lambda transaction: getattr(self.commands(), name)(transaction, *arguments))

    def add(self, url: str, **more: Any) -> str:
        """An endpoint that gets all that comes from now on."""
        given = {"integrator": "bi", "url": url, "types": [], "programs": None, "after": None, **more}
        return str(self.do("add", given))

    def secret(self, endpoint_id: str) -> str:
        """The newest secret."""
        return self.commands().secret(self.endpoint(endpoint_id))

    def endpoint(self, endpoint_id: str) -> dict[str, Any]:
        """The row."""
        found = endpoints.find(self.work.database, endpoint_id)
        assert found is not None
        return found

    def rows(self, endpoint_id: str, state: str) -> list[dict[str, Any]]:
        """Deliveries in a state."""
        return deliveries.in_state(self.work.database, endpoint_id, state, 1000)

    def publish(self, *events: Event) -> list[str]:
        """Have events in the log; returns their ids."""
        take_in(self.work, *events)
        return [event.id for event in events]

    def is_idle(self, endpoint_id: str) -> bool:
        """Whether it has had all that there is."""
        row = self.endpoint(endpoint_id)
        return bool(row["pending"] == 0 and row["position"] == self._head())

    def _head(self) -> int:
        row = self.work.database["heads"].find_one({"_id": "log"})
        return int(row["position"]) if row else 0


def of(subject: str, ordinal: int = 1, **more: Any) -> Event:
    """The event so many of a mentee."""
    return an_event("registration.participant-checked-in", ordinal, participant_id=subject, **more)
