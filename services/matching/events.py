"""What matching listens to. (What it publishes is decided in ``domain/revision.py``.)"""

from services.matching import history, store
from services.matching.domain.roster import CAUSES, Card, apply, participant_of
from shared.events import Event
from shared.storage.unit_of_work import Transaction


def hear_registration(events: list[Event], transaction: Transaction) -> None:
    """Keep programs and the roster, and ask for a new plan where an announced one no longer fits."""
    about = [(event, participant_of(event)) for event in events]
    cards = store.cards_by_id(transaction, {who[0] for _, who in about if who})
    touched: dict[str, Card] = {}
    causes: dict[str, str] = {}
    sites: dict[str, set[str]] = {}
    for event, who in about:
        if who is None:
            _hear_program(event, transaction)
            continue
        participant_id, role = who
        program_id = event.data["program_id"]
        before = touched.get(participant_id) or cards.get(participant_id) or Card(participant_id, program_id, role)
        after = apply(before, event)
        touched[participant_id] = after
        if after.seating != before.seating and event.name in CAUSES:
            causes[program_id] = CAUSES[event.name]
            sites.setdefault(program_id, set()).update(card.site_id for card in (before, after) if card.site_id)
    store.save_cards(transaction, touched.values())
    erased = [participant for participant, card in touched.items() if card.erased]
    store.forget(transaction, [touched[participant] for participant in erased])
    history.forget(transaction, [cards[participant] for participant in erased if participant in cards])
    for program_id, cause in causes.items():
        cancelled = (store.program(transaction, program_id) or {}).get("cancelled")
        if store.plan(transaction, program_id) is not None and not cancelled:
            store.ask_for_plan(transaction, program_id, cause, sites[program_id])


def _hear_program(event: Event, transaction: Transaction) -> None:
    program_id = event.data["program_id"]
    if event.name == "registration.program-published":
        store.save_program(transaction, program_id, {**event.data, "org": event.org})
    elif event.name == "registration.program-cancelled":
        store.save_program(transaction, program_id, {"cancelled": True})
        store.save_plan(transaction, program_id, {"due": False})


def hear_rounds(events: list[Event], transaction: Transaction) -> None:
    """Freeze the rounds that have begun."""
    for event in events:
        if event.name == "session-timer.round-started":
            program_id, site_id, number = (event.data[name] for name in ("program_id", "site_id", "round"))
            store.round_begun(transaction, program_id, site_id, number)
            history.remember(transaction, program_id, site_id, number)
