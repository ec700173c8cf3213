"""Feedback's own database: programs, their meetings and ended rounds, what was said, and pairs.

Nothing is counted in a document that many writes would meet at: figures are aggregated when they are asked for.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, ReturnDocument, UpdateOne
from pymongo.database import Database

from services.feedback.domain import ERASED
from services.feedback.domain.choices import Pair
from services.feedback.domain.meetings import Ended, Meeting, Told
from services.feedback.domain.report import CONNECTIONS, STAY_IN_TOUCH, Cell
from shared.storage.unit_of_work import Transaction

Reader = Database[dict[str, Any]] | Transaction

_ALL = 100_000


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes; safe to repeat."""
    for collection, fields in (
        ("meetings", ("program_id", "mentor_id", "mentee_id")),
        ("rounds", ("program_id",)),
        ("said", ("program_id", "author_id")),
        ("pairs", ("program_id", "mentor_id", "mentee_id")),
    ):
        for field in fields:
            database[collection].create_index([(field, ASCENDING)])


# Programs


def program(reader: Reader, program_id: str) -> dict[str, Any] | None:
    """A program: ``org``, ``sites``, whether ``cancelled``, and ``closing`` once no more feedback is taken."""
    return reader["programs"].find_one({"_id": program_id})


def save_program(transaction: Transaction, program_id: str, changes: dict[str, Any]) -> None:
    """Set fields of a program, which need not exist yet."""
    transaction["programs"].update_one({"_id": program_id}, {"$set": changes}, upsert=True)


def pairing_published(transaction: Transaction, program_id: str, data: dict[str, Any]) -> None:
    """Keep the figures of a program's pairs, the latest revision of them; the program need not exist yet."""
    transaction["programs"].update_one({"_id": program_id}, {"$setOnInsert": {"heard": 0}}, upsert=True)
    older = {"$or": [{"pairing": None}, {"pairing.revision": {"$lt": data["revision"]}}]}
    transaction["programs"].update_one({"_id": program_id, **older}, {"$set": {"pairing": data}})


def seal_meetings(database: Database[dict[str, Any]], program_id: str) -> None:
    """Take no more feedback on any meeting of a program that is ``closing``; what is being written now is awaited.

    Every submission writes its meeting's document (:func:`take_meeting`), so it comes before this, and counts, or
    after it, and is refused. Meetings that become known later are sealed from the start.
    """
    database["meetings"].update_many({"program_id": program_id, "sealed": None}, {"$set": {"sealed": True}})


