"""What comes in with a command: checked here, so that the domain sees only values of the right kind."""

from marshmallow import RAISE, Schema, fields
from marshmallow.validate import Length, OneOf, Range

DAY = 86_400
WEEK = 7 * DAY


class Command(Schema):
    """What every command on a session carries."""

    class Meta:
        unknown = RAISE

    session_id = fields.String(required=True, validate=Length(1, 128))
    revision = fields.Integer(strict=True, allow_none=True, load_default=None, validate=Range(min=1))
    idempotency_key = fields.String(allow_none=True, load_default=None, validate=Length(1, 200))


class RoundCommand(Command):
    """A command about the round that runs, or that has run last."""

    round = fields.Integer(strict=True, allow_none=True, load_default=None, validate=Range(min=1))


class ShiftStart(Command):
    """Start later or earlier; without a session, at all sites of the program that have not begun.

    For all sites ``revisions`` has the revision of each timetable on which the command was given, by session.
    """

    program_id = fields.String(required=True, validate=Length(1, 128))
    session_id = fields.String(allow_none=True, load_default=None, validate=Length(1, 128))
    by_seconds = fields.Integer(required=True, strict=True, validate=Range(min=-WEEK, max=WEEK))
    revisions = fields.Dict(
        keys=fields.String(validate=Length(1, 128)),
        values=fields.Integer(strict=True, validate=Range(min=1)),
        load_default=dict,
    )


class Extend(RoundCommand):
    """Give the running round more time."""

    seconds = fields.Integer(required=True, strict=True, validate=Range(min=-DAY, max=DAY))


class ChoosePolicy(Command):
    """Say what happens after an outage."""

    on_outage = fields.String(required=True, validate=OneOf(["catch-up", "hold"]))
