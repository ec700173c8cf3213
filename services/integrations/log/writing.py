"""Writing the log: as part of the transaction that takes a batch of events in."""

from typing import Any

from services.integrations.domain.erasing import people_in
from services.integrations.domain.months import entered
from services.integrations.log import storage
from shared.clock import wall_clock
from shared.events import Event
from shared.storage.unit_of_work import Transaction


def write(transaction: Transaction, events: list[Event]) -> list[dict[str, Any]]:
    """Append ``events`` in their order; returns their rows."""
    before = storage.advance(transaction, len(events))
    # The clocks of replicas differ a little; who looks for a time must find the times of the log in order.
    at = max(filter(None, (wall_clock(), before.at)))
    months = entered(before.months, at, before.position + 1)
    storage.save_months(transaction, months, at)
    rows = [_row(event, position, at) for position, event in enumerate(events, start=before.position + 1)]
    transaction[months[-1].collection].insert_many(rows)
    return rows


def _row(event: Event, position: int, at: Any) -> dict[str, Any]:
    return {
        "_id": position,
        "at": at,
        "type": event.name,
        "program": event.program,
        "org": event.org,
        "people": sorted(people_in(event.subject, event.data)),
        "body": event.body,
    }
