"""Kinds of fields that bodies are made of: as strict as the API document says, and described there as they are."""

import re
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.validate import Length, Range, Regexp

WEEK = 7 * 86_400
MOST_ROUNDS = 100
LONGEST_ID = 128


class Request(Schema):
    """A body: unknown fields are slips, and are named."""

    class Meta:
        unknown = RAISE


class Whole(fields.Integer):
    """A whole number, however JSON writes it (3 and 3.0 are the same number); no text and no truth value is one."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, str) or (isinstance(value, float) and not value.is_integer()):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Digits(fields.Integer):
    """A whole number in a query, which has texts only: digits, and nothing else that Python takes for a number."""

    def _validated(self, value: Any) -> int:
        if not re.fullmatch("-?[0-9]{1,18}", str(value)):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Flag(fields.Boolean):
    """``true`` or ``false``, and nothing that could be meant by it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Shape(Regexp):
    """What a whole text must look like; the pattern is one for readers of the document too (ECMA 262)."""

    def __init__(self, pattern: str, error: str) -> None:
        super().__init__(f"^(?:{pattern})$", error=error)

    def __call__(self, value: Any) -> Any:
        """``value``, if it fits."""
        # To Python, "$" is before a line break at the end as well.
        if not re.fullmatch(self.regex, value):
            raise ValidationError(self._format_error(value))
        return value


def ident(means: str, **more: Any) -> fields.String:
    """An id with its meaning."""
    return fields.String(validate=Length(1, LONGEST_ID), metadata={"description": means}, **more)


def text(means: str, most: int, least: int = 0, **more: Any) -> fields.String:
    """A text of ``least`` to ``most`` characters."""
    return fields.String(validate=Length(least, most), metadata={"description": means}, **more)


def whole(means: str, low: int, high: int, **more: Any) -> fields.Integer:
    """A whole number from ``low`` to ``high``."""
    return Whole(validate=Range(low, high), metadata={"description": means}, **more)


def listed(each: Any, means: str, most: int, **more: Any) -> Any:
    """At most ``most`` of a kind, in their order."""
    return fields.List(each, validate=Length(max=most), metadata={"description": means}, **more)


def confirmations() -> Any:
    """What refusals have asked about (``confirm`` of their problems) and is said to be right."""
    described = "codes from `confirm` of earlier problems: what they ask about is right as it is"
    return listed(fields.String(validate=Length(1, 100)), described, 10_000)
