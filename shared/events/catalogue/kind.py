"""What the catalogue knows of one type of event."""

from dataclasses import dataclass, field
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError

from shared.events.composites import event_fields, object_check, object_example, object_schema
from shared.events.fields import Check, JsonSchema
from shared.events.names import PREFIX, SCHEMA, SOURCE

#: So much of a refusal is kept: a dead letter's header holds it.
LONGEST_REFUSAL = 1000


class EventData(Schema):
    """The ``data`` of an event. A reader ignores fields that it does not know; a publisher may not add any."""

    class Meta:
        unknown = EXCLUDE
        register = False


@dataclass(frozen=True)
class EventType:
    """One type of event in one major version.

    ``name`` is ``<service>.<what happened>``; ``subject`` is the kind of thing the event is about, and the
    field ``<subject>_id`` of its data names it.
    """

    name: str
    subject: str
    data: type[EventData]
    means: str
    version: int = 1
    #: Only for services that need it: it goes by an exchange of its own, and no other system may hear or read of it.
    internal: bool = False
    may_be_read: Check = field(init=False, repr=False)
    may_be_published: Check = field(init=False, repr=False)
    _carries_nothing: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Compiled once: they are asked for every event that comes in or goes out.
        object.__setattr__(self, "may_be_read", object_check(self.data, closed=False))
        object.__setattr__(self, "may_be_published", object_check(self.data, closed=True))
        withheld = tuple(name for name, each in event_fields(self.data).items() if each.withheld)
        object.__setattr__(self, "_carries_nothing", withheld)

    @property
    def type(self) -> str:
        """The CloudEvents ``type``."""
        return f"{PREFIX}{self.name}.v{self.version}"

    @property
    def source(self) -> str:
        """The CloudEvents ``source``: the one service that publishes this type."""
        return SOURCE + self.name.partition(".")[0]

    @property
    def dataschema(self) -> str:
        """The CloudEvents ``dataschema``."""
        return SCHEMA + self.type

    @property
    def subject_field(self) -> str:
        """The field of the data that holds the subject's id."""
        return f"{self.subject}_id"

    def refusal(self, data: Any, *, publishing: bool) -> str | None:
        """What is wrong with ``data``, field by field, or None. Says nothing of the values: they may be private."""
        if self.may_be_published(data) if publishing else self.may_be_read(data):
            return self._withheld(data) if publishing else None
        if not isinstance(data, dict):
            return "data is not an object"
        # The fast check knows exact JSON only; marshmallow has the last word, on an enum's member for example.
        try:
            self.data(unknown=RAISE if publishing else EXCLUDE).load(data)
        except ValidationError as error:
            return "; ".join(_lines(error.messages))[:LONGEST_REFUSAL]
        return self._withheld(data) if publishing else None

    def _withheld(self, data: dict[str, Any]) -> str | None:
        """Which fields say something that is not published any more; who published it once may still be read."""
        told = [name for name in self._carries_nothing if data.get(name)]
        return "; ".join(f"data.{name}: Not to be published any more." for name in told)[:LONGEST_REFUSAL] or None

    def json_schema(self) -> JsonSchema:
        """The data as JSON Schema 2020-12, complete in itself."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": self.dataschema,
            "title": self.type,
            "description": self.means,
            **object_schema(self.data),
        }

    def example(self) -> dict[str, Any]:
        """Data of this type, for documents."""
        return object_example(self.data)


def _lines(messages: Any, path: str = "data") -> list[str]:
    if isinstance(messages, dict):
        return [
            line
            for name, inner in messages.items()
            for line in _lines(inner, path if name == "_schema" else f"{path}.{str(name)[:64]}")
        ]
    return [f"{path}: {message}" for message in messages]
