"""Matching's own database: programs, the roster, plans and their meetings."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict
from typing import Any

from pymongo import ASCENDING, DeleteOne, ReplaceOne, ReturnDocument
from pymongo.database import Database

from services.matching import history, pairs_store
from services.matching.domain.begun import Timetable
from services.matching.domain.groups import Seat
from services.matching.domain.leaving import ERASED
from services.matching.domain.revision import Revision, meeting_id_of
from services.matching.domain.roster import MENTEE, MENTOR, Card
from shared.messages import Message
from shared.storage.unit_of_work import Transaction

Reader = Database[dict[str, Any]] | Transaction


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes; safe to repeat."""
    database["cards"].create_index([("program_id", ASCENDING), ("site_id", ASCENDING)])
    database["cards"].create_index(
        [("program_id", ASCENDING), ("site_id", ASCENDING)],
        name="remote",
        partialFilterExpression={"data.remote": True},
    )
    database["meetings"].create_index([("program_id", ASCENDING), ("site_id", ASCENDING), ("round", ASCENDING)])
    database["meetings"].create_index([("mentee_id", ASCENDING)])
    database["meetings"].create_index([("mentor_id", ASCENDING)])
    history.prepare(database)
    pairs_store.prepare(database)
    database["plans"].create_index("due", partialFilterExpression={"due": True})


# Programs


def program(reader: Reader, program_id: str) -> dict[str, Any] | None:
    """What is known of a program: the published data, ``org``, and the ``timetables`` and rounds ``begun`` by site."""
    return reader["programs"].find_one({"_id": program_id})


def save_program(transaction: Transaction, program_id: str, changes: dict[str, Any]) -> None:
    """Set fields of a program, which need not exist yet."""
    transaction["programs"].update_one({"_id": program_id}, {"$set": changes}, upsert=True)


def round_begun(transaction: Transaction, program_id: str, site_id: str, number: int) -> None:
    """Record that a site has begun a round: its meetings are no longer moved."""
    transaction["programs"].update_one({"_id": program_id}, {"$max": {f"begun.{site_id}": number}}, upsert=True)


def save_timetables(transaction: Transaction, program_id: str, timetables: Mapping[str, Timetable]) -> None:
    """Keep the timetables of these sites of a program."""
    if timetables:
        save_program(transaction, program_id, {f"timetables.{site}": each for site, each in timetables.items()})


def hold_program(transaction: Transaction, program_id: str) -> None:
    """Make this transaction and one in which a round begins, or the program is cancelled, exclude each other."""
    transaction["programs"].update_one({"_id": program_id}, {"$inc": {"held": 1}})


# Roster


def cards_by_id(transaction: Transaction, ids: Iterable[str]) -> dict[str, Card]:
    """The cards of these participants that exist."""
    return {card.id: card for card in map(_card, transaction["cards"].find({"_id": {"$in": list(ids)}}))}


def card(reader: Reader, participant_id: str) -> Card | None:
    """One participant."""
    row = reader["cards"].find_one({"_id": participant_id})
    return None if row is None else _card(row)


def roster(reader: Reader, program_id: str, sites: Iterable[str] | None = None) -> list[Card]:
    """The participants of a program, or of some of its sites."""
    return [_card(row) for row in reader["cards"].find(_at(program_id, sites), batch_size=100_000)]


def known_count(reader: Reader, program_id: str, role: str) -> int:
    """How many participants of ``role`` have been heard of in full, whatever became of them."""
    return reader["cards"].count_documents(
        {"program_id": program_id, "role": role, "$or": [{"data": {"$ne": None}}, {"erased": True}]}
    )


def remote_sites(reader: Reader, program_id: str, begun: Mapping[str, int]) -> set[str]:
    """The sites to plan together, and to pair together, since people of one can meet those of another.

    They can if a remote mentor and a remote mentee who both are still coming are at different ones. Sites whose people
    have met each other stay together whoever withdraws: apart, each of them would know a half of these meetings.
    """
    query = {"program_id": program_id, "data.remote": True}
    people = list(reader["cards"].find(query, {"role": 1, "site_id": 1, "withdrawn": 1}, batch_size=100_000))
    coming = [row for row in people if not row["withdrawn"]]
    mentors, mentees = ({row["site_id"] for row in coming if row["role"] == role} for role in (MENTOR, MENTEE))
    able = mentors | mentees if mentors and mentees and len(mentors | mentees) > 1 else set()
    return able | _sites_met_across(reader, program_id, begun, {row["_id"]: row["site_id"] for row in people})


