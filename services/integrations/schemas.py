"""What comes in with a call: checked here, so that the domain sees only values of the right kind."""

from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.validate import Length, Range

from services.integrations.domain.scope import LONGEST, is_pattern

#: Events in one page at the most.
MOST_EVENTS = 1000


def pattern(text: str) -> None:
    """Refuse what is no pattern of types."""
    if not is_pattern(text):
        raise ValidationError(
            f"No pattern of types such as registration.# or *.round-ended, up to {LONGEST} characters."
        )


class ReadEvents(Schema):
    """Events from a cursor on."""

    class Meta:
        unknown = RAISE

    after = fields.String(allow_none=True, load_default=None, validate=Length(1, 128))
    types = fields.List(fields.String(validate=pattern), load_default=list, validate=Length(max=50))
    program = fields.String(allow_none=True, load_default=None, validate=Length(1, 128))
    limit = fields.Integer(strict=True, load_default=MOST_EVENTS, validate=Range(1, MOST_EVENTS))


class ReadSnapshot(Schema):
    """The events of a program that still matter, or the next page of them."""

    class Meta:
        unknown = RAISE

    program_id = fields.String(required=True, validate=Length(1, 128))
    types = fields.List(fields.String(validate=pattern), load_default=list, validate=Length(max=50))
    page = fields.String(allow_none=True, load_default=None, validate=Length(1, 64))
    limit = fields.Integer(strict=True, load_default=MOST_EVENTS, validate=Range(1, MOST_EVENTS))
