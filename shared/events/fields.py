"""The kinds of value an event may carry.

Each kind is a marshmallow field, and says the same thing three times, side by side: to marshmallow (which names
what is wrong), as JSON Schema (for other systems), and as a check that only says yes or no but is fast enough
to run on every event twice. There is no kind for free text, on purpose: an event carries no personal data.
"""

import re
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError, fields

from shared.events import times

#: Says whether a JSON value is of a kind.
Check = Callable[[Any], bool]
JsonSchema = dict[str, Any]

#: The largest whole number that every JSON reader keeps exactly (RFC 8259, section 6).
EXACT = 2**53 - 1

ID = r"^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$"
CODE = r"^[a-z0-9][a-z0-9._-]{0,63}$"


class EventField(fields.Field[Any]):
    """A value in an event. ``optional`` ones may be absent or null; the others may be neither.

    ``withheld`` is the release from which on it carries nothing: then it is empty or absent, and read as before.
    """

    def __init__(self, means: str = "", *, optional: bool = False, withheld: str | None = None, **options: Any) -> None:
        metadata = {"means": means, "withheld": withheld}
        super().__init__(required=not optional, allow_none=optional, metadata=metadata, **options)

    @property
    def withheld(self) -> str | None:
        """The release from which on it carries nothing; None of what is published."""
        withheld: str | None = self.metadata["withheld"]
        return withheld

    @property
    def meaning(self) -> str:
        """What the value says, in a few words, whether it is published any more or not."""
        return str(self.metadata["means"])

    @property
    def means(self) -> str:
        """The same, and since when it carries nothing."""
        means = self.meaning
        if self.withheld is None:
            return means
        said = "empty" if self.required else "absent or empty"
        return f"{means}; {said} since {self.withheld}, since it is not for other systems"

    @property
    @abstractmethod
    def form(self) -> str:
        """The kind in words, with its article: ``a whole number from 1 to 5``."""

    def refused(self) -> ValidationError:
        """What is said of a value that is not of this kind."""
        return ValidationError(f"Not {self.form}.")

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
        self,
        means: str = "",
        *,
        pattern: str,
        longest: int,
        form: str,
        example: str,
        optional: bool = False,
        withheld: str | None = None,
    ) -> None:
        super().__init__(means, optional=optional, withheld=withheld)
        self._pattern = re.compile(pattern)
        self._longest = longest
        self._form = form
        self._example = example

    @property
    def form(self) -> str:
        return self._form

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not self._pattern.fullmatch(value):
            raise self.refused()
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
    """An opaque id of at most 128 characters; no ``@`` and no space, so no mail address and no full name fits."""

    def __init__(
        self, means: str = "", *, example: str = "", optional: bool = False, withheld: str | None = None
    ) -> None:
        super().__init__(
            means,
            pattern=ID,
            longest=128,
            form="an id",
            example=example or "0199e3a0-5b1c-7d2e-8f3a-4b5c6d7e8f90",
            optional=optional,
            withheld=withheld,
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
            raise self.refused()
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

    @property
    def form(self) -> str:
        return "one of " + ", ".join(self._choices)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or value not in self._choices:
            raise self.refused()
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

    @property
    def form(self) -> str:
        return f"a whole number from {self._lowest} to {self._highest}"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        # A boolean is an int to Python, and not to anybody else.
        if isinstance(value, bool) or not isinstance(value, int) or not self._lowest <= value <= self._highest:
            raise self.refused()
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

    @property
    def form(self) -> str:
        return "a finite number" if self._lowest < 0 else f"a finite number from {self._lowest}"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        # Exactly float: JSON writers refuse its subclasses, such as NumPy's.
        if not (whole or type(value) is float) or not self._lowest <= value <= EXACT:
            raise self.refused()
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

    @property
    def form(self) -> str:
        return "true or false"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise self.refused()
        return value

    def json_schema(self) -> JsonSchema:
        return {"type": "boolean"}

    def check(self, closed: bool) -> Check:
        return lambda value: value is True or value is False

    def example(self) -> bool:
        return False
