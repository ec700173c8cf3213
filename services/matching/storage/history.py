"""Who has met whom in an organization, across its programs, so that a program can ask for new pairs only.

People are told by the opaque id that registration gives the same person in every program.
"""

from collections.abc import Iterable, Mapping
from itertools import product
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
    """The pairs (mentee, mentor) of ``cards`` whose persons have met, in another program or under another id.

    It is the same which of the two was the mentor then: they know each other. Who withdraws and registers again has two
    cards, and both are the person who has met somebody: in another program of the organization or, which no other
    program tells, in this one.
    """
    ids = _ids_by_person(cards)
    mentors = [person for role, person in ids if role == MENTOR]
    elsewhere = {"programs": {"$elemMatch": {"$ne": program["_id"]}}}
    queries: list[dict[str, Any]] = [{role: {"$in": mentors}, **elsewhere} for role in (MENTOR, MENTEE)]
    for role in (MENTOR, MENTEE):
        again = [person for (other, person), known in ids.items() if other == role and len(known) > 1]
        if again:
            queries.append({role: {"$in": again}, "programs": program["_id"]})
    for query in queries:
        for row in transaction["history"].find({"org": program["org"], **query}, batch_size=100_000):
            for mentee, mentor in ((row[MENTEE], row[MENTOR]), (row[MENTOR], row[MENTEE])):
                yield from product(ids.get((MENTEE, mentee), ()), ids.get((MENTOR, mentor), ()))


def _ids_by_person(cards: Iterable[Card]) -> Mapping[tuple[str, str], list[str]]:
    """Under which ids a person takes part, by role and person."""
    ids: dict[tuple[str, str], list[str]] = {}
    for card in cards:
        if card.person_id:
            ids.setdefault((card.role, card.person_id), []).append(card.id)
    return ids


def forget(transaction: Transaction, persons: Iterable[Person]) -> None:
    """Take these people out of the history."""
    for person in persons:
        transaction["history"].delete_many({"org": person.org, person.role: person.person_id})
