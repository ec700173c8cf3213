"""The catalogue: every type of event, and what its data must look like. One module per publishing service."""

from shared.events.catalogue import feedback, matching, registration, session_timer
from shared.events.catalogue.kind import EventData, EventType
from shared.events.fields import JsonSchema

TYPES: dict[str, EventType] = {
    kind.type: kind for service in (registration, matching, session_timer, feedback) for kind in service.PUBLISHED
}
"""Every type by its CloudEvents name, ``speedmentor.<service>.<what happened>.v<major>``."""

PUBLIC: dict[str, EventType] = {name: kind for name, kind in TYPES.items() if not kind.internal}
"""Those that other systems may hear and read of: all documents for them are made from these."""


def data_schema(event_type: str) -> type[EventData]:
    """The marshmallow schema of the data of ``event_type``; KeyError for a type that is not in the catalogue."""
    return TYPES[event_type].data


def json_schema(event_type: str) -> JsonSchema:
    """The same as JSON Schema 2020-12, which other systems find under ``urn:speedmentor:schema:<type>``."""
    return TYPES[event_type].json_schema()


__all__ = ["PUBLIC", "TYPES", "EventData", "EventType", "data_schema", "json_schema"]
