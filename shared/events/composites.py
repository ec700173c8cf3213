"""Values made of values: objects, lists and maps, and the schema of an event's data as a whole."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length

from shared.events.fields import CODE, Check, Code, EventField, JsonSchema


class Record(EventField):
    """An object with fields of its own."""

    def __init__(self, schema: type[Schema], means: str = "", *, optional: bool = False) -> None:
        super().__init__(means, optional=optional)
        self.schema = schema

    @property
    def form(self) -> str:
        return "an object"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise self.refused()
        # marshmallow's own nesting forgets whether the outermost schema was told to refuse unknown fields.
        unknown = self.root.unknown if isinstance(self.root, Schema) else None
        return self.schema(unknown=unknown).load(value)

    def json_schema(self) -> JsonSchema:
        return object_schema(self.schema)

    def check(self, closed: bool) -> Check:
        return object_check(self.schema, closed)

    def example(self) -> dict[str, Any]:
        return object_example(self.schema)


class ListOf(EventField, fields.List[Any]):
    """A list of at most ``most`` values of one kind."""

    def __init__(
        self,
        item: EventField,
        means: str = "",
        *,
        most: int = 1000,
        example: Sequence[Any] | None = None,
        optional: bool = False,
        withheld: str | None = None,
    ) -> None:
        super().__init__(means, optional=optional, withheld=withheld, cls_or_instance=item, validate=Length(max=most))
        self._most = most
        self._example = example

    @property
    def form(self) -> str:
        return f"a list of at most {self._most}, each {_event_field(self.inner).form}"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        # marshmallow takes any collection, a mapping too.
        if not isinstance(value, list | tuple):
            raise self.refused()
        return super()._deserialize(value, attr, data, **kwargs)

    def json_schema(self) -> JsonSchema:
        return {"type": "array", "items": schema_of(self.inner), "maxItems": self._most}

    def check(self, closed: bool) -> Check:
        is_item, most = _event_field(self.inner).check(closed), self._most

        def is_list(value: Any) -> bool:
            if type(value) is not list or len(value) > most:
                return False
            for item in value:  # noqa: SIM110 - a generator costs more than the items it checks
                if not is_item(item):
                    return False
            return True

        return is_list

    def example(self) -> list[Any]:
        if self.withheld is not None:
            return []
        return list(self._example) if self._example is not None else [_event_field(self.inner).example()]


class MapOf(EventField, fields.Dict):
    """An object whose names are codes and whose values are of one kind, at most ``most`` of them."""

    def __init__(
        self,
        value: EventField,
        means: str = "",
        *,
        most: int = 200,
        example: Mapping[str, Any] | None = None,
        optional: bool = False,
        withheld: str | None = None,
    ) -> None:
        super().__init__(
            means, optional=optional, withheld=withheld, keys=Code(), values=value, validate=Length(max=most)
        )
        self._most = most
        self._example = example

    @property
    def form(self) -> str:
        return f"an object of at most {self._most} codes, each with {_event_field(self.value_field).form}"

    def json_schema(self) -> JsonSchema:
        return {
            "type": "object",
            "propertyNames": {"pattern": CODE, "maxLength": 64},
            "additionalProperties": schema_of(self.value_field),
            "maxProperties": self._most,
        }

    def check(self, closed: bool) -> Check:
        is_value, most = _event_field(self.value_field).check(closed), self._most
        is_code = Code().check(closed)

        def is_map(value: Any) -> bool:
            if type(value) is not dict or len(value) > most:
                return False
            for name, item in value.items():  # noqa: SIM110 - as in a list
                if not is_code(name) or not is_value(item):
                    return False
            return True

        return is_map

    def example(self) -> dict[str, Any]:
        if self.withheld is not None:
            return {}
        if self._example is not None:
            return dict(self._example)
        return {Code().example(): _event_field(self.value_field).example()}


def event_fields(schema: type[Schema]) -> dict[str, EventField]:
    """The fields of ``schema`` by name, in the order they are written."""
    return {name: _event_field(field) for name, field in schema().fields.items()}


def schema_of(field: fields.Field[Any] | None) -> JsonSchema:
    """The JSON Schema of one field, with its description, and null allowed where it is optional."""
    known = _event_field(field)
    kind = known.json_schema()
    if known.allow_none:
        kind["type"] = [kind["type"], "null"]
        if "enum" in kind:
            kind["enum"] = [*kind["enum"], None]
    if known.withheld is not None:
        kind["deprecated"] = True
    return {"description": known.means, **kind} if known.means else kind


def object_schema(schema: type[Schema]) -> JsonSchema:
    """The JSON Schema of an object. Fields it does not name are allowed: later ones will be added."""
    known = event_fields(schema)
    return {
        "type": "object",
        "properties": {name: schema_of(field) for name, field in known.items()},
        "required": [name for name, field in known.items() if field.required],
    }


def object_check(schema: type[Schema], closed: bool) -> Check:
    """The fast check of an object; ``closed`` refuses fields that ``schema`` does not name."""
    known = event_fields(schema)
    required = tuple((name, field.check(closed)) for name, field in known.items() if field.required)
    optional = tuple((name, field.check(closed)) for name, field in known.items() if not field.required)
    names = known.keys()

    def is_object(value: Any) -> bool:
        if type(value) is not dict:
            return False
        get = value.get
        for name, is_kind in required:
            if not is_kind(get(name)):
                return False
        for name, is_kind in optional:
            found = get(name)
            if found is not None and not is_kind(found):
                return False
        return not closed or value.keys() <= names

    return is_object


def object_example(schema: type[Schema]) -> dict[str, Any]:
    """An object of ``schema`` with every required field."""
    return {name: field.example() for name, field in event_fields(schema).items() if field.required}


def _event_field(field: fields.Field[Any] | None) -> EventField:
    if not isinstance(field, EventField):
        raise TypeError(f"{field!r} is no kind of value that an event may carry")
    return field
