"""What comes in with a call about replays."""

from marshmallow import RAISE, Schema, fields
from marshmallow.validate import Length

from services.integrations.schemas import pattern


class OfIntegrator(Schema):
    """What is asked of the replays to one integrator."""

    class Meta:
        unknown = RAISE

    name = fields.String(required=True, validate=Length(1, 128))


class StartReplay(OfIntegrator):
    """Send it what is in the log from a cursor or a time on."""

    start = fields.String(required=True, validate=Length(1, 128))
    types = fields.List(fields.String(validate=pattern), load_default=list, validate=Length(max=50))
    idempotency_key = fields.String(allow_none=True, load_default=None, validate=Length(1, 200))


class OfReplay(Schema):
    """What is asked of one replay."""

    class Meta:
        unknown = RAISE

    replay_id = fields.String(required=True, validate=Length(1, 128))


class CancelReplay(OfReplay):
    """Call it off."""

    idempotency_key = fields.String(allow_none=True, load_default=None, validate=Length(1, 200))
