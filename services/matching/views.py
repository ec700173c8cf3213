"""What callers see of plans and pairs."""

from collections.abc import Iterable
from typing import Any

from services.matching import pairs_store, store
from services.matching.domain.going_on import METHODS, FormedPair, counts, met, pair_id_of, pairing_id_of
from services.matching.domain.groups import Seat
from services.matching.domain.revision import joined_quality, plan_id_of
from services.matching.domain.roster import MENTEE, MENTOR
from services.matching.progress import share_done
from shared.storage.unit_of_work import Transaction


def plan_view(transaction: Transaction, program_id: str) -> dict[str, Any]:
    """The plan that holds, and how far a newer one is."""
    plan, plan_id = store.plan(transaction, program_id), plan_id_of(program_id)
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
        "begun": (store.program(transaction, program_id) or {}).get("begun", {}),
        "progress": share_done(transaction, program_id, plan["requested"]) if plan["due"] else None,
        "revision": plan["revision"],
        "requested": plan["requested"],
        "planned": plan["planned"],
        "quality": joined_quality(part["quality"] for part in plan["parts"]) if plan["parts"] else None,
        "meetings": [_shown(meeting) for meeting in store.meetings(transaction, program_id)],
        "unmet": [unmet for part in plan["parts"] for unmet in part["unmet"]],
        "changes": [change for part in plan["parts"] for change in part["changes"]],
    }


def _state_of(plan: dict[str, Any]) -> str:
    if plan["due"]:
        return "planning"
    if plan.get("called_off") == plan["requested"]:
        return "cancelled"
    return "failed" if plan.get("failure") else "planned"


def _shown(meeting: dict[str, Any]) -> dict[str, Any]:
    fields = ("round", "table", "site_id", "mentor_id", "mentee_id", "score", "because")
    return {"meeting_id": meeting["_id"], **{name: meeting[name] for name in fields}}


def own_meeting(participant_id: str, meeting: dict[str, Any]) -> dict[str, Any]:
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
    pairing = pairs_store.pairing(transaction, program_id)
    mine = {"$or": [{"mentee_id": participant_id}, {"mentor_id": participant_id}]}
    found = pairs_store.pairs(transaction, program_id, mine) if pairing and pairing["terms"] else []
    method = pairing["terms"]["method"] if pairing and pairing["terms"] else METHODS[0]
    return {
        "program_id": program_id,
        "pairing_id": pairing_id_of(program_id),
        "revision": pairing["revision"] if pairing else 0,
        "pairs": [_pair(program_id, each) for each in found if each.kind(method)],
    }


def pairing_view(transaction: Transaction, program_id: str, sites: Iterable[str]) -> dict[str, Any]:
    """The pairs of a program, or of some of its sites, by the published method and side by side."""
    here = set(sites)
    pairing = pairs_store.pairing(transaction, program_id) or {"due": False, "revision": 0, "terms": None}
    terms = pairing["terms"]
    begun = (store.program(transaction, program_id) or {}).get("begun", {})
    seats = [seat for seat in met(store.seats(transaction, program_id), begun) if not here or seat.site_id in here]
    query = {"site_id": {"$in": sorted(here)}} if here else {}
    pairs = pairs_store.pairs(transaction, program_id, query)
    method = terms["method"] if terms else METHODS[0]
    published = [each for each in pairs if each.kind(method)]
    state = "pairing" if pairing["due"] else "failed" if pairing.get("failure") else "paired" if terms else "none"
    return {
        "program_id": program_id,
        "pairing_id": pairing_id_of(program_id),
        "state": state,
        "failure": pairing.get("failure"),
        "revision": pairing["revision"],
        "terms": terms,
        "rankings": pairs_store.count_rankings(transaction, program_id),
        "counts": {each.replace("-", "_"): counts(pairs, each) for each in METHODS} if terms else None,
        "pairs": [{**_pair(program_id, each), "kind": each.kind(method)} for each in published],
        "left_over": _left_over(transaction, program_id, seats, published) if terms else None,
    }


def _left_over(
    transaction: Transaction, program_id: str, held: Iterable[Seat], pairs: Iterable[FormedPair]
) -> dict[str, list[str]]:
    """Who has met somebody, has not withdrawn since and goes on with nobody."""
    there = {person for seat in held for person in seat.pair}
    paired = {person for pair in pairs for person in pair.pair}
    left = [
        card
        for card in store.roster(transaction, program_id)
        if card.id in there - paired and card.plannable and not card.withdrawn
    ]
    return {f"{role}s": sorted(card.id for card in left if card.role == role) for role in (MENTEE, MENTOR)}


def _pair(program_id: str, pair: FormedPair) -> dict[str, Any]:
    return {
        "pair_id": pair_id_of(pairing_id_of(program_id), pair.pair),
        "mentor_id": pair.mentor_id,
        "mentee_id": pair.mentee_id,
        "site_id": pair.site_id,
    }
