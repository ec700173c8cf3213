"""Plans in matching's own database: which are asked for and due, and what is told of those that hold."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from pymongo import ReturnDocument
from pymongo.database import Database

from services.matching.domain.leaving import ERASED
from services.matching.storage.reader import Reader
from shared.messages import Message
from shared.storage.unit_of_work import Transaction


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes; safe to repeat."""
    database["plans"].create_index("due", partialFilterExpression={"due": True})


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