def hold_programs(transaction: Transaction, ids: Iterable[str]) -> set[str]:
    """Of two transactions that do this for the same program, have one see what the other wrote.

    Returns:
        Those of the programs that take no more feedback.
    """
    found = {
        program_id: transaction["programs"].find_one_and_update(
            {"_id": program_id}, {"$inc": {"heard": 1}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        for program_id in sorted(ids)
    }
    return {program_id for program_id, row in found.items() if row.get("closing")}


# Meetings and rounds


def meetings_by_id(reader: Reader, ids: Iterable[str]) -> dict[str, Meeting]:
    """The meetings with these ids that are known."""
    rows = reader["meetings"].find({"_id": {"$in": list(ids)}}, batch_size=_ALL)
    return {row["_id"]: _meeting(row) for row in rows}


def meetings_of_program(reader: Reader, program_id: str) -> list[Meeting]:
    """All meetings of a program, those that are off too."""
    return [_meeting(row) for row in reader["meetings"].find({"program_id": program_id}, batch_size=_ALL)]


def take_meeting(transaction: Transaction, meeting_id: str) -> tuple[Meeting, bool] | None:
    """A meeting to give feedback on, and whether it is sealed.

    It is written at once: both sides, the closing of the program and an erasure write here, so of two at the same
    time one is done anew before it has gone far.
    """
    row = transaction["meetings"].find_one_and_update({"_id": meeting_id}, {"$inc": {"submissions": 1}})
    return None if row is None else (_meeting(row), bool(row.get("sealed")))


def save_meetings(transaction: Transaction, meetings: Iterable[Meeting], sealed: Collection[str]) -> None:
    """Store meetings, new or changed; those of the programs ``sealed`` take no feedback."""
    changes = []
    for meeting in meetings:
        row = asdict(meeting)
        if meeting.program_id in sealed:
            row["sealed"] = True
        changes.append(UpdateOne({"_id": row.pop("meeting_id")}, {"$set": row}, upsert=True))
    if changes:
        transaction["meetings"].bulk_write(changes, ordered=False)


def round_ended(transaction: Transaction, program_id: str, site_id: str, number: int, at: datetime) -> None:
    """Record that a round has ended at a site; of several times the first counts."""
    transaction["rounds"].update_one(
        {"_id": f"{program_id}/{site_id}/{number}"},
        {"$min": {"ended_at": at}, "$set": {"program_id": program_id, "site_id": site_id, "round": number}},
        upsert=True,
    )


def ended(reader: Reader, program_id: str) -> Ended:
    """The rounds of a program that have ended."""
    rows = reader["rounds"].find({"program_id": program_id}, batch_size=_ALL)
    return Ended({(row["site_id"], row["round"]): row["ended_at"] for row in rows})


def ended_for(reader: Reader, meeting: Meeting) -> Ended:
    """As :func:`ended`, as far as it matters to one meeting."""
    if any(told.site_id is None for told in meeting.told):
        return ended(reader, meeting.program_id)
    ids = {f"{meeting.program_id}/{told.site_id}/{told.round}" for told in meeting.told}
    rows = reader["rounds"].find({"_id": {"$in": sorted(ids)}})
    return Ended({(row["site_id"], row["round"]): row["ended_at"] for row in rows})


# What was said


def save_said(
    transaction: Transaction, meeting_id: str, role: str, row: dict[str, Any], now: datetime
) -> tuple[datetime, bool]:
    """Store what one side says, in the place of what it said before.

    Returns:
        When it said so, and whether that is new: the same again changes nothing.
    """
    said, found = transaction["said"], {"_id": f"{meeting_id}/{role}"}
    before = said.find_one_and_replace(found, {**row, "submitted_at": now}, upsert=True)
    if before is None or any(before[name] != value for name, value in row.items()):
        return now, True
    said.replace_one(found, before)
    return before["submitted_at"], False


def said_by(reader: Reader, program_id: str, author_id: str) -> list[dict[str, Any]]:
    """All that a participant has said, by round."""
    return list(reader["said"].find({"author_id": author_id, "program_id": program_id}, sort=[("round", ASCENDING)]))


def count(reader: Reader, collection: str, program_id: str, **also: Any) -> int:
    """How many documents of a program a collection has."""
    return reader[collection].count_documents({"program_id": program_id, **also})


# Pairs


def choose(transaction: Transaction, pair: Pair, role: str, stay_in_touch: bool) -> Pair:
    """Store the choice of one side of ``pair``, which need not be known yet; returns the pair as it was before.

    Both sides' choices are in one document, so that of two at a time one sees the other.
    """
    row = asdict(pair)
    found = {"_id": row.pop("connection_id")}
    row.pop("choices")
    before = transaction["pairs"].find_one_and_update(
        found, {"$set": {f"choices.{role}": stay_in_touch}, "$setOnInsert": row}, upsert=True
    )
    return pair if before is None else _pair(before)


def save_connection(transaction: Transaction, pair: Pair) -> None:
    """Store that a connection is formed."""
    transaction["pairs"].update_one({"_id": pair.connection_id}, {"$set": {"formed_at": pair.formed_at}})


def connections(reader: Reader, program_id: str, query: dict[str, Any]) -> list[Pair]:
    """The connections of a program that match ``query``, the oldest first."""
    wanted = {"program_id": program_id, "formed_at": {"$ne": None}, **query}
    rows = reader["pairs"].find(wanted, sort=[("formed_at", ASCENDING), ("_id", ASCENDING)], batch_size=_ALL)
    return [found for found in map(_pair, rows) if found.is_connection]


# Figures


def cells(reader: Reader, program_id: str) -> list[Cell]:
    """How often each answer was given, by question, site, round and role."""
    of_program = {"$match": {"program_id": program_id}}
    chosen = {"k": STAY_IN_TOUCH, "v": _one_if("$stay_in_touch")}
    answers: Any = {"$concatArrays": [{"$objectToArray": "$ratings"}, [chosen]]}
    place = {"site_id": "$site_id", "role": "$role", "round": "$round"}
    group: dict[str, Any] = {**place, "question": "$answer.k", "value": "$answer.v"}
    found: Any = reader["said"].aggregate(
        [
            of_program,
            {"$project": {"site_id": 1, "role": 1, "round": 1, "answer": answers}},
            {"$unwind": "$answer"},
            {"$group": {"_id": group, "count": {"$sum": 1}}},
        ]
    )
    rows = [Cell(**each["_id"], count=each["count"]) for each in found]
    # A connection says nothing where only one has chosen.
    both = {"choices.mentor": {"$exists": True}, "choices.mentee": {"$exists": True}}
    group = {"site_id": "$site_id", "value": _one_if({"$ne": [{"$ifNull": ["$formed_at", None]}, None]})}
    found = reader["pairs"].aggregate([of_program, {"$match": both}, {"$group": {"_id": group, "count": {"$sum": 1}}}])
    return rows + [Cell(question=CONNECTIONS, **each["_id"], count=each["count"]) for each in found]


def _one_if(condition: Any) -> dict[str, Any]:
    return {"$cond": [condition, 1, 0]}


def report(reader: Reader, program_id: str) -> dict[str, Any] | None:
    """The report of a closed program."""
    row = reader["reports"].find_one({"_id": program_id})
    return None if row is None else dict(row["report"])


def save_report(transaction: Transaction, program_id: str, made: dict[str, Any]) -> None:
    """Keep the report of a program that is closed with this."""
    transaction["reports"].insert_one({"_id": program_id, "report": made})


# Erasure


def erased(reader: Reader, ids: Iterable[str]) -> set[str]:
    """Which of these participants are erased."""
    by_digest = {_digest(each): each for each in ids}
    rows = reader["erased"].find({"_id": {"$in": list(by_digest)}}, batch_size=_ALL)
    return {by_digest[row["_id"]] for row in rows}


def erase(transaction: Transaction, participant_id: str, org: str | None) -> None:
    """Forget a participant: takeaways and whose answers these were; the numbers stay, without anybody's id.

    A digest is kept, by which the id is known again when an older event brings it back.
    """
    transaction["erased"].replace_one({"_id": _digest(participant_id)}, {}, upsert=True)
    for role in ("mentor_id", "mentee_id"):
        for collection in ("meetings", "pairs"):
            transaction[collection].update_many({role: participant_id}, {"$set": {role: ERASED}})
    transaction["said"].update_many({"author_id": participant_id}, {"$set": {"author_id": ERASED, "takeaway": None}})
    transaction.forget_commands(org, participant_id)


def _digest(participant_id: str) -> str:
    return hashlib.sha256(participant_id.encode()).hexdigest()


def _meeting(row: dict[str, Any]) -> Meeting:
    told = tuple(Told(**each) for each in row["told"])
    return Meeting(row["_id"], row["program_id"], row["org"], row["mentor_id"], row["mentee_id"], told)


def _pair(row: dict[str, Any]) -> Pair:
    return Pair(
        row["_id"],
        row["program_id"],
        row["mentor_id"],
        row["mentee_id"],
        row["site_id"],
        row.get("choices", {}),
        row["formed_at"],
    )
