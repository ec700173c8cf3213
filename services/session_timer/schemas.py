"""What comes in with a command: checked here, so that the domain sees only values of the right kind."""

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.validate import Length, OneOf, Range

from shared.faults import Invalid, Problem
from shared.messages import say

DAY = 86_400
WEEK = 7 * DAY


class Command(Schema):
    """What every command on a session carries."""

    class Meta:
        unknown = RAISE

    session_id = fields.String(required=True, validate=Length(1, 128))
    revision = fields.Integer(strict=True, allow_none=True, load_default=None, validate=Range(min=1))
    idempotency_key = fields.String(allow_none=True, load_default=None, validate=Length(1, 200))


class ShiftStart(Command):
    """Start later or earlier; without a session, at all sites of the program that have not begun."""

    program_id = fields.String(required=True, validate=Length(1, 128))
    session_id = fields.String(allow_none=True, load_default=None, validate=Length(1, 128))
    by_seconds = fields.Integer(required=True, strict=True, validate=Range(min=-WEEK, max=WEEK))


class Extend(Command):
    """Give the running round more time."""

    seconds = fields.Integer(required=True, strict=True)


class ChoosePolicy(Command):
    """Say what happens after an outage."""

    on_outage = fields.String(required=True, validate=OneOf(["catch-up", "hold"]))


def load(schema: type[Schema], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The checked arguments; raises :class:`Invalid` naming every one that is wrong."""
    try:
        loaded: dict[str, Any] = schema().load(arguments)
    except ValidationError as error:
        problems = [
            Problem(f"/{field}", say("it is not valid: {reasons}", reasons=" ".join(map(str, reasons))), _REMEDY)
            for field, reasons in error.normalized_messages().items()
        ]
        raise Invalid(say("The command cannot be carried out as it is."), problems) from None
    return loaded


_REMEDY = say("see the description of this command in the API document")
