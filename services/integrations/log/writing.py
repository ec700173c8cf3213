"""Writing the log: as part of the transaction that takes a batch of events in."""

from typing import Any

from services.integrations.domain.erasing import PARTICIPANT_ERASED, people_in
from services.integrations.domain.months import entered
from services.integrations.domain.withholding import without_withheld
from services.integrations.log import storage
from shared.clock import wall_clock
from shared.events import Event
from shared.storage.unit_of_work import Transaction


def write(transaction: Transaction, events: list[Event]) -> list[tuple[Event, dict[str, Any]]]:
    """Append ``events`` in their order, and carry out the erasures that they tell of.

    What comes of somebody erased before, late or put back by hand, is treated as if it had been here then.

    Returns:
        The events that are kept, each with its row.
    """
    # First, so that of two writers one sees what the other has written, the erasures too.
    before = storage.advance(transaction, len(events))
    # The clocks of replicas differ a little; who looks for a time must find the times of the log in order.
    at = max(filter(None, (wall_clock(), before.at)))
    months = entered(before.months, at, before.position + 1)
    storage.save_months(transaction, months, at)
    rows = [_row(event, position, at) for position, event in enumerate(events, start=before.position + 1)]
    told = {event.subject for event in events if event.name == PARTICIPANT_ERASED}
    if told:
        storage.erase(transaction, months, told)
    gone = told | storage.erased_among(transaction, {each for row in rows for each in row["people"]})
    left = [storage.erased_row(row, gone) if gone else row for row in rows]
    kept = [(event, row) for event, row in zip(events, left, strict=True) if row is not None]
    if kept:
        transaction[months[-1].collection].insert_many([row for _, row in kept])
    return kept


def _row(event: Event, position: int, at: Any) -> dict[str, Any]:
    body, data = without_withheld(event.type, event.body, event.data)
    return {
        "_id": position,
        "at": at,
        "type": event.name,
        "program": event.program,
        "org": event.org,
        "people": sorted(people_in(event.subject, data)),
        "body": body,
    }
