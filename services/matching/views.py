"""What callers see of plans and pairs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from services.matching.domain.final_pairs import METHODS, FormedPair, counts, met, pair_id_of, pairing_id_of
from services.matching.domain.leaving import ERASED
from services.matching.domain.revision import joined_quality, plan_id_of
from services.matching.domain.roster import MENTEE, MENTOR, Card
from services.matching.domain.why_no_meeting import reason_for
from services.matching.storage import meetings, pairings, plans, programs, roster
from services.matching.storage.progress import share_done
from shared.storage.unit_of_work import Transaction

_NO_PAIRING: Mapping[str, Any] = {"due": False, "revision": 0, "terms": None}


def plan_view(transaction: Transaction, program_id: str) -> dict[str, Any]:
    """The plan that holds, and how far a newer one is."""
    plan, plan_id = plans.plan(transaction, program_id), plan_id_of(program_id)
    view: dict[str, Any] = {"program_id": program_id, "plan_id": plan_id}
    if plan is None:
        return view | {
            "state": "none",
            "begun": {},
            "progress": None,
            "revision": 0,
            "requested": 0,
            "planned": 0,
            "quality": None,
            "meetings": [],
            "unmet": [],
            "changes": [],
        }
    state = _state_of(plan)
    return view | {
        "state": state,
        "failure": plan.get("failure"),
        "begun": (programs.program(transaction, program_id) or {}).get("begun", {}),
        "progress": share_done(transaction, program_id, plan["requested"]) if plan["due"] else None,
        "revision": plan["revision"],
        "requested": plan["requested"],
        "planned": plan["planned"],
        "quality": joined_quality(part["quality"] for part in plan["parts"]) if plan["parts"] else None,
        "meetings": [_shown(meeting) for meeting in meetings.of_program(transaction, program_id)],
        "unmet": [unmet for part in plan["parts"] for unmet in part["unmet"]],
        "changes": plan.get("changes", []),
    }


def _state_of(plan: Mapping[str, Any]) -> str:
    if plan["due"]:
        return "planning"
    if plan.get("called_off") == plan["requested"]:
        return "cancelled"
    return "failed" if plan.get("failure") else "planned"


def _shown(meeting: dict[str, Any]) -> dict[str, Any]:
    fields = ("round", "table", "site_id", "mentor_id", "mentee_id", "score", "because")
    return {"meeting_id": meeting["_id"], **{name: meeting[name] for name in fields}}


def agenda_view(card: Card, plan: Mapping[str, Any] | None, meetings: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Whom a participant meets, without what the meetings are worth to the plan; or why there are none.

    ``reason`` is None where there are meetings, or nothing is decided yet.
    """
    own = [_own_meeting(card.id, meeting) for meeting in meetings]
    revision = plan["revision"] if plan else 0
    planned = [unmet for part in (plan or {}).get("parts", ()) for unmet in part["unmet"] if unmet["mentee"] == card.id]
    why = next((message["msgid"] for unmet in planned for message in unmet.get("messages", ())), "")
    is_decided = revision > 0 or card.withdrawn
    return {
        "participant_id": card.id,
        "program_id": card.program_id,
        "plan_id": plan_id_of(card.program_id),
        "revision": revision,
        "state": _state_of(plan) if plan else "none",
        "meetings": own,
        "reason": reason_for(card, why).to_document() if is_decided and not own else None,
    }


def _own_meeting(participant_id: str, meeting: dict[str, Any]) -> dict[str, Any]:
    """A meeting as one of its two sees it."""
    is_mentor = meeting["mentor_id"] == participant_id
    return {
        "meeting_id": meeting["_id"],
        "round": meeting["round"],
        "table": meeting["table"],
        "site_id": meeting["site_id"],
        "role_of_other": MENTEE if is_mentor else MENTOR,
        "other_id": meeting["mentee_id"] if is_mentor else meeting["mentor_id"],
    }


def own_pairs(transaction: Transaction, program_id: str, participant_id: str) -> dict[str, Any]:
    """With whom a participant goes on. Not of what kind the pair is: that would tell how the other one ranked."""
    pairing = pairings.pairing(transaction, program_id) or _NO_PAIRING
    mine = {"$or": [{"mentee_id": participant_id}, {"mentor_id": participant_id}]}
    found = pairings.pairs(transaction, program_id, mine)
    method = pairing["terms"]["method"] if pairing["terms"] else METHODS[0]
    return {
        "program_id": program_id,
        "pairing_id": pairing_id_of(program_id),
        "state": _state_of_pairing(pairing),
        "revision": pairing["revision"],
        "pairs": [_pair(program_id, each) for each in found if each.kind(method)],
    }


