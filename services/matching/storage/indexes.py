"""The indexes of matching's database."""

from typing import Any

from pymongo.database import Database

from services.matching.storage import history, meetings, pairings, plans, roster


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create all indexes; safe to repeat."""
    for each in (roster, meetings, history, pairings, plans):
        each.prepare(database)
