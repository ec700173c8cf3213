"""What comes in with a call: checked here, so that the rest sees only values of the right kind."""

from marshmallow import RAISE, Schema, fields
from marshmallow.validate import Length


class RequestPlan(Schema):
    """Have a program planned."""

    class Meta:
        unknown = RAISE

    program_id = fields.String(required=True, validate=Length(1, 128))
    idempotency_key = fields.String(allow_none=True, load_default=None, validate=Length(1, 200))