def pairing_view(transaction: Transaction, program_id: str, sites: Iterable[str]) -> dict[str, Any]:
    """The pairs of a program, or of some of its sites, by the published method and side by side.

    A pair is the mentor's site's; who ranks and who is left over is told of the participants' own sites.
    """
    here = set(sites)
    pairing = pairings.pairing(transaction, program_id) or _NO_PAIRING
    terms = pairing["terms"]
    cards = roster.cards(transaction, program_id, here or None)
    everywhere = pairings.pairs(transaction, program_id)
    pairs = [each for each in everywhere if not here or each.site_id in here]
    method = terms["method"] if terms else METHODS[0]
    published = [each for each in pairs if each.kind(method)]
    paired = {person for each in everywhere if each.kind(method) for person in each.pair}
    return {
        "program_id": program_id,
        "pairing_id": pairing_id_of(program_id),
        "state": _state_of_pairing(pairing),
        "failure": pairing.get("failure"),
        "revision": pairing["revision"],
        "terms": terms,
        "rankings": _rankings(transaction, program_id, cards),
        "counts": {each.replace("-", "_"): counts(pairs, each) for each in METHODS} if terms else None,
        "pairs": [{**_pair(program_id, each), "kind": each.kind(method)} for each in published],
        "left_over": _left_over(transaction, program_id, cards, paired) if terms else None,
    }


def _state_of_pairing(pairing: Mapping[str, Any]) -> str:
    if pairing["due"]:
        return "pairing"
    if pairing.get("failure"):
        return "failed"
    return "paired" if pairing["terms"] else "none"


def _rankings(transaction: Transaction, program_id: str, cards: Iterable[Card]) -> dict[str, int]:
    """How many of the participants have said whom they would go on with, by role."""
    ranked = pairings.rankings(transaction, program_id)
    counted = Counter(card.role for card in cards if card.id in ranked)
    return {role: counted[role] for role in (MENTOR, MENTEE)}


def _left_over(
    transaction: Transaction, program_id: str, cards: Iterable[Card], paired: set[str]
) -> dict[str, list[str]]:
    """Who has met somebody, has not withdrawn since and goes on with nobody."""
    begun = (programs.program(transaction, program_id) or {}).get("begun", {})
    there = {person for seat in met(meetings.seats(transaction, program_id), begun) for person in seat.pair}
    left = [card for card in cards if card.id in there - paired and card.plannable and not card.withdrawn]
    return {f"{role}s": sorted(card.id for card in left if card.role == role) for role in (MENTEE, MENTOR)}


def _pair(program_id: str, pair: FormedPair) -> dict[str, Any]:
    return {
        "pair_id": pair_id_of(pairing_id_of(program_id), pair.pair),
        "mentor_id": pair.mentor_id,
        "mentee_id": pair.mentee_id,
        "site_id": pair.site_id,
    }


def ledger_view(transaction: Transaction, program: Mapping[str, Any]) -> dict[str, Any]:
    """What is held of a program, to compare with other services; of the erased nothing but that there was somebody."""
    program_id = program["_id"]
    plan, pairing = plans.plan(transaction, program_id), pairings.pairing(transaction, program_id)
    everybody, planned = roster.cards(transaction, program_id), meetings.of_program(transaction, program_id)
    cards = [card for card in everybody if card.plannable]
    # Until a new plan releases them, meetings ahead have these ids here and nowhere else.
    names = {card.id: ERASED for card in everybody if card.erased}
    terms = (pairing or {}).get("terms")

    def told(meeting: Mapping[str, Any]) -> str:
        mentor, mentee = (names.get(meeting[side], meeting[side]) for side in ("mentor_id", "mentee_id"))
        return f"{meeting['round']}/{meeting['table']}/{mentor}/{mentee}"

    return {
        "programs": {program_id: "cancelled" if program.get("cancelled") else "published"},
        "participants": {card.id: f"{card.role}/{card.site_id}/{card.status}" for card in cards},
        "checked-in": sorted(card.id for card in cards if card.checked_in),
        "plans": {plan_id_of(program_id): plan["revision"]} if plan else {},
        "pairings": {pairing["_id"]: pairing["revision"]} if pairing else {},
        "meetings": {each["_id"]: told(each) for each in planned},
        "meeting-sites": {each["_id"]: each["site_id"] for each in planned},
        "pairs": {
            pair_id_of(pairing_id_of(program_id), each.pair): f"{each.mentor_id}/{each.mentee_id}"
            for each in (pairings.pairs(transaction, program_id) if terms else ())
            if terms and each.kind(terms["method"]) is not None
        },
    }
