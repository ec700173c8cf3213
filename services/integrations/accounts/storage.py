"""Integrators as documents: what should be at the broker, whatever is there.

A document is ``{_id: name, org, types, programs (None: all), stream, commands, created_at, created_by, secrets, next,
revision, settled, bound}``. ``secrets`` are ``{number, password_hash, key, by, made_at, until (None: for good)}``;
``revision`` grows with every change, ``settled`` is the one that the broker has, and ``bound`` tells that the queue has
had its first bindings. Times are real ones.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, ReturnDocument
from pymongo.database import Database

from services.integrations.accounts.broker_account import Account, integrator_of, user_of
from services.integrations.accounts.secrets import Secret
from services.integrations.domain.scope import Scope
from shared.storage.unit_of_work import Transaction

Reader = Database[dict[str, Any]] | Transaction
Row = dict[str, Any]

COLLECTION = "integrators"


def prepare(database: Database[Row]) -> None:
    """Create the indexes; safe to repeat."""
    database[COLLECTION].create_index([("secrets.key", ASCENDING)], name="key")


def find(reader: Reader, name: str) -> Row | None:
    """An integrator's document."""
    return reader[COLLECTION].find_one({"_id": name})


def with_user(reader: Reader, user: str, now: datetime) -> Row | None:
    """The integrator whose broker user ``user`` is, if that one holds at ``now``."""
    name = integrator_of(user)
    row = None if name is None else find(reader, name)
    return row if row is not None and user in account(row, now).users else None


def all_of(reader: Reader, org: str | None = None) -> list[Row]:
    """The documents of all integrators (of an organization), by name."""
    return list(reader[COLLECTION].find({} if org is None else {"org": org}, sort=[("_id", ASCENDING)]))


def with_programs(reader: Reader) -> list[Row]:
    """The documents of integrators whose scope has programs."""
    return list(reader[COLLECTION].find({"programs": {"$ne": None}}))


def with_key(reader: Reader, key: str, now: datetime) -> Row | None:
    """The integrator whose API key has the digest ``key``, and holds at ``now``."""
    holds = {"$elemMatch": {"key": key, "$or": [{"until": None}, {"until": {"$gt": now}}]}}
    return reader[COLLECTION].find_one({"secrets": holds})


def scope_of(database: Reader, name: str) -> Scope | None:
    """What an integrator may hear; None where there is none of this name."""
    row = find(database, name)
    return None if row is None else scope(row)


def scope(row: Row) -> Scope:
    """What the integrator of a document may hear."""
    return Scope(tuple(row["types"]), None if row["programs"] is None else tuple(row["programs"]), row["org"])


def account(row: Row, now: datetime) -> Account:
    """What there should be at the broker."""
    return Account(
        row["_id"],
        tuple(row["types"]),
        None if row["programs"] is None else tuple(row["programs"]),
        row["stream"],
        users={
            user_of(row["_id"], each["number"]): each["password_hash"]
            for each in row["secrets"]
            if each["until"] is None or each["until"] > now
        },
        commands=tuple(row.get("commands", ())),
    )


def insert(transaction: Transaction, row: Row) -> None:
    """Store a new integrator."""
    transaction[COLLECTION].insert_one(row)


def new_row(
    name: str,
    org: str,
    types: Iterable[str],
    programs: Iterable[str] | None,
    stream: bool,
    by: str,
    now: datetime,
    commands: Iterable[str] = (),
) -> Row:
    """A document without secrets."""
    return {
        "_id": name,
        "org": org,
        "types": list(types),
        "programs": None if programs is None else list(programs),
        "stream": stream,
        "commands": list(commands),
        "created_at": now,
        "created_by": by,
        "secrets": [],
        "next": 1,
        "revision": 0,
        "settled": 0,
        "bound": False,
    }


def with_secret(row: Row, secret: Secret, by: str, keep_until: datetime | None, now: datetime) -> Row:
    """``row`` with a new secret; the others hold until ``keep_until``, or no longer.

    ``by`` is the command: given again it puts another secret in place of the one it made, whose answer may have got
    lost, and leaves the others as they are.
    """
    before = [each for each in row["secrets"] if each["until"] is None or each["until"] > now]
    if before and before[-1]["by"] == by:
        kept = before[:-1]
    elif keep_until is None:
        kept = []
    else:
        kept = [{**each, "until": min(filter(None, (each["until"], keep_until)))} for each in before]
    made = {
        "number": row["next"],
        "password_hash": secret.password_hash,
        "key": secret.key_digest,
        "by": by,
        "made_at": now,
        "until": None,
    }
    return {**row, "secrets": [*kept, made], "next": row["next"] + 1, "revision": row["revision"] + 1}


def replace(transaction: Transaction, row: Row) -> None:
    """Store a changed document."""
    transaction[COLLECTION].replace_one({"_id": row["_id"]}, row)


def remove(transaction: Transaction, name: str) -> None:
    """Drop a document."""
    transaction[COLLECTION].delete_one({"_id": name})


def drop_what_is_over(database: Database[Row], now: datetime) -> None:
    """Drop secrets that hold no longer."""
    over = {"until": {"$ne": None, "$lte": now}}
    database[COLLECTION].update_many(
        {"secrets": {"$elemMatch": over}}, {"$pull": {"secrets": over}, "$inc": {"revision": 1}}
    )


def settled(database: Database[Row], name: str, revision: int) -> bool:
    """Say that the broker has ``revision`` of an integrator, with bindings; False where it has been changed since."""
    found = database[COLLECTION].find_one_and_update(
        {"_id": name, "revision": revision},
        {"$set": {"settled": revision, "bound": True}},
        return_document=ReturnDocument.AFTER,
    )
    return found is not None
