"""What integration tests of several services need."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pymongo.database import Database

from shared.clock import SystemClock
from shared.storage.mongo import connect, own_database
from shared.storage.unit_of_work import UnitOfWork


@pytest.fixture
def own_unit_of_work(mongo_uri: Callable[..., str]) -> Iterator[Callable[..., UnitOfWork]]:
    """``own_unit_of_work(service, prepare)``: the empty database of a service without its process."""
    with ExitStack() as clients:

        def make(service: str, prepare: Callable[[Database[dict[str, Any]]], None]) -> UnitOfWork:
            uri = mongo_uri(f"{service}-{uuid.uuid4().hex[:8]}")
            made = UnitOfWork(own_database(clients.enter_context(connect(uri, "test"))), SystemClock())
            made.prepare()
            prepare(made.database)
            return made

        yield make
