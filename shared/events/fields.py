"""The kinds of value an event may carry.

Each kind is a marshmallow field, and says the same thing three times, side by side: to marshmallow (which names
what is wrong), as JSON Schema (for other systems), and as a check that only says yes or no but is fast enough
to run on every event twice. There is no kind for free text, on purpose: an event carries no personal data.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length

from shared.events import times

#: Says whether a JSON value is of a kind.
Check = Callable[[Any], bool]
JsonSchema = dict[str, Any]

#: The largest whole number that every JSON reader keeps exactly (RFC 8259, section 6).
EXACT = 2**53 - 1

ID = r"^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$"
CODE = r"^[a-z0-9][a-z0-9._-]{0,63}$"


class EventField(fields.Field[Any]):
    """A value in an event. ``optional`` ones may be absent or null; the others may be neither."""

    def __init__(self, means: str = "", *, optional: bool = False, **options: Any) -> None:
        super().__init__(required=not optional, allow_none=optional, metadata={"means": means}, **options)

    @property
    def means(self) -> str:
        """What the value says, in a few words."""
        return str(self.metadata["means"])

    @abstractmethod
    def json_schema(self) -> JsonSchema:
        """The kind as JSON Schema 2020-12."""

    @abstractmethod
    def check(self, closed: bool) -> Check:
        """The fast check; ``closed`` refuses fields that the schema does not know."""

    @abstractmethod
    def example(self) -> Any:
        """A value of this kind, for documents."""


class Text(EventField):
    """A string of a fixed form: never free text."""

    def __init__(
        self, means: str = "", *, pattern: str, longest: int, form: str, example: str, optional: bool = False
    ) -> None:
        super().__init__(means, optional=optional)
        self._pattern = re.compile(pattern)
        self._longest = longest
        self._form = form
        self._example = example

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not self._pattern.fullmatch(value):
            raise ValidationError(f"Not {self._form}.")
        return value

    def json_schema(self) -> JsonSchema:
        return {
            "type": "string",
            "pattern": self._pattern.pattern,
            "minLength": 1,
            "maxLength": self._longest,
        }

    def check(self, closed: bool) -> Check:
        matches = self._pattern.fullmatch
        return lambda value: type(value) is str and matches(value) is not None

    def example(self) -> str:
        return self._example


class Id(Text):
    """An opaque id of at most 128 characters; no ``@`` and no space, so no mail address and no name fits."""

    def __init__(self, means: str = "", *, example: str = "", optional: bool = False) -> None:
        super().__init__(
            means,
            pattern=ID,
            longest=128,
            form="an id",
            example=example or "0199e3a0-5b1c-7d2e-8f3a-4b5c6d7e8f90",
            optional=optional,
        )


class Code(Text):
    """A word of a controlled vocabulary, such as a topic: lower-case letters, digits, ``.``, ``_`` and ``-``."""

    def __init__(self, means: str = "", *, example: str = "funding", optional: bool = False) -> None:
        super().__init__(means, pattern=CODE, longest=64, form="a code", example=example, optional=optional)


class Language(Text):
    """A language tag (BCP 47), for example ``id`` or ``zh-Hant``."""

    def __init__(self, means: str = "", *, optional: bool = False) -> None:
        pattern = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
        super().__init__(means, pattern=pattern, longest=30, form="a language tag", example="id", optional=optional)


class Zone(Text):
    """The name of a time zone in the IANA database, for example ``Asia/Jakarta``."""

    def __init__(self, means: str = "", *, optional: bool = False) -> None:
        pattern = r"^[A-Z][A-Za-z0-9_+-]{1,31}(/[A-Z][A-Za-z0-9_+-]{0,31}){0,2}$"
        super().__init__(
            means,
            pattern=pattern,
            longest=98,
            form="the name of a time zone",
            example="Asia/Jakarta",
            optional=optional,
        )


class Time(Text):
    """A moment: RFC 3339, UTC, exactly milliseconds (see :mod:`shared.events.times`)."""

    def __init__(self, means: str = "", *, optional: bool = False) -> None:
        super().__init__(
            means,
            pattern=times.PATTERN,
            longest=24,
            form="a UTC time with milliseconds such as 2026-11-24T09:30:00.000Z",
            example="2026-11-24T09:30:00.000Z",
            optional=optional,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not times.is_time(text):
            raise ValidationError(f"Not {self._form}.")
        return text

    def json_schema(self) -> JsonSchema:
        return {**super().json_schema(), "format": "date-time"}

    def check(self, closed: bool) -> Check:
        return lambda value: type(value) is str and times.is_time(value)


class OneOf(EventField):
    """One of a few words that this schema lists."""

    def __init__(self, *choices: str, means: str = "", optional: bool = False) -> None:
        super().__init__(means, optional=optional)
        self._choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or value not in self._choices:
            raise ValidationError(f"Not one of {', '.join(self._choices)}.")
        return value

    def json_schema(self) -> JsonSchema:
        return {"type": "string", "enum": list(self._choices)}

    def check(self, closed: bool) -> Check:
        choices = frozenset(self._choices)
        return lambda value: type(value) is str and value in choices

    def example(self) -> str:
        return self._choices[0]


class Whole(EventField):
    """A whole number written without a fraction (``2``, not ``2.0``), from ``lowest`` to ``highest``."""

    def __init__(
        self,
        means: str = "",
        *,
        lowest: int = 0,
        highest: int = 2**31 - 1,
        example: int = 3,
        optional: bool = False,
    ) -> None:
        super().__init__(means, optional=optional)
        self._lowest = lowest
        self._highest = highest
        self._example = example

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        # A boolean is an int to Python, and not to anybody else.
        if isinstance(value, bool) or not isinstance(value, int) or not self._lowest <= value <= self._highest:
            raise ValidationError(f"Not a whole number from {self._lowest} to {self._highest}.")
        return value

    def json_schema(self) -> JsonSchema:
        return {"type": "integer", "minimum": self._lowest, "maximum": self._highest}

    def check(self, closed: bool) -> Check:
        lowest, highest = self._lowest, self._highest
        return lambda value: type(value) is int and lowest <= value <= highest

    def example(self) -> int:
        return self._example


class Number(EventField):
    """A finite number that every JSON reader can hold; NaN and the infinities are none."""

    def __init__(self, means: str = "", *, lowest: int = -EXACT, example: float = 0.0, optional: bool = False) -> None:
        super().__init__(means, optional=optional)
        self._lowest = lowest
        self._example = example

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        # Exactly float: JSON writers refuse its subclasses, such as NumPy's.
        if not (whole or type(value) is float) or not self._lowest <= value <= EXACT:
            raise ValidationError(f"Not a number from {self._lowest} to {EXACT}.")
        return value

    def json_schema(self) -> JsonSchema:
        return {"type": "number", "minimum": self._lowest, "maximum": EXACT}

    def check(self, closed: bool) -> Check:
        lowest = self._lowest
        return lambda value: (type(value) is float or type(value) is int) and lowest <= value <= EXACT

    def example(self) -> float:
        return self._example


class Flag(EventField):
    """True or false, and nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise ValidationError("Not true or false.")
        return value

    def json_schema(self) -> JsonSchema:
        return {"type": "boolean"}

    def check(self, closed: bool) -> Check:
        return lambda value: value is True or value is False

    def example(self) -> bool:
        return False


class Record(EventField):
    """An object with fields of its own."""

    def __init__(self, schema: type[Schema], means: str = "", *, optional: bool = False) -> None:
        super().__init__(means, optional=optional)
        self._schema = schema

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError("Not an object.")
        # marshmallow's own nesting forgets whether the outermost schema was told to refuse unknown fields.
        unknown = self.root.unknown if isinstance(self.root, Schema) else None
        return self._schema(unknown=unknown).load(value)

    def json_schema(self) -> JsonSchema:
        return object_schema(self._schema)

    def check(self, closed: bool) -> Check:
        return object_check(self._schema, closed)

    def example(self) -> dict[str, Any]:
        return object_example(self._schema)


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
    ) -> None:
        super().__init__(means, optional=optional, cls_or_instance=item, validate=Length(max=most))
        self._most = most
        self._example = example

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        # marshmallow takes any collection, a mapping too.
        if not isinstance(value, list | tuple):
            raise ValidationError("Not a list.")
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
    ) -> None:
        super().__init__(means, optional=optional, keys=Code(), values=value, validate=Length(max=most))
        self._most = most
        self._example = example

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
