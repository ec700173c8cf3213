"""What comes in with a call: checked here, so that the domain sees only values of the right kind."""

from marshmallow import RAISE, Schema, fields
from marshmallow.validate import Length

from shared.events.fields import Flag


class OfProgram(Schema):
    """What is asked of a program."""

    class Meta:
        unknown = RAISE

    program_id = fields.String(required=True, validate=Length(1, 128))


class CloseProgram(OfProgram):
    """End the gathering of feedback and make the report."""

    idempotency_key = fields.String(allow_none=True, load_default=None, validate=Length(1, 200))


class SubmitFeedback(Schema):
    """What one side says of a meeting. Ratings are checked by the domain, which knows whom each question is for."""

    class Meta:
        unknown = RAISE

    meeting_id = fields.String(required=True, validate=Length(1, 128))
    ratings = fields.Dict(keys=fields.String(), values=fields.Raw(), required=True, validate=Length(max=50))
    stay_in_touch = Flag("whether to stay in touch with the other side")
    takeaway = fields.String(allow_none=True, load_default=None, validate=Length(max=2000))
    idempotency_key = fields.String(allow_none=True, load_default=None, validate=Length(1, 200))
