"""Matching's own database: programs, the roster, plans and their meetings."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pymongo import ASCENDING, DeleteOne, ReplaceOne
from pymongo.database import Database

from services.matching.domain.groups import Seat
from services.matching.domain.revision import Revision, meeting_id_of
from services.matching.domain.roster import Card
from shared.storage.unit_of_work import Transaction

Reader = Database[dict[str, Any]] | Transaction


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes; safe to repeat."""
    database["cards"].create_index("program_id")
    database["meetings"].create_index([("program_id", ASCENDING), ("round", ASCENDING)])
    database["meetings"].create_index([("mentee_id", ASCENDING)])
    database["meetings"].create_index([("mentor_id", ASCENDING)])
    database["plans"].create_index("due", partialFilterExpression={"due": True})


# Programs


def program(reader: Reader, program_id: str) -> dict[str, Any] | None:
    """What is known of a program: the published data, ``org``, and the rounds ``begun`` by site."""
    return reader["programs"].find_one({"_id": program_id})


def save_program(transaction: Transaction, program_id: str, changes: dict[str, Any]) -> None:
    """Set fields of a program, which need not exist yet."""
    transaction["programs"].update_one({"_id": program_id}, {"$set": changes}, upsert=True)


def round_begun(transaction: Transaction, program_id: str, site_id: str, number: int) -> None:
    """Record that a site has begun a round: its meetings are no longer moved."""
    transaction["programs"].update_one({"_id": program_id}, {"$max": {f"begun.{site_id}": number}}, upsert=True)


# Roster


def cards_by_id(transaction: Transaction, ids: Iterable[str]) -> dict[str, Card]:
    """The cards of these participants that exist."""
    return {card.id: card for card in map(_card, transaction["cards"].find({"_id": {"$in": list(ids)}}))}


def roster(reader: Reader, program_id: str) -> list[Card]:
    """All participants of a program."""
    return [_card(row) for row in reader["cards"].find({"program_id": program_id})]


def save_cards(transaction: Transaction, cards: Iterable[Card]) -> None:
    """Store cards, new or changed."""
    rows = [ReplaceOne({"_id": card.id}, _row(card), upsert=True) for card in cards]
    if rows:
        transaction["cards"].bulk_write(rows, ordered=False)


def _card(row: dict[str, Any]) -> Card:
    fields = {**row, "id": row["_id"], "wants": tuple(row["wants"]), "avoids": tuple(row["avoids"])}
    del fields["_id"]
    return Card(**fields)


def _row(card: Card) -> dict[str, Any]:
    row = asdict(card)
    row["_id"] = row.pop("id")
    return row


# Plans


def plan(reader: Reader, program_id: str) -> dict[str, Any] | None:
    """The plan of a program: ``revision``, ``quality``, ``unmet``, and the counters ``requested`` and ``planned``."""
    return reader["plans"].find_one({"_id": program_id})


def ask_for_plan(transaction: Transaction, program_id: str, cause: str) -> None:
    """Have the program planned (again), by whichever replica comes first."""
    transaction["plans"].update_one(
        {"_id": program_id},
        {
            "$inc": {"requested": 1},
            "$set": {"due": True, "cause": cause, "failure": None},
            "$setOnInsert": {"revision": 0, "planned": 0},
        },
        upsert=True,
    )


def due_plans(database: Database[dict[str, Any]]) -> list[str]:
    """Programs whose plan is asked for and not made."""
    return [row["_id"] for row in database["plans"].find({"due": True}, {"_id": 1})]


def save_plan(transaction: Transaction, program_id: str, changes: dict[str, Any]) -> None:
    """Set fields of a plan."""
    transaction["plans"].update_one({"_id": program_id}, {"$set": changes})


def seats(reader: Reader, program_id: str) -> list[Seat]:
    """The meetings of the plan that holds."""
    return [_seat(row) for row in reader["meetings"].find({"program_id": program_id})]


def meetings_of(reader: Reader, participant_id: str) -> list[dict[str, Any]]:
    """One participant's meetings, by round."""
    mine = {"$or": [{"mentee_id": participant_id}, {"mentor_id": participant_id}]}
    return list(reader["meetings"].find(mine, sort=[("round", ASCENDING)]))


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
