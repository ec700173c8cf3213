"""Reading a JSON document that anybody may have written: bounded in depth and in values, every fault named by place."""

import json
import math
from typing import Any

from shared.faults import Problem, pointer_step
from shared.messages import Message, say
from shared.values import problems_in

#: How deep lists and objects may lie in each other; what is described in the API document lies four deep at most.
MOST_DEPTH = 32
#: How many values, names not counted, a document may have: two lists of 10,000 wishes, and all that may be beside them.
MOST_VALUES = 25_000

#: A whole number of more characters than this has more than 64 bits.
_LONGEST_NUMBER = 20


class UnreadableError(ValueError):
    """The text is no JSON document that is read here; ``detail`` says why, and what mends it."""

    def __init__(self, detail: Message) -> None:
        super().__init__(str(detail))
        self.detail = detail


class _Doubled(dict[str, Any]):
    """An object that has said something twice; ``names`` are what."""

    names: list[str]


def read(data: bytes) -> tuple[Any, list[Problem]]:
    """The document, and what in it cannot be kept: numbers out of range, no characters, names that are there twice.

    Raises:
        UnreadableError: it is no JSON (RFC 8259), is not in UTF-8, lies too deep or has too many values.
    """
    try:
        document = _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise UnreadableError(say("The body is not in UTF-8; send JSON in UTF-8.")) from None
    except json.JSONDecodeError as error:
        raise UnreadableError(
            say(
                "The body is no JSON: line {line}, column {column} cannot be read; mend it there.",
                line=error.lineno,
                column=error.colno,
            )
        ) from None
    except RecursionError:
        raise UnreadableError(_TOO_DEEP) from None
    return document, [*_measure(document), *problems_in(document)]


def _measure(document: Any) -> list[Problem]:
    """The names that are there twice; raises where there is too much of anything."""
    problems, values = [], 1
    level = [("", document)]
    for _ in range(MOST_DEPTH + 1):
        deeper = []
        for place, value in level:
            if isinstance(value, dict):
                inner = [(f"{place}/{pointer_step(name)}", each) for name, each in value.items()]
                if isinstance(value, _Doubled):
                    problems += [Problem(f"{place}/{pointer_step(name)}", *_TWICE) for name in value.names]
            elif isinstance(value, list):
                inner = [(f"{place}/{number}", each) for number, each in enumerate(value)]
            else:
                continue
            values += len(inner)
            if values > MOST_VALUES:
                raise UnreadableError(
                    say("The body has more than {most} values; send it in several requests.", most=MOST_VALUES)
                )
            deeper += inner
        if not deeper:
            return problems
        level = deeper
    raise UnreadableError(_TOO_DEEP)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    doubled = _Doubled(made)
    names = [name for name, _ in pairs]
    doubled.names = sorted({name for name in names if names.count(name) > 1}) if len(names) < 1000 else [""]
    return doubled


def _whole(text: str) -> int | float:
    # What is longer is out of range for certain; reading it could take very long, and fails from 4,300 digits on.
    return int(text) if len(text) <= _LONGEST_NUMBER else math.inf


_TOO_DEEP = say("The body has more than {most} lists or objects in each other; send it flatter.", most=MOST_DEPTH)
_TWICE = say("it is there twice"), say("say it once")
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole)
