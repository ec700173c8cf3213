"""The whole system, with programs in every state on it."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local import Deployment, Infrastructure
from tests.integration.api_fuzzing.ground import Caller, Ground, lasting


@pytest.fixture(scope="module")
def told(infrastructure: Infrastructure) -> Iterator[dict[str, Any]]:
    """``url`` and ``password`` of a running system, and the ground that lasts."""
    deployment = Deployment(infrastructure)
    deployment.start_all()
    password = infrastructure.organizer_password
    ground = Ground(Caller(deployment.url, password=password), "lasting")
    key = str(infrastructure.secrets.token_private_key)
    yield {"url": deployment.url, "password": password, "token_private_key": key, **lasting(ground)}
    deployment.stop_all()
