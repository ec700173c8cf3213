"""The roster in matching's own database: a card for each participant.

A participant's relations are in documents of their own: a replica of an earlier release reads cards whole, and writes
them whole without what it does not know.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from pymongo import ASCENDING, DeleteOne, ReplaceOne
from pymongo.database import Database

from services.matching.domain.roster import MENTEE, MENTOR, Card, Relations
from services.matching.storage.reader import Reader, at_sites
from shared.storage.unit_of_work import Transaction


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes; safe to repeat."""
    database["cards"].create_index([("program_id", ASCENDING), ("site_id", ASCENDING)])
    database["cards"].create_index(
        [("program_id", ASCENDING), ("site_id", ASCENDING)],
        name="remote",
        partialFilterExpression={"data.remote": True},
    )
    database["relations"].create_index([("program_id", ASCENDING)])


def cards_by_id(transaction: Transaction, ids: Iterable[str]) -> dict[str, Card]:
    """The cards of these participants that exist."""
    found = {"_id": {"$in": list(ids)}}
    return {card.id: card for card in _cards(transaction, list(transaction["cards"].find(found)), found)}


def card(reader: Reader, participant_id: str) -> Card | None:
    """One participant."""
    found = {"_id": participant_id}
    row = reader["cards"].find_one(found)
    return None if row is None else _cards(reader, [row], found)[0]


def cards(reader: Reader, program_id: str, sites: Iterable[str] | None = None) -> list[Card]:
    """The participants of a program, or of some of its sites."""
    rows = list(reader["cards"].find(at_sites(program_id, sites), batch_size=100_000))
    query = {"program_id": program_id} if sites is None else {"_id": {"$in": [row["_id"] for row in rows]}}
    return _cards(reader, rows, query)


def known_count(reader: Reader, program_id: str, role: str) -> int:
    """How many participants of ``role`` have been heard of in full, whatever became of them."""
    return reader["cards"].count_documents(
        {"program_id": program_id, "role": role, "$or": [{"data": {"$ne": None}}, {"erased": True}]}
    )


def erased_in_program(transaction: Transaction, program_id: str) -> list[Card]:
    """The erased of a program."""
    return [_card(row, None) for row in transaction["cards"].find({"program_id": program_id, "erased": True})]


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


def lock_cards(transaction: Transaction, ids: Iterable[str]) -> None:
    """Make this transaction and one that changes the cards of these participants, an erasure say, exclude each other.

    Reading them would not do: of two transactions that write different documents both commit.
    """
    transaction["cards"].update_many({"_id": {"$in": list(ids)}}, {"$inc": {"held": 1}})


def save_cards(transaction: Transaction, cards: Iterable[Card]) -> None:
    """Store cards, new or changed, but for their relations."""
    rows = [ReplaceOne({"_id": card.id}, _row(card), upsert=True) for card in cards]
    if rows:
        transaction["cards"].bulk_write(rows, ordered=False)


def save_relations(transaction: Transaction, cards: Iterable[Card]) -> None:
    """Store the relations of these participants, new or changed, and forget those of who has none."""
    writes: list[ReplaceOne[dict[str, Any]] | DeleteOne] = [
        ReplaceOne({"_id": card.id}, {**asdict(card.relations), "program_id": card.program_id}, upsert=True)
        if card.relations is not None
        else DeleteOne({"_id": card.id})
        for card in cards
    ]
    if writes:
        transaction["relations"].bulk_write(writes, ordered=False)


def _cards(reader: Reader, rows: list[dict[str, Any]], query: dict[str, Any]) -> list[Card]:
    """The cards of ``rows`` with their relations, which ``query`` finds, and maybe some of others."""
    related = {row["_id"]: row for row in reader["relations"].find(query, batch_size=100_000)}
    return [_card(row, related.get(row["_id"])) for row in rows]


def _relations(row: dict[str, Any]) -> Relations:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    for name in ("_id", "program_id"):
        fields.pop(name)
    return Relations(**fields)


def _card(row: dict[str, Any], related: dict[str, Any] | None) -> Card:
    fields = {**row, "id": row["_id"], "wants": tuple(row["wants"]), "avoids": tuple(row["avoids"])}
    fields["presence"] = tuple((ordinal, first) for ordinal, first in row["presence"])
    for name in ("_id", "held"):
        fields.pop(name, None)
    return Card(**fields, relations=None if related is None else _relations(related))


def _row(card: Card) -> dict[str, Any]:
    row = asdict(card)
    row["_id"] = row.pop("id")
    del row["relations"]
    return row
