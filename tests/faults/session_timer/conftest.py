from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kombu import Connection
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local import Deployment, Infrastructure
from shared.messaging.topology import declare
from tests.faults.session_timer.hall import Ear
from tests.integration.timer_bus import Bus


@pytest.fixture
def timer_uri(mongo_uri: Callable[..., str]) -> str:
    """A database for one test."""
    return mongo_uri("session_timer")


@pytest.fixture
def database(timer_uri: str) -> Iterator[Database[Any]]:
    client: MongoClient[Any] = MongoClient(timer_uri, tz_aware=True)
    yield client.get_default_database()
    client.drop_database(client.get_default_database().name)
    client.close()


@pytest.fixture
def deployment(
    infrastructure: Infrastructure, amqp_uri: Callable[..., str], timer_uri: str, database: Database[Any]
) -> Iterator[Deployment]:
    """Replicas of the session timer, once a test starts some."""
    with Connection(amqp_uri()) as connection:
        declare(connection)
    made = Deployment(infrastructure, {"AMQP_URI": amqp_uri("session_timer"), "MONGO_URI": timer_uri})
    yield made
    made.stop_all()


@pytest.fixture
def bus(deployment: Deployment, infrastructure: Infrastructure, amqp_uri: Callable[..., str]) -> Iterator[Bus]:
    made = Bus(amqp_uri(), infrastructure.secrets.token_private_key.read_bytes())
    yield made
    made.close()


@pytest.fixture
def ear(deployment: Deployment, amqp_uri: Callable[..., str]) -> Iterator[Ear]:
    made = Ear(amqp_uri())
    made.start()
    yield made
    made.stop()
