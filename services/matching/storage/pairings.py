"""Rankings, and the pairs that were made of them, in matching's own database."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pymongo import ASCENDING, DeleteOne, ReplaceOne
from pymongo.database import Database

from services.matching.domain.final_pairs import FormedPair, Ranking, Terms, pair_id_of, pairing_id_of
from services.matching.domain.roster import Card
from services.matching.storage.reader import Reader
from shared.storage.unit_of_work import Transaction


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes; safe to repeat."""
    for collection, fields in (("rankings", ("program_id",)), ("pairs", ("program_id", "mentor_id", "mentee_id"))):
        for field in fields:
            database[collection].create_index([(field, ASCENDING)])
    database["rankings"].create_index([("ranks", ASCENDING)])
    database["pairings"].create_index("due", partialFilterExpression={"due": True})


# Rankings


def save_ranking(transaction: Transaction, program_id: str, role: str, ranking: Ranking) -> None:
    """Keep what a participant says, in the place of what was said before."""
    row = {"program_id": program_id, "role": role, "ranks": list(ranking.ranks), "capacity": ranking.capacity}
    transaction["rankings"].replace_one({"_id": ranking.participant_id}, row, upsert=True)


def ranking(reader: Reader, participant_id: str) -> Ranking | None:
    """What a participant has said."""
    row = reader["rankings"].find_one({"_id": participant_id})
    return None if row is None else _ranking(row)


def rankings(reader: Reader, program_id: str) -> dict[str, Ranking]:
    """What the participants of a program have said, by participant."""
    return {
        row["_id"]: _ranking(row) for row in reader["rankings"].find({"program_id": program_id}, batch_size=100_000)
    }


def _ranking(row: dict[str, Any]) -> Ranking:
    return Ranking(row["_id"], tuple(row["ranks"]), row["capacity"])


# The pairing of a program


def pairing(reader: Reader, program_id: str) -> dict[str, Any] | None:
    """A program's pairing: ``revision``, the ``terms`` it was made by, and whether one is ``due`` as ``asked``.

    ``mentors`` and ``mentees`` count who took part, and ``alone`` are those of them (ids) who are in no pair.
    """
    return reader["pairings"].find_one({"_id": program_id})


def ask_for_pairing(transaction: Transaction, program_id: str, asked: Terms) -> None:
    """Have the pairs of the program formed (anew), by whichever replica comes first."""
    transaction["pairings"].update_one(
        {"_id": program_id},
        {
            "$inc": {"requested": 1},
            "$set": {"due": True, "asked": asdict(asked), "failure": None},
            "$setOnInsert": {"revision": 0, "terms": None},
        },
        upsert=True,
    )


def due_pairings(database: Database[dict[str, Any]]) -> list[str]:
    """Programs whose pairing is asked for and not made."""
    return [row["_id"] for row in database["pairings"].find({"due": True}, {"_id": 1})]


def call_off_pairing(transaction: Transaction, program_id: str) -> None:
    """Have a pairing that is due not made; whoever makes it stops."""
    transaction["pairings"].update_one({"_id": program_id, "due": True}, {"$set": {"due": False}})


def is_asked_for(reader: Reader, program_id: str, requested: int) -> bool:
    """Whether a pairing is due, and that request for it is the latest."""
    return reader["pairings"].find_one({"_id": program_id, "due": True, "requested": requested}, {"_id": 1}) is not None


def save_pairing(transaction: Transaction, program_id: str, changes: dict[str, Any]) -> None:
    """Set fields of a pairing."""
    transaction["pairings"].update_one({"_id": program_id}, {"$set": changes})


def pairs(reader: Reader, program_id: str, query: dict[str, Any] | None = None) -> list[FormedPair]:
    """The pairs of a program by either method, or those that match ``query``, by site and mentor."""
    order = [("site_id", ASCENDING), ("mentor_id", ASCENDING), ("mentee_id", ASCENDING)]
    rows = reader["pairs"].find({"program_id": program_id, **(query or {})}, sort=order, batch_size=100_000)
    return [
        FormedPair(**{name: row[name] for name in ("mentee_id", "mentor_id", "site_id", "stable", "most_mutual")})
        for row in rows
    ]


def replace_pairs(
    transaction: Transaction, program_id: str, before: Iterable[FormedPair], after: Iterable[FormedPair]
) -> None:
    """Bring the stored pairs from ``before`` to ``after``."""
    old, new = {each.pair: each for each in before}, {each.pair: each for each in after}
    pairing_id = pairing_id_of(program_id)
    changes: list[ReplaceOne[dict[str, Any]] | DeleteOne] = [
        ReplaceOne({"_id": pair_id_of(pairing_id, pair)}, {"program_id": program_id, **asdict(each)}, upsert=True)
        for pair, each in new.items()
        if old.get(pair) != each
    ]
    changes += [DeleteOne({"_id": pair_id_of(pairing_id, pair)}) for pair in old.keys() - new.keys()]
    if changes:
        transaction["pairs"].bulk_write(changes, ordered=False)


def forget(transaction: Transaction, card: Card) -> tuple[list[FormedPair], bool]:
    """Take an erased participant out of rankings and pairs.

    A pairing under way that may name the participant is begun anew.

    Returns:
        The pairs that this ends, and whether the participant took part in the pairing that holds.
    """
    transaction["rankings"].delete_one({"_id": card.id})
    transaction["rankings"].update_many({"ranks": card.id}, {"$pull": {"ranks": card.id}})
    transaction["pairings"].update_one({"_id": card.program_id, "due": True}, {"$inc": {"requested": 1}})
    ended = pairs(transaction, card.program_id, {f"{card.role}_id": card.id})
    if ended:
        replace_pairs(transaction, card.program_id, ended, [])
    alone = {"_id": card.program_id, "alone": card.id}
    was_alone = transaction["pairings"].update_one(alone, {"$pull": {"alone": card.id}}).modified_count > 0
    return ended, bool(ended) or was_alone
