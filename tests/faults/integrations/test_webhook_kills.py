"""kill -9 of the sender of webhooks at twenty moments that seeds choose."""

import uuid
from collections.abc import Callable

import pytest

from tests.integration.integrations.test_webhook_kills import killed

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("seed", range(5))
def test_killed_senders_lose_nothing_and_keep_the_order_of_subjects_at_twenty_moments(
    mongo_uri: Callable[..., str], seed: int
) -> None:
    killed(mongo_uri(f"integrations-{uuid.uuid4().hex[:8]}"), seed, kills=4)
