"""What registration makes of the events it listens to: how far the programs are."""

from services.registration import store
from services.registration.domain import progress
from shared.events import Event
from shared.storage.unit_of_work import Transaction


def hear(events: list[Event], transaction: Transaction) -> None:
    """Keep what the session timer and feedback tell of programs."""
    before = store.progress_of(transaction, {event.data["program_id"] for event in events})
    after = dict(before)
    for event in events:
        program_id = event.data["program_id"]
        after[program_id] = progress.hear(after[program_id], event)
    for program_id, changed in after.items():
        if changed != before[program_id]:
            store.save_progress(transaction, changed)
