"""Arguments of a call, checked by a marshmallow schema before anything else sees them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError

from shared.faults import Invalid, Problem
from shared.messages import say
from shared.values import problems_in


def load(schema: type[Schema], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The checked arguments.

    Raises:
        Invalid: naming every argument that is missing, unknown or of the wrong kind, as a JSON pointer.
    """
    unfit = list(problems_in(arguments))
    if unfit:
        raise Invalid(say("The command cannot be carried out as it is."), unfit)
    try:
        loaded: dict[str, Any] = schema().load(arguments)
    except ValidationError as error:
        problems = [
            Problem(pointer, say("it is not valid: {reasons}", reasons=reasons), _REMEDY)
            for pointer, reasons in _faults(error.messages, "")
        ]
        raise Invalid(say("The command cannot be carried out as it is."), problems) from None
    return loaded


def _faults(messages: Any, pointer: str) -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        return [
            fault
            for name, inner in messages.items()
            for fault in _faults(inner, pointer if name == "_schema" else f"{pointer}/{name}")
        ]
    return [(pointer or "/", " ".join(map(str, messages)))]


_REMEDY = say("see the description of this command in the API document")
