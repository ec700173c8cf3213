from collections.abc import Callable, Iterator

import pytest
from kombu import Connection

from deploy.local import Deployment, Infrastructure
from services.matching.storage import indexes
from shared.events import Event, encode
from shared.messaging.publisher import ConfirmedPublisher
from shared.messaging.topology import declare
from shared.storage.unit_of_work import UnitOfWork
from tests.integration.backbone.stage import Outside, RpcCaller, message
from tests.integration.matching.organizer import Organizer


@pytest.fixture
def deployment(
    infrastructure: Infrastructure, amqp_uri: Callable[..., str], mongo_uri: Callable[..., str]
) -> Iterator[Deployment]:
    with Connection(amqp_uri()) as connection:
        # What belongs to all services none of them may declare; a deployment brings it along.
        declare(connection)
    made = Deployment(infrastructure, {"AMQP_URI": amqp_uri("matching"), "MONGO_URI": mongo_uri("matching")})
    made.wait_ready(*made.start("matching"))
    yield made
    made.stop_all()


@pytest.fixture
def organizer(
    deployment: Deployment, infrastructure: Infrastructure, amqp_uri: Callable[..., str]
) -> Iterator[Organizer]:
    def publish(events: list[Event]) -> None:
        with Connection(amqp_uri()) as connection:
            connection.connect()
            outcomes = ConfirmedPublisher(connection).publish([message(event, encode(event)) for event in events])
            assert {outcome.value for outcome in outcomes} == {"confirmed"}

    rpc = RpcCaller(amqp_uri())
    yield Organizer(publish, rpc, infrastructure.secrets.token_private_key.read_bytes())
    rpc.close()


@pytest.fixture
def outside(deployment: Deployment, amqp_uri: Callable[..., str]) -> Iterator[Outside]:
    consumer = Outside(amqp_uri(), "speedmentor.matching.#")
    yield consumer
    consumer.close()


@pytest.fixture
def unit_of_work(own_unit_of_work: Callable[..., UnitOfWork]) -> UnitOfWork:
    """Matching's database without its process."""
    return own_unit_of_work("matching", indexes.prepare)
