from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local import Infrastructure
from tests.integration.backbone.stage import Outside, RpcCaller, Stage


@pytest.fixture
def stage(
    infrastructure: Infrastructure, amqp_uri: Callable[..., str], mongo_uri: Callable[[str], str], tmp_path: Path
) -> Iterator[Stage]:
    """Empty queues, empty databases, and no replica yet."""
    made = Stage(amqp_uri, mongo_uri, infrastructure.secrets.token_public_key, tmp_path)
    yield made
    made.end()


@pytest.fixture
def outside(stage: Stage, amqp_uri: Callable[..., str]) -> Iterator[Outside]:
    """An outside consumer of all that the echo publishes."""
    consumer = Outside(amqp_uri(), "speedmentor.matching.#")
    yield consumer
    consumer.close()


@pytest.fixture
def rpc(stage: Stage, amqp_uri: Callable[..., str]) -> Iterator[RpcCaller]:
    """A caller of the echo's methods."""
    caller = RpcCaller(amqp_uri())
    yield caller
    caller.close()
