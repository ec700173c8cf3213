"""What comes in with a call about integrators."""

from marshmallow import RAISE, Schema, ValidationError, fields
from marshmallow.validate import Length, OneOf, Range

from services.integrations.accounts.broker_account import LONGEST_NAME, is_name
from services.integrations.domain.scope import LONGEST
from shared.messaging.topology import COMMAND_NAMES


def _name(text: str) -> None:
    if not is_name(text):
        raise ValidationError(
            f"No name of an integrator: small letters, digits and hyphens, from a letter on, up to {LONGEST_NAME}."
        )


class OfIntegrator(Schema):
    """A command about an integrator."""

    class Meta:
        unknown = RAISE

    name = fields.String(required=True, validate=_name)
    idempotency_key = fields.String(allow_none=True, load_default=None, validate=Length(1, 200))


class AddIntegrator(OfIntegrator):
    """A new integrator and its scope; ``programs`` None is all of them."""

    types = fields.List(fields.String(validate=Length(1, LONGEST)), required=True, validate=Length(1, 50))
    programs = fields.List(
        fields.String(validate=Length(1, 128)), allow_none=True, load_default=None, validate=Length(1, 200)
    )
    stream = fields.Boolean(load_default=False)
    commands = fields.List(fields.String(validate=OneOf(COMMAND_NAMES)), load_default=list, validate=Length(max=20))


class OfUser(Schema):
    """A broker user."""

    class Meta:
        unknown = RAISE

    user = fields.String(required=True, validate=Length(1, 200))


class RotateIntegrator(OfIntegrator):
    """New secrets; hours for which the old ones still hold."""

    keep_hours = fields.Integer(strict=True, load_default=0, validate=Range(0, 720))


class RedeemApiKey(Schema):
    """An API key."""

    class Meta:
        unknown = RAISE

    api_key = fields.String(required=True, validate=Length(1, 200))
