"""What organizers do with webhooks: add, look, test, send once more, rotate the secret, switch on and off, remove."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from services.integrations.domain import signing
from services.integrations.domain.addresses import Allowed, target_of
from services.integrations.domain.retrying import Reason, Standing
from services.integrations.log import storage
from services.integrations.webhooks import deliveries, endpoints
from services.integrations.webhooks.dispatching import ScopeOf
from services.integrations.webhooks.sealing import Seal
from shared.events import write_time
from shared.faults import Conflict, NotFound
from shared.ids import new_id
from shared.messages import say
from shared.storage.unit_of_work import Transaction

#: Rows of each kind that are shown of an endpoint.
SHOWN: Final = 100
TEST_TYPE: Final = "speedmentor.integrations.webhook-tested.v1"


@dataclass(frozen=True)
class Webhooks:
    """The commands for one organization. ``now`` is the real time."""

    org: str
    allowed: Allowed
    seal: Seal
    scope_of: ScopeOf
    now: datetime

    def add(self, transaction: Transaction, given: Mapping[str, Any]) -> str:
        """Make an endpoint; its events are those after the cursor ``after`` (one of the log), or from now on.

        Returns:
            Its id.

        Raises:
            Invalid: the address cannot be used.
            NotFound: there is no such integrator.
            Conflict: the integrator has too many already.
        """
        integrator = given["integrator"]
        if self.scope_of(transaction, integrator) is None:
            raise NotFound(say("There is no integrator {name}; add it first.", name=integrator))
        target_of(given["url"], self.allowed)
        if endpoints.count(transaction, integrator) >= endpoints.MOST_ENDPOINTS:
            raise Conflict(
                say(
                    "The integrator has {count} webhooks, which is the most; remove one first.",
                    count=endpoints.MOST_ENDPOINTS,
                )
            )
        endpoint_id = new_id()
        row = {
            "_id": endpoint_id,
            "integrator": integrator,
            "org": self.org,
            "url": given["url"],
            "types": given["types"],
            "programs": given["programs"],
            "secrets": self.seal.closed([signing.Secret(_fresh())]),
            "since": self.now,
            "created_at": self.now,
            "position": storage.head(transaction).position if given["after"] is None else int(given["after"]),
        }
        endpoints.insert(transaction, row)
        return endpoint_id

    def remove(self, transaction: Transaction, endpoint_id: str) -> None:
        """Forget an endpoint and all that it has still to get."""
        self._hold(transaction, endpoint_id)
        deliveries.delete_all(transaction, endpoint_id)
        endpoints.delete(transaction, endpoint_id)

    def rotate(self, transaction: Transaction, endpoint_id: str) -> None:
        """Give it a new secret; the one before signs beside it for a day."""
        endpoint = self._hold(transaction, endpoint_id)
        rotated = signing.rotated(self.seal.opened(endpoint["secrets"]), _fresh(), self.now)
        endpoints.save(transaction, endpoint_id, {"secrets": self.seal.closed(rotated)})

    def disable(self, transaction: Transaction, endpoint_id: str) -> None:
        """Send nothing more there until it is enabled."""
        endpoint = self._hold(transaction, endpoint_id)
        if endpoint["state"] == endpoints.ACTIVE:
            endpoints.save(transaction, endpoint_id, endpoints.disabled(Reason.BY_HAND, self.now))

    def enable(self, transaction: Transaction, endpoint_id: str, from_now: bool) -> None:
        """Send again: what it has not had, in order, or only what comes ``from_now`` on."""
        endpoint = self._hold(transaction, endpoint_id)
        if self.scope_of(transaction, endpoint["integrator"]) is None:
            raise Conflict(say("The integrator {name} is no more; remove the webhook.", name=endpoint["integrator"]))
        changes: dict[str, Any] = {"standing": asdict(Standing())}
        if endpoint["state"] != endpoints.ACTIVE:
            changes |= {"state": endpoints.ACTIVE, "reason": None, "since": self.now}
        if from_now:
            deliveries.delete_pending(transaction, endpoint_id)
            changes |= {"position": storage.head(transaction).position, "pending": 0, "gap": None}
        else:
            deliveries.start_anew(transaction, endpoint_id, self.now)
        endpoints.save(transaction, endpoint_id, changes)

    def test(self, transaction: Transaction, endpoint_id: str) -> str:
        """Have a test event sent once, also where the endpoint is disabled; returns the event's id."""
        self._hold(transaction, endpoint_id)
        event = {
            "specversion": "1.0",
            "id": new_id(),
            "source": "/speedmentor/integrations",
            "type": TEST_TYPE,
            "subject": endpoint_id,
            "time": write_time(self.now),
            "datacontenttype": "application/json",
            "org": self.org,
            "data": {"webhook_id": endpoint_id},
        }
        deliveries.add_test(transaction, endpoint_id, event, self.now)
        return str(event["id"])

    def redeliver(
        self, transaction: Transaction, endpoint_id: str, event_id: str | None, since: datetime | None
    ) -> int:
        """Send one event once more, or all that were given up since a time; returns how many.

        Raises:
            Conflict: the endpoint is disabled.
            NotFound: the event is not one that the endpoint was to get in the last days.
        """
        endpoint = self._hold(transaction, endpoint_id)
        if endpoint["state"] != endpoints.ACTIVE:
            raise Conflict(say("The webhook is disabled; enable it first."))
        if event_id is None:
            rows = deliveries.in_state(transaction, endpoint_id, deliveries.GIVEN_UP, SHOWN, since)
        else:
            row = deliveries.of_event(transaction, endpoint_id, event_id)
            if row is None or deliveries.is_test(row):
                raise NotFound(
                    say("This webhook was to get no such event in the last {days} days.", days=_days()),
                )
            rows = [row]
        pending, given_up = endpoint["pending"], endpoint["given_up"]
        for row in rows:
            given_up -= row["state"] == deliveries.GIVEN_UP
            pending += deliveries.put_back(transaction, row, self.now)
        standing = {"standing": asdict(Standing())} if rows else {}
        endpoints.save(transaction, endpoint_id, {"pending": pending, "given_up": given_up, **standing})
        return len(rows)

    def secret(self, endpoint: Mapping[str, Any]) -> str:
        """The newest secret of an endpoint, to be shown once."""
        return self.seal.opened(endpoint["secrets"])[0].text

    def _hold(self, transaction: Transaction, endpoint_id: str) -> dict[str, Any]:
        found = endpoints.find(transaction, endpoint_id)
        if found is None or found["org"] != self.org or (held := endpoints.hold(transaction, endpoint_id)) is None:
            raise NotFound(say("There is no such webhook."))
        return held


