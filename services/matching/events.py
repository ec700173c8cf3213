"""What matching listens to. (What it publishes is decided in ``domain/revision.py``.)"""

from services.matching import history, pairs_store, store
from services.matching.domain.going_on import PairingFacts, dissolved
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
    for participant in erased:
        _end_pairs(transaction, touched[participant])
    history.forget(transaction, [cards[participant] for participant in erased if participant in cards])
    for program_id, cause in causes.items():
        store.hold_program(transaction, program_id)
        cancelled = (store.program(transaction, program_id) or {}).get("cancelled")
        if store.plan(transaction, program_id) is not None and not cancelled:
            store.ask_for_plan(transaction, program_id, cause, sites[program_id])


def _hear_program(event: Event, transaction: Transaction) -> None:
    program_id = event.data["program_id"]
    if event.name == "registration.program-published":
        store.save_program(transaction, program_id, {**event.data, "org": event.org})
    elif event.name == "registration.program-cancelled":
        store.save_program(transaction, program_id, {"cancelled": True})
        store.call_off_plan(transaction, program_id)
        pairs_store.call_off_pairing(transaction, program_id)


def _end_pairs(transaction: Transaction, erased: Card) -> None:
    program = store.program(transaction, erased.program_id) or {}
    transaction.forget_commands(program.get("org"), erased.id)
    ended = pairs_store.forget(transaction, erased)
    pairing = pairs_store.pairing(transaction, erased.program_id)
    if not ended or pairing is None or not pairing["terms"]:
        return
    method = pairing["terms"]["method"]
    facts = PairingFacts(
        program_id=erased.program_id,
        org=program["org"],
        revision=pairing["revision"],
        method=method,
        mentors=pairing["mentors"],
        mentees=pairing["mentees"],
    )
    transaction.publish(*(dissolved(facts, pair, kind) for pair in ended if (kind := pair.kind(method))))


def hear_rounds(events: list[Event], transaction: Transaction) -> None:
    """Freeze the rounds that have begun."""
    for event in events:
        if event.name == "session-timer.round-started":
            program_id, site_id, number = (event.data[name] for name in ("program_id", "site_id", "round"))
            store.round_begun(transaction, program_id, site_id, number)
            history.remember(transaction, program_id, site_id, number)
