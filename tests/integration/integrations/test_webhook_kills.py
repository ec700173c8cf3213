"""kill -9 of the sender while events flow: each arrives at least once, and those of a subject in order."""

import uuid
from collections.abc import Callable

import pytest

from services.integrations import store
from shared.clock import SystemClock
from shared.storage.mongo import connect, own_database
from shared.storage.unit_of_work import UnitOfWork
from tests.integration.integrations.killing import kill_and_check
from tests.integration.integrations.sending import Sending

pytestmark = pytest.mark.integration

#: The fault tests do it at twenty moments.
KILLS = 2


def killed(mongo_uri: str, seed: int, kills: int) -> None:
    """Kill the senders of a database of their own."""
    with connect(mongo_uri, "test") as client:
        work = UnitOfWork(own_database(client), SystemClock())
        work.prepare()
        store.prepare(work.database)
        kill_and_check(Sending(work), mongo_uri, seed, kills)


def test_killed_senders_lose_nothing_and_keep_the_order_of_subjects(mongo_uri: Callable[..., str]) -> None:
    killed(mongo_uri(f"integrations-{uuid.uuid4().hex[:8]}"), seed=2026, kills=KILLS)
