"""What is read from: the database as it is, or as a transaction sees it."""

from collections.abc import Iterable
from typing import Any

from pymongo.database import Database

from shared.storage.unit_of_work import Transaction

Reader = Database[dict[str, Any]] | Transaction


def at_sites(program_id: str, sites: Iterable[str] | None) -> dict[str, Any]:
    """The query for what belongs to a program, or to some of its sites."""
    return {"program_id": program_id} if sites is None else {"program_id": program_id, "site_id": {"$in": list(sites)}}
