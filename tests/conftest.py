"""Fixtures for all tests: the real broker and database, a place of its own in them for each module, and waiting."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

from deploy.local import RUN, Infrastructure
from deploy.local.infrastructure import sweep
from deploy.local.waiting import eventually as wait_until

# A busy machine is no fault of what is tested: examples have no time limit.
settings.register_profile("speedmentor", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("speedmentor")


@pytest.fixture(scope="session")
def infrastructure() -> Iterator[Infrastructure]:
    """RabbitMQ and MongoDB of this test run's own, fresh, with the product's topology and accounts."""
    sweep(RUN)
    # Under the number of this process, so that two runs at once do not meet.
    folder = RUN / f"test-{os.getpid()}"
    found = Infrastructure(folder)
    try:
        yield found.up()
    finally:
        found.down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def vhost(infrastructure: Infrastructure) -> str:
    """An empty virtual host of this module's own, with the product's accounts and rights."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    infrastructure.add_vhost(name)
    return name


@pytest.fixture(scope="module")
def amqp_uri(infrastructure: Infrastructure, vhost: str) -> Callable[..., str]:
    """``amqp_uri(account="launcher")``: the URI of an account (default: may do all) in the module's virtual host."""
    return lambda account="launcher": infrastructure.amqp_uri(account, vhost)


@pytest.fixture(scope="module")
def mongo_uri(infrastructure: Infrastructure) -> Callable[..., str]:
    """``mongo_uri(database="test")``: the URI of a database that only this module has."""
    suffix = uuid.uuid4().hex[:12]
    return lambda database="test": infrastructure.mongo_uri(f"{database}-{suffix}")


@pytest.fixture(scope="session")
def eventually() -> Callable[..., object]:
    """``eventually(condition, seconds=30, what="")``: wait until ``condition()`` is true, and return what it gave."""
    return wait_until
