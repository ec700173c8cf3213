"""Events: the facts the services tell each other, exactly as the event contract writes them."""

from shared.events.envelope import (
    CONTENT_TYPE,
    BadEvent,
    Event,
    NewEvent,
    decode,
    encode,
    seal,
)
from shared.events.names import full_type, short_name
from shared.events.times import read_time, write_time

__all__ = [
    "CONTENT_TYPE",
    "BadEvent",
    "Event",
    "NewEvent",
    "decode",
    "encode",
    "full_type",
    "read_time",
    "seal",
    "short_name",
    "write_time",
]