def _sites_met_across(
    reader: Reader, program_id: str, begun: Mapping[str, int], site_of: Mapping[str, str]
) -> set[str]:
    """The sites of the meetings begun of people at another site; ``site_of`` are those who can have met so.

    A meeting is at the mentor's site, so that it is the mentee who may be elsewhere.
    """
    if not begun:
        return set()
    query = {"program_id": program_id, "mentee_id": {"$in": list(site_of)}}
    rows = reader["meetings"].find(query, {"mentee_id": 1, "site_id": 1, "round": 1}, batch_size=100_000)
    met = [(row["site_id"], site_of[row["mentee_id"]]) for row in rows if row["round"] <= begun.get(row["site_id"], 0)]
    return {site for here, there in met if here != there for site in (here, there)}


def _at(program_id: str, sites: Iterable[str] | None) -> dict[str, Any]:
    return {"program_id": program_id} if sites is None else {"program_id": program_id, "site_id": {"$in": list(sites)}}


def hold_cards(transaction: Transaction, ids: Iterable[str]) -> None:
    """Make this transaction and one that changes the cards of these participants, an erasure say, exclude each other.

    Reading them would not do: of two transactions that write different documents both commit.
    """
    transaction["cards"].update_many({"_id": {"$in": list(ids)}}, {"$inc": {"held": 1}})


def save_cards(transaction: Transaction, cards: Iterable[Card]) -> None:
    """Store cards, new or changed."""
    rows = [ReplaceOne({"_id": card.id}, _row(card), upsert=True) for card in cards]
    if rows:
        transaction["cards"].bulk_write(rows, ordered=False)


def _card(row: dict[str, Any]) -> Card:
    fields = {**row, "id": row["_id"], "wants": tuple(row["wants"]), "avoids": tuple(row["avoids"])}
    fields["presence"] = tuple((ordinal, first) for ordinal, first in row["presence"])
    for name in ("_id", "held"):
        fields.pop(name, None)
    return Card(**fields)


def _row(card: Card) -> dict[str, Any]:
    row = asdict(card)
    row["_id"] = row.pop("id")
    return row


# Plans


def plan(reader: Reader, program_id: str) -> dict[str, Any] | None:
    """The plan of a program: ``revision``, its ``parts`` (sites, quality, unmet), ``requested`` and ``planned``."""
    return reader["plans"].find_one({"_id": program_id})


