"""The integrations service's own database."""

from typing import Any

from pymongo.database import Database

from services.integrations.accounts import storage as accounts
from services.integrations.log import storage
from services.integrations.replay import storage as replays
from services.integrations.snapshot import keeping
from services.integrations.webhooks import deliveries, endpoints


def prepare(database: Database[dict[str, Any]]) -> None:
    """Create collections and indexes; safe to repeat."""
    storage.prepare(database)
    keeping.prepare(database)
    accounts.prepare(database)
    endpoints.prepare(database)
    deliveries.prepare(database)
    replays.prepare(database)
