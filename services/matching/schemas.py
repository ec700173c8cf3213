"""What comes in with a call: checked here, so that the rest sees only values of the right kind."""

from marshmallow import RAISE, Schema, fields
from marshmallow.validate import Length, OneOf, Range

from services.matching.domain.final_pairs import METHODS, STABLE
from services.matching.pairing.rankings import TOP

#: People whom somebody can have met in an event: of 100 rounds, in each as many as have seats at a group's table.
MOST_RANKS = 100 * 100
#: The first so many of a list are top choices at most.
MOST_TOP = 100
#: Mentees whom one mentor goes on with at most.
MOST_PLACES = 20


class OfProgram(Schema):
    """What is asked of a program."""

    class Meta:
        unknown = RAISE

    program_id = fields.String(required=True, validate=Length(1, 128))


class OfParticipant(Schema):
    """What is asked of a participant."""

    class Meta:
        unknown = RAISE

    participant_id = fields.String(required=True, validate=Length(1, 128))


class Command(OfProgram):
    """What is to be done once."""

    idempotency_key = fields.String(allow_none=True, load_default=None, validate=Length(1, 200))


class RequestPlan(Command):
    """Have a program planned, or not planned after all."""


class SubmitRanking(Command):
    """Whom a participant would go on with, the dearest first, and with how many."""

    ranks = fields.List(fields.String(validate=Length(1, 128)), required=True, validate=Length(max=MOST_RANKS))
    capacity = fields.Integer(strict=True, allow_none=True, load_default=None, validate=Range(0, MOST_PLACES))


class RequestPairing(Command):
    """Have the pairs formed who go on together."""

    method = fields.String(load_default=STABLE, validate=OneOf(METHODS))
    top = fields.Integer(strict=True, load_default=TOP, validate=Range(1, MOST_TOP))
    capacity = fields.Integer(strict=True, load_default=1, validate=Range(0, MOST_PLACES))