def forget_webhooks(transaction: Transaction, integrator: str) -> None:
    """Forget all webhooks of an integrator that is no more."""
    for row in endpoints.of_integrator(transaction, integrator):
        deliveries.delete_all(transaction, row["_id"])
        endpoints.delete(transaction, row["_id"])


def the_endpoint(reader: endpoints.Reader, org: str, endpoint_id: str) -> dict[str, Any]:
    """One endpoint of the organization.

    Raises:
        NotFound: there is none.
    """
    found = endpoints.find(reader, endpoint_id)
    if found is None or found["org"] != org:
        raise NotFound(say("There is no such webhook."))
    return found


def view(row: Mapping[str, Any], seal: Seal, now: datetime) -> dict[str, Any]:
    """An endpoint as organizers see it: without its secrets."""
    standing = endpoints.standing_of(row)
    old = [each.until for each in signing.valid(seal.opened(row["secrets"]), now) if each.until is not None]
    return {
        "webhook_id": row["_id"],
        "integrator": row["integrator"],
        "url": row["url"],
        "types": row["types"],
        "programs": row["programs"],
        "state": row["state"],
        "reason": row["reason"],
        "since": write_time(row["since"]),
        "created_at": write_time(row["created_at"]),
        "cursor": str(row["position"]),
        "pending": row["pending"],
        "given_up": row["given_up"],
        "delivered": row["delivered"],
        "delivered_at": _time(row["delivered_at"]),
        "failing_since": _time(standing.failing_since),
        "rests_until": _time(standing.rests_until),
        "old_secret_until": _time(max(old, default=None)),
        "failed": _attempt(row["failed"]),
        "test": _attempt(row["test"]),
        "gap": {
            "at": write_time(row["gap"]["at"]),
            "after": str(row["gap"]["after"]),
            "until": str(row["gap"]["until"]),
        }
        if row["gap"]
        else None,
    }


def delivery_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """One event on its way, delivered or given up."""
    is_tried = row["state"] == deliveries.READY
    return {
        "event_id": row["event"],
        "type": row["type"],
        "cursor": str(row["position"]),
        "state": "retrying" if is_tried else row["state"],
        "attempts": row["attempts"],
        "next_at": write_time(row["next_at"]) if is_tried else None,
        "last": _attempt({"event": row["event"], **row["last"]} if row["last"] else None),
    }


def _attempt(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "event_id": row["event"],
        "at": write_time(row["at"]),
        "status": row["status"],
        "failure": row["failure"],
        "seconds": row["seconds"],
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else write_time(at)


def _fresh() -> str:
    return signing.secret_from(secrets.token_bytes(signing.OUR_SECRET))


def _days() -> int:
    return deliveries.KEEP_DELIVERED.days
