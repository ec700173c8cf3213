"""What matching keeps of programs: what was published, the rounds begun and the timetables, by site."""

from collections.abc import Mapping
from typing import Any

from services.matching.domain.rounds_begun import Timetable
from services.matching.storage.reader import Reader
from shared.storage.unit_of_work import Transaction


def program(reader: Reader, program_id: str) -> dict[str, Any] | None:
    """What is known of a program: the published data, ``org``, and the ``timetables`` and rounds ``begun`` by site."""
    return reader["programs"].find_one({"_id": program_id})


def save_program(transaction: Transaction, program_id: str, changes: dict[str, Any]) -> None:
    """Set fields of a program, which need not exist yet."""
    transaction["programs"].update_one({"_id": program_id}, {"$set": changes}, upsert=True)


def round_begun(transaction: Transaction, program_id: str, site_id: str, number: int) -> None:
    """Record that a site has begun a round: its meetings are no longer moved."""
    transaction["programs"].update_one({"_id": program_id}, {"$max": {f"begun.{site_id}": number}}, upsert=True)


def save_timetables(transaction: Transaction, program_id: str, timetables: Mapping[str, Timetable]) -> None:
    """Keep the timetables of these sites of a program."""
    if timetables:
        save_program(transaction, program_id, {f"timetables.{site}": each for site, each in timetables.items()})


def lock_program(transaction: Transaction, program_id: str) -> None:
    """Make this transaction and one in which a round begins, or the program is cancelled, exclude each other."""
    transaction["programs"].update_one({"_id": program_id}, {"$inc": {"held": 1}})
