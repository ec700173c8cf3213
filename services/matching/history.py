"""Who has met whom in an organization, across its programs, so that a program can ask for new pairs only.

People are told by the opaque id that registration gives the same person in every program.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pymongo import ASCENDING, UpdateOne
from pymongo.database import Database
from pymongo.errors import OperationFailure

from services.matching.domain.roster import MENTEE, MENTOR, Card
from shared.storage.unit_of_work import Transaction

#: The database's code for an index that is not there.
_INDEX_NOT_FOUND = 27


class Person(NamedTuple):
    """Somebody in a role, as known in all programs of an organization."""

    org: str | None
    role: str
    person_id: str


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes; safe to repeat."""
    database["history"].create_index([("org", ASCENDING), (MENTOR, ASCENDING)])
    database["history"].create_index([("org", ASCENDING), (MENTEE, ASCENDING)])
    _drop_index(database, [(MENTEE, ASCENDING)])


def _drop_index(database: Database[dict[str, Any]], keys: list[tuple[str, int]]) -> None:
    """Drop an index that older databases have. Another replica may be at it too, so it is not looked for first."""
    try:
        database["history"].drop_index(keys)
    except OperationFailure as failure:
        if failure.code != _INDEX_NOT_FOUND:
            raise


def remember(transaction: Transaction, program_id: str, site_id: str, number: int) -> None:
    """Note the pairs that meet in a round of a program at a site. Doing it again changes nothing."""
    program = transaction["programs"].find_one({"_id": program_id}) or {}
    place = {"program_id": program_id, "site_id": site_id, "round": number}
    pairs = [(each["mentee_id"], each["mentor_id"]) for each in transaction["meetings"].find(place)]
    ids = [person for pair in pairs for person in pair]
    rows = transaction["cards"].find({"_id": {"$in": ids}}, {"data.person_id": 1})
    persons = {row["_id"]: (row.get("data") or {}).get("person_id") for row in rows}
    writes = [
        UpdateOne(
            {"_id": f"{program.get('org')}|{persons[mentor]}|{persons[mentee]}"},
            {
                "$addToSet": {"programs": program_id},
                "$setOnInsert": {"org": program.get("org"), MENTOR: persons[mentor], MENTEE: persons[mentee]},
            },
            upsert=True,
        )
        for mentee, mentor in pairs
        if persons.get(mentee) and persons.get(mentor)
    ]
    if writes:
        transaction["history"].bulk_write(writes, ordered=False)


def met_before(
    transaction: Transaction, program: Mapping[str, Any], cards: Iterable[Card]
) -> Iterable[tuple[str, str]]:
    """The pairs (mentee, mentor) of ``cards`` that have met in another program of the organization."""
    by_person = {(card.role, card.person_id): card.id for card in cards if card.person_id}
    mentors = [person for role, person in by_person if role == MENTOR]
    earlier = {"org": program["org"], MENTOR: {"$in": mentors}, "programs": {"$elemMatch": {"$ne": program["_id"]}}}
    for row in transaction["history"].find(earlier, batch_size=100_000):
        mentee = by_person.get((MENTEE, row[MENTEE]))
        if mentee is not None:
            yield mentee, by_person[MENTOR, row[MENTOR]]


def forget(transaction: Transaction, persons: Iterable[Person]) -> None:
    """Take these people out of the history."""
    for person in persons:
        transaction["history"].delete_many({"org": person.org, person.role: person.person_id})
