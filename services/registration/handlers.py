"""What registration makes of the events it listens to: how far the programs are."""

from services.registration import store
from services.registration.domain import progress
from services.registration.domain.program import State
from services.registration.events import program_finished
from shared.events import Event
from shared.faults import NotFound
from shared.storage.unit_of_work import Transaction


def hear(events: list[Event], transaction: Transaction) -> None:
    """Keep what the session timer and feedback tell of programs, and tell of those that are over everywhere."""
    before = store.progress_of(transaction, {event.data["program_id"] for event in events})
    after = dict(before)
    for event in events:
        program_id = event.data["program_id"]
        known = after[program_id]
        after[program_id] = progress.hear(known, event)
        _tell_if_finished(transaction, known, after[program_id], event)
    for program_id, changed in after.items():
        if changed != before[program_id]:
            store.save_progress(transaction, changed)


def _tell_if_finished(
    transaction: Transaction, before: progress.Progress, after: progress.Progress, event: Event
) -> None:
    if event.name != "session-timer.session-finished" or before == after:
        return
    try:
        program = store.program(transaction, after.program_id)
    except NotFound:
        return
    # The sessions of a program that is called off end too.
    over = program.state is State.PUBLISHED and progress.is_held(program, after)
    if over and not progress.is_held(program, before):
        transaction.publish(program_finished(program), cause=event)
