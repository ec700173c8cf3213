"""What the integrations service makes of the events it listens to."""

from services.integrations.log.writing import write
from services.integrations.snapshot.keeping import keep
from shared.events import Event
from shared.storage.unit_of_work import Transaction


def hear(events: list[Event], transaction: Transaction) -> None:
    """Keep every event as it was published, and for snapshots those that still matter."""
    keep(transaction, write(transaction, events))