def ask_for_plan(transaction: Transaction, program_id: str, cause: str, sites: Iterable[str]) -> None:
    """Have ``sites`` of the program planned (again), by whichever replica comes first."""
    sites = sorted(sites)
    plan = transaction["plans"].find_one_and_update(
        {"_id": program_id},
        {
            "$inc": {"requested": 1, "named": 1},
            "$set": {"due": True, "cause": cause, "failure": None},
            "$addToSet": {"touched": {"$each": sites}},
            "$setOnInsert": {"revision": 0, "planned": 0, "parts": []},
        },
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    # By which request: a plan that is being made meanwhile may still hold for the other sites.
    if sites:
        save_plan(transaction, program_id, {f"asked.{site}": plan["requested"] for site in sites})


def asked_since(plan: Mapping[str, Any], request: int) -> set[str]:
    """The sites that have been asked for after that request."""
    return {site for site, number in plan.get("asked", {}).items() if number > request}


def unnamed_requests(plan: Mapping[str, Any]) -> int:
    """How many requests did not say by number which sites they are about: those of a release before this one."""
    number: int = plan["requested"] - plan.get("named", 0)
    return number


def due_plans(database: Database[dict[str, Any]]) -> list[str]:
    """Programs whose plan is asked for and not made."""
    return [row["_id"] for row in database["plans"].find({"due": True}, {"_id": 1})]


def call_off_plan(transaction: Transaction, program_id: str) -> bool:
    """Have a plan that is due not made; whoever makes it stops. Whether one was due."""
    due = transaction["plans"].find_one({"_id": program_id, "due": True}, {"requested": 1})
    if due is None:
        return False
    save_plan(transaction, program_id, {"due": False, "called_off": due["requested"]})
    return True


def requests_of(database: Database[dict[str, Any]], program_id: str) -> dict[str, Any]:
    """What has become of the requests for a plan: which are ``called_off``, and which sites were ``asked`` for last."""
    return database["plans"].find_one({"_id": program_id}, {"called_off": 1, "asked": 1}) or {}


def save_plan(transaction: Transaction, program_id: str, changes: dict[str, Any]) -> None:
    """Set fields of a plan."""
    transaction["plans"].update_one({"_id": program_id}, {"$set": changes})


def seats(reader: Reader, program_id: str, sites: Iterable[str] | None = None) -> list[Seat]:
    """The meetings of the plan that holds, or those of it at some sites."""
    return [_seat(row) for row in reader["meetings"].find(_at(program_id, sites), batch_size=100_000)]


def meetings(reader: Reader, program_id: str) -> list[dict[str, Any]]:
    """The meetings of a program as they are kept, by round and table; also those of people since erased."""
    order = [("round", ASCENDING), ("site_id", ASCENDING), ("table", ASCENDING), ("_id", ASCENDING)]
    return list(reader["meetings"].find({"program_id": program_id}, sort=order, batch_size=100_000))


def meetings_of(reader: Reader, participant_id: str) -> list[dict[str, Any]]:
    """One participant's meetings, by round."""
    mine = {"$or": [{"mentee_id": participant_id}, {"mentor_id": participant_id}]}
    return list(reader["meetings"].find(mine, sort=[("round", ASCENDING)]))


def seats_of(reader: Reader, participant_id: str) -> list[Seat]:
    """The same, as seats."""
    return [_seat(row) for row in meetings_of(reader, participant_id)]


def erased_in_round(transaction: Transaction, program_id: str, site_id: str, number: int) -> list[Card]:
    """The erased whose ids are in meetings of a round at a site."""
    place = {"program_id": program_id, "site_id": site_id, "round": number}
    ids = [each[side] for each in transaction["meetings"].find(place) for side in ("mentee_id", "mentor_id")]
    return [card for card in cards_by_id(transaction, ids).values() if card.erased]


def erased_in_program(transaction: Transaction, program_id: str) -> list[Card]:
    """The erased of a program."""
    return [_card(row) for row in transaction["cards"].find({"program_id": program_id, "erased": True})]


def forget(transaction: Transaction, cards: Iterable[Card]) -> None:
    """Take the ids of erased people off the meetings that no new plan releases.

    Those are the meetings that have begun and, since a cancelled program is not planned any more, all of such a one.
    """
    for card in cards:
        of = program(transaction, card.program_id) or {}
        begun, cancelled = of.get("begun", {}), of.get("cancelled", False)
        for meeting in meetings_of(transaction, card.id):
            if cancelled or meeting["round"] <= begun.get(meeting["site_id"], 0):
                field = f"{card.role}_id"
                transaction["meetings"].update_one({"_id": meeting["_id"]}, {"$set": {field: ERASED}})


def forget_in_plan(transaction: Transaction, program_id: str, erased: Set[str]) -> None:
    """Take the ids of erased people out of what is told of the plan that holds.

    It may be told for good: a plan that changes nothing leaves it, and where plans are called off there is none.
    """
    held = plan(transaction, program_id)
    if held is None:
        return
    before = {"changes": held.get("changes", []), "parts": held["parts"]}
    after = {
        "changes": [change_without(each, erased) for each in before["changes"]],
        "parts": [part_without(each, erased) for each in before["parts"]],
    }
    if after != before:
        save_plan(transaction, program_id, after)


def change_without(change: Mapping[str, Any], erased: Set[str]) -> dict[str, Any]:
    """A change of a plan that names nobody of ``erased``, neither who meets nor in the reason why."""
    why = Message.from_document(change["message"])
    why = Message(why.msgid, {name: ERASED if value in erased else value for name, value in why.params.items()})
    sides = {side: ERASED for side in ("mentee", "mentor") if change[side] in erased}
    return {**change, **sides, "why": str(why), "message": why.to_document()}


def part_without(part: Mapping[str, Any], erased: Set[str]) -> dict[str, Any]:
    """What is known of a group's plan with nobody of ``erased`` among the unmet, whose reasons name no one else."""
    return {**part, "unmet": [each for each in part["unmet"] if each["mentee"] not in erased]}


def save_revision(transaction: Transaction, program_id: str, plan_id: str, revision: Revision) -> None:
    """Bring the stored meetings to the new plan."""
    written = [*revision.added, *(after for _, after in revision.moved)]
    changes: list[ReplaceOne[dict[str, Any]] | DeleteOne] = [
        ReplaceOne(
            {"_id": meeting_id_of(plan_id, seat.pair)},
            {"program_id": program_id, "plan_id": plan_id, **asdict(seat)},
            upsert=True,
        )
        for seat in written
    ]
    changes += [DeleteOne({"_id": meeting_id_of(plan_id, seat.pair)}) for seat in revision.removed]
    if changes:
        transaction["meetings"].bulk_write(changes, ordered=False)


def _seat(row: dict[str, Any]) -> Seat:
    return Seat(
        mentee_id=row["mentee_id"],
        mentor_id=row["mentor_id"],
        round=row["round"],
        table=row["table"],
        site_id=row["site_id"],
        score=row["score"],
        because=row["because"],
    )
