"""The meetings of the plans that hold."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pymongo import ASCENDING, DeleteOne, ReplaceOne
from pymongo.database import Database

from services.matching.domain.groups import Seat
from services.matching.domain.leaving import ERASED
from services.matching.domain.revision import Revision, meeting_id_of
from services.matching.domain.roster import Card
from services.matching.storage import programs, roster
from services.matching.storage.reader import Reader, at_sites
from shared.storage.unit_of_work import Transaction


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes; safe to repeat."""
    database["meetings"].create_index([("program_id", ASCENDING), ("site_id", ASCENDING), ("round", ASCENDING)])
    database["meetings"].create_index([("mentee_id", ASCENDING)])
    database["meetings"].create_index([("mentor_id", ASCENDING)])


def seats(reader: Reader, program_id: str, sites: Iterable[str] | None = None) -> list[Seat]:
    """The meetings of the plan that holds, or those of it at some sites."""
    return [_seat(row) for row in reader["meetings"].find(at_sites(program_id, sites), batch_size=100_000)]


def of_program(reader: Reader, program_id: str) -> list[dict[str, Any]]:
    """The meetings of a program as they are kept, by round and table; also those of people since erased."""
    order = [("round", ASCENDING), ("site_id", ASCENDING), ("table", ASCENDING), ("_id", ASCENDING)]
    return list(reader["meetings"].find({"program_id": program_id}, sort=order, batch_size=100_000))


def of_participant(reader: Reader, participant_id: str) -> list[dict[str, Any]]:
    """One participant's meetings, by round."""
    mine = {"$or": [{"mentee_id": participant_id}, {"mentor_id": participant_id}]}
    return list(reader["meetings"].find(mine, sort=[("round", ASCENDING)]))


def seats_of(reader: Reader, participant_id: str) -> list[Seat]:
    """The same, as seats."""
    return [_seat(row) for row in of_participant(reader, participant_id)]


def erased_in_round(transaction: Transaction, program_id: str, site_id: str, number: int) -> list[Card]:
    """The erased whose ids are in meetings of a round at a site."""
    place = {"program_id": program_id, "site_id": site_id, "round": number}
    ids = [each[side] for each in transaction["meetings"].find(place) for side in ("mentee_id", "mentor_id")]
    return [card for card in roster.cards_by_id(transaction, ids).values() if card.erased]


def forget(transaction: Transaction, cards: Iterable[Card]) -> None:
    """Take the ids of erased people off the meetings that no new plan releases.

    Those are the meetings that have begun and, since a cancelled program is not planned any more, all of such a one.
    """
    for card in cards:
        of = programs.program(transaction, card.program_id) or {}
        begun, cancelled = of.get("begun", {}), of.get("cancelled", False)
        for meeting in of_participant(transaction, card.id):
            if cancelled or meeting["round"] <= begun.get(meeting["site_id"], 0):
                field = f"{card.role}_id"
                transaction["meetings"].update_one({"_id": meeting["_id"]}, {"$set": {field: ERASED}})


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
