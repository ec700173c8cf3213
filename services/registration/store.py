"""Registration's own database: programs and what becomes of them, and participants with all they have entrusted to us.

A participant who was erased leaves a tombstone: the id and the role, so that the id never means anybody else.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, ReplaceOne
from pymongo.database import Database

from services.registration import log_in_lanes
from services.registration.domain.access_codes import AccessCodes
from services.registration.domain.participant import Mentee, Mentor, Participant, Story
from services.registration.domain.program import Program, Site, State
from services.registration.domain.progress import Progress, SiteSession, Start
from services.registration.domain.texts import mailbox
from shared.faults import NotFound
from shared.messages import say
from shared.storage.unit_of_work import Transaction

Document = dict[str, Any]
Reader = Database[Document] | Transaction

_LIVING = {"erased": False}


def prepare(database: Database[Document]) -> None:
    """Create the indexes; safe to repeat."""
    database["programs"].create_index([("org", ASCENDING)], name="of-org")
    participants = database["participants"]
    participants.create_index(
        [("program_id", ASCENDING), ("role", ASCENDING), ("site_id", ASCENDING)], name="of-program"
    )
    participants.create_index([("org", ASCENDING), ("email", ASCENDING)], name="of-org-by-address")
    participants.create_index(
        "access", name="access-code", unique=True, partialFilterExpression={"access": {"$exists": True}}
    )
    database["progress"].create_index(
        "start_without_plan",
        name="starts-without-plan",
        partialFilterExpression={"start_without_plan": {"$type": "date"}},
    )
    log_in_lanes.prepare(database)


# Programs


def program(reader: Reader, program_id: str) -> Program:
    """One program. Raises :class:`NotFound`."""
    row = reader["programs"].find_one({"_id": program_id})
    if row is None:
        raise NotFound(say("There is no such program."))
    return _program(row)


def programs(reader: Reader, query: Document) -> list[Program]:
    """Programs, by id: those made first come first."""
    return [_program(row) for row in reader["programs"].find(query).sort("_id", ASCENDING)]


def add_program(transaction: Transaction, added: Program) -> None:
    """Keep a new program."""
    row = asdict(added)
    row["_id"] = row.pop("id")
    transaction["programs"].insert_one({**row, "changes": 0})


def save_program_state(transaction: Transaction, changed: Program) -> None:
    """Keep where a program stands."""
    transaction["programs"].update_one(
        {"_id": changed.id}, {"$set": {"state": changed.state, "reason": changed.reason}, "$inc": {"changes": 1}}
    )


def hold_program(transaction: Transaction, program_id: str) -> None:
    """Make this transaction and any other that holds the program exclude each other.

    So nobody registers in a draft that is being published, and two of one team registering at once see each other.
    """
    transaction["programs"].update_one({"_id": program_id}, {"$inc": {"changes": 1}})


def _program(row: Document) -> Program:
    fields = {key: value for key, value in row.items() if key not in {"_id", "changes"}}
    return Program(
        **{
            **fields,
            "id": row["_id"],
            "warning_seconds": tuple(row["warning_seconds"]),
            "sites": tuple(Site(**site) for site in row["sites"]),
            "topics": tuple(row["topics"]),
            "state": State(row["state"]),
        }
    )


# What becomes of programs. In documents of their own: what other services tell must not hold up who registers, and a
# replica of an earlier release reads the programs' documents whole.


def progress_of(reader: Reader, program_ids: Iterable[str]) -> dict[str, Progress]:
    """What is known of the progress of these programs; nothing but their ids where nothing is."""
    ids = list(program_ids)
    rows = {row["_id"]: row for row in reader["progress"].find({"_id": {"$in": ids}}, batch_size=10_000)}
    return {each: _progress(rows[each]) if each in rows else Progress(program_id=each) for each in ids}


def begin_progress(transaction: Transaction, begun: Progress) -> None:
    """Keep the progress of a program whose plan is waited for from now on, until its first start at most."""
    save_progress(transaction, begun)
    if begun.waiting:
        first = min(each.at for each in begun.waiting)
        transaction["progress"].update_one({"_id": begun.program_id}, {"$set": {"start_without_plan": first}})


def save_progress(transaction: Transaction, changed: Progress) -> None:
    """Keep the progress of a program."""
    row = asdict(changed)
    if not changed.waiting or changed.closed_at is not None:
        row["start_without_plan"] = None
    transaction["progress"].update_one({"_id": row.pop("program_id")}, {"$set": row}, upsert=True)


def stop_waiting(transaction: Transaction, program_id: str) -> None:
    """Wait no more for the plan of a program that is off."""
    transaction["progress"].update_one({"_id": program_id}, {"$set": {"start_without_plan": None}})


def take_start_without_plan(database: Database[Document], now: datetime) -> Progress | None:
    """A program whose first start has passed by ``now`` without a plan; each is given once, to one replica."""
    row = database["progress"].find_one_and_update(
        {"start_without_plan": {"$lte": now}}, {"$set": {"start_without_plan": None}}
    )
    return None if row is None else _progress(row)


def _progress(row: Document) -> Progress:
    waiting = row.get("waiting")
    return Progress(
        program_id=row["_id"],
        sessions=tuple(
            SiteSession(**{**each, "round_ends": tuple(each.get("round_ends", ()))}) for each in row.get("sessions", ())
        ),
        closed_at=row.get("closed_at"),
        waiting=None if waiting is None else tuple(Start(**each) for each in waiting),
    )


# Participants


def participant(reader: Reader, participant_id: str) -> Participant:
    """One participant. Raises :class:`NotFound`, also for one who was erased."""
    row = reader["participants"].find_one({"_id": participant_id, **_LIVING})
    if row is None:
        raise NotFound(say("There is no such participant."))
    return _participant(row)


def participants(
    reader: Reader, program_id: str, role: str | None = None, sites: Iterable[str] | None = None
) -> list[Participant]:
    """The participants of a program, of a role and at some sites if given; by id, those registered first come first."""
    query: Document = {"program_id": program_id, **_LIVING}
    if role is not None:
        query["role"] = role
    if sites is not None:
        query["site_id"] = {"$in": list(sites)}
    rows = reader["participants"].find(query, batch_size=10_000).sort("_id", ASCENDING)
    return [_participant(row) for row in rows]


def with_access_code(reader: Reader, fingerprint: str) -> Participant | None:
    """Whose code has this fingerprint; None if nobody's has."""
    row = reader["participants"].find_one({"access": fingerprint})
    return None if row is None else _participant(row)


