"""What matching listens to. (What it publishes is decided in ``domain/revision.py``.)"""

from collections import Counter
from collections.abc import Mapping

from services.matching.domain.final_pairs import FormedPair, PairingFacts, events_of_erasure
from services.matching.domain.roster import CAUSES, MENTEE, MENTOR, Card, apply, participant_of
from services.matching.domain.rounds_begun import Timetable, begun_now, timetable_in
from services.matching.storage import history, meetings, pairings, plans, programs, roster
from shared.events import Event
from shared.storage.unit_of_work import Transaction


def hear_registration(events: list[Event], transaction: Transaction) -> None:
    """Keep programs and the roster, and ask for a new plan where an announced one no longer fits."""
    about = [(event, participant_of(event)) for event in events]
    cards = roster.cards_by_id(transaction, {who[0] for _, who in about if who})
    touched: dict[str, Card] = {}
    causes: dict[str, str] = {}
    sites: dict[str, set[str]] = {}
    gone: set[history.Person] = set()
    for event, who in about:
        if who is None:
            _hear_program(event, transaction)
            continue
        participant_id, role = who
        program_id = event.data["program_id"]
        before = touched.get(participant_id) or cards.get(participant_id) or Card(participant_id, program_id, role)
        after = apply(before, event)
        touched[participant_id] = after
        if after.erased:
            # Who that was is known from before or, where a registration comes only after the erasure, from that.
            known = {before.person_id, event.data.get("person_id")}
            gone |= {history.Person(event.org, role, person_id) for person_id in known if person_id}
        if after.seating != before.seating and event.name in CAUSES:
            causes[program_id] = CAUSES[event.name]
            sites.setdefault(program_id, set()).update(card.site_id for card in (before, after) if card.site_id)
    roster.save_cards(transaction, touched.values())
    earlier = {card.id: card.relations for card in cards.values()}
    roster.save_relations(transaction, [card for card in touched.values() if card.relations != earlier.get(card.id)])
    _forget(transaction, [card for card in touched.values() if card.erased])
    history.forget(transaction, gone)
    for program_id, cause in causes.items():
        programs.lock_program(transaction, program_id)
        cancelled = (programs.program(transaction, program_id) or {}).get("cancelled")
        if sites[program_id] and plans.plan(transaction, program_id) is not None and not cancelled:
            plans.ask_for_plan(transaction, program_id, cause, sites[program_id])


def _hear_program(event: Event, transaction: Transaction) -> None:
    program_id = event.data["program_id"]
    if event.name == "registration.program-published":
        programs.save_program(transaction, program_id, {**event.data, "org": event.org})
    elif event.name == "registration.program-cancelled":
        programs.save_program(transaction, program_id, {"cancelled": True})
        plans.call_off_plan(transaction, program_id)
        # No plan comes any more that would release the meetings of those who were erased since the last one.
        meetings.forget(transaction, roster.erased_in_program(transaction, program_id))
        pairings.call_off_pairing(transaction, program_id)


def _forget(transaction: Transaction, erased: list[Card]) -> None:
    """Forget people in their programs."""
    meetings.forget(transaction, erased)
    by_program: dict[str, list[Card]] = {}
    for card in erased:
        by_program.setdefault(card.program_id, []).append(card)
    for program_id, cards in by_program.items():
        plans.forget_in_plan(transaction, program_id, {card.id for card in cards})
        _end_pairs(transaction, program_id, cards)


def _end_pairs(transaction: Transaction, program_id: str, erased: list[Card]) -> None:
    """End the pairs of the erased of one program, and publish what is left of the pairing that holds."""
    program = programs.program(transaction, program_id) or {}
    ended: list[FormedPair] = []
    gone: Counter[str] = Counter()
    for card in erased:
        transaction.forget_commands(program.get("org"), card.id)
        pairs, took_part = pairings.forget(transaction, card)
        ended += pairs
        gone[card.role] += took_part
    pairing = pairings.pairing(transaction, program_id)
    if pairing is None or not pairing["terms"] or not gone.total():
        return
    facts = PairingFacts(
        program_id=program_id,
        org=program["org"],
        revision=pairing["revision"] + 1,
        method=pairing["terms"]["method"],
        mentors=pairing["mentors"] - gone[MENTOR],
        mentees=pairing["mentees"] - gone[MENTEE],
    )
    transaction.publish(*events_of_erasure(facts, ended, pairings.pairs(transaction, program_id)))
    figures = {"revision": facts.revision, "mentors": facts.mentors, "mentees": facts.mentees}
    pairings.save_pairing(transaction, program_id, figures)


def hear_rounds(events: list[Event], transaction: Transaction) -> None:
    """Freeze the rounds that have begun, and keep when the others will."""
    timetables: dict[str, dict[str, Timetable]] = {}
    for event in events:
        if "timetable" in event.data:
            told = timetables.setdefault(event.data["program_id"], {})
            timetable, site_id = timetable_in(event), event.data["site_id"]
            if site_id not in told or told[site_id]["revision"] < timetable["revision"]:
                told[site_id] = timetable
        if event.name == "session-timer.round-started":
            program_id, site_id, number = (event.data[name] for name in ("program_id", "site_id", "round"))
            programs.round_begun(transaction, program_id, site_id, number)
            # A meeting is history now: no new plan takes out of it who was erased since it was planned.
            meetings.forget(transaction, meetings.erased_in_round(transaction, program_id, site_id, number))
            history.remember(transaction, program_id, site_id, number)
    for program_id, told in timetables.items():
        _hear_timetables(transaction, program_id, told)


def _hear_timetables(transaction: Transaction, program_id: str, told: Mapping[str, Timetable]) -> None:
    program = programs.program(transaction, program_id) or {}
    known = program.get("timetables", {})
    revisions = {site: each["revision"] for site, each in known.items()}
    newer = {site: each for site, each in told.items() if each["revision"] > revisions.get(site, 0)}
    programs.save_timetables(transaction, program_id, newer)
    before, after = (
        begun_now(transaction.now, {**program, "timetables": each}) for each in (known, {**known, **newer})
    )
    # What was not planned because its time had come by a timetable that did not hold any more.
    open_again = {site for site in newer if after.get(site, 0) < before.get(site, 0)}
    if open_again and plans.plan(transaction, program_id) is not None and not program.get("cancelled"):
        plans.ask_for_plan(transaction, program_id, "timetable", open_again)
