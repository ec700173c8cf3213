"""Events as they come out of the queue of the log, without a broker."""

from datetime import UTC, datetime
from typing import Any

from services.integrations.handlers import hear
from shared.events import Event, NewEvent, decode, encode, seal
from shared.events.catalogue import TYPES
from shared.ids import new_id
from shared.messaging.topology import subscription
from shared.storage.unit_of_work import UnitOfWork

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
LOG = subscription("integrations", "log")


def read_back(event: Event) -> Event:
    """``event`` as a consumer gets it."""
    return decode(encode(event))


def an_event(name: str, ordinal: int = 1, program: str = "p-1", org: str = "acme", **data: Any) -> Event:
    """An event of the type, with what its example has where ``data`` say nothing else."""
    kind = TYPES[f"speedmentor.{name}.v1"]
    whole = kind.example() | {"program_id": program} | data
    new = NewEvent(name, whole[kind.subject_field], whole, org=org, program=program)
    return read_back(seal(new, id=new_id(), ordinal=ordinal, time=NOW, correlationid=new_id()))


def take_in(work: UnitOfWork, *events: Event) -> int:
    """What the service does with a batch from the queue; returns how many events were new."""
    return work.consume(LOG.queue, events, hear)