def with_mailbox_like(reader: Reader, person: Participant) -> list[Participant]:
    """Who takes part in the program of ``person`` and may have the same mailbox, or one that looks the same.

    More than those are found; who of them does is the domain's to say. People keep the address as they wrote it, and
    those stored by an earlier release an id of that spelling, so neither can be looked up by alone.
    """
    if not person.email:
        return []
    query: Document = {"program_id": person.program_id, "withdrawn": False, **_LIVING}
    if mailbox.is_unusual(person.email):
        query["email"] = {"$ne": ""}
    else:
        query["$or"] = [{"person_id": person.person_id}, {"email": {"$regex": mailbox.UNUSUAL}}]
    return [_participant(row) for row in reader["participants"].find(query)]


def ids_of_unusual_addresses(reader: Reader, org: str) -> dict[str, str]:
    """The ids that people of the organization have by mailbox, of those whose address can be written in several ways.

    Of several ids of one mailbox the first holds.
    """
    query = {"org": org, **_LIVING, "email": {"$regex": mailbox.UNUSUAL}, "person_id": {"$type": "string"}}
    rows = reader["participants"].find(query, {"email": 1, "person_id": 1}).sort("_id", ASCENDING)
    ids: dict[str, str] = {}
    for row in rows:
        ids.setdefault(mailbox.canonical(row["email"]), row["person_id"])
    return ids


def known_ids(reader: Reader, org: str, person_ids: Collection[str]) -> set[str]:
    """Those of ``person_ids`` that somebody of the organization has."""
    if not person_ids:
        return set()
    query = {"org": org, **_LIVING, "person_id": {"$in": list(person_ids)}}
    return {row["person_id"] for row in reader["participants"].find(query, {"person_id": 1})}


def head_counts(reader: Reader, program_ids: Iterable[str]) -> dict[tuple[str, str], int]:
    """How many take part, by program and role; those who have withdrawn do not."""
    rows = reader["participants"].aggregate(
        [
            {"$match": {"program_id": {"$in": list(program_ids)}, "withdrawn": False, **_LIVING}},
            {"$group": {"_id": {"program": "$program_id", "role": "$role"}, "count": {"$sum": 1}}},
        ]
    )
    return {(row["_id"]["program"], row["_id"]["role"]): row["count"] for row in rows}


def add_participants(transaction: Transaction, added: Iterable[Participant], codes: AccessCodes) -> None:
    """Keep new participants, with what their access codes are looked up by."""
    rows = [_kept(each, codes) for each in added]
    if rows:
        transaction["participants"].insert_many(rows)


def save_participants(transaction: Transaction, changed: Iterable[Participant], codes: AccessCodes) -> None:
    """Keep participants who have changed."""
    writes = [ReplaceOne({"_id": each.id}, _kept(each, codes)) for each in changed]
    if writes:
        transaction["participants"].bulk_write(writes, ordered=False)


def _kept(person: Participant, codes: AccessCodes) -> Document:
    return {**_row(person), "access": codes.fingerprint(codes.code(person.id))}


def erase(transaction: Transaction, person: Participant) -> None:
    """Forget everything about a participant but the id and the role."""
    transaction["participants"].replace_one(
        {"_id": person.id},
        {"_id": person.id, "org": person.org, "program_id": person.program_id, "role": person.role, "erased": True},
    )
    transaction.forget_commands(person.org, person.id)


def is_erased(reader: Reader, participant_id: str, org: str) -> bool:
    """Whether the organization had such a participant who has been erased."""
    return reader["participants"].find_one({"_id": participant_id, "org": org, "erased": True}) is not None


def _row(person: Participant) -> Document:
    row = asdict(person)
    row["_id"] = row.pop("id")
    return {**row, "role": person.role, "erased": False}


def _participant(row: Document) -> Participant:
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in row.items()
        if key not in {"_id", "role", "erased", "access"}
    }
    fields["id"] = row["_id"]
    if row["role"] == Mentor.role:
        fields["topics"] = tuple((topic, level) for topic, level in row["topics"])
        fields["story"] = Story(**row["story"])
        return Mentor(**fields)
    return Mentee(**fields)
