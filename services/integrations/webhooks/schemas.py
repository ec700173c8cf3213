"""What comes in with calls about webhooks: checked here, so that the commands see only values of the right kind."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length

from services.integrations.domain.addresses import LONGEST_URL
from services.integrations.domain.scope import is_pattern
from shared.events.fields import Flag


def _pattern(text: str) -> None:
    if not is_pattern(text):
        raise ValidationError("No pattern of types such as registration.# or *.round-ended, up to 200 characters.")


class Instant(fields.String):
    """A time with its offset from UTC (RFC 3339); loaded as an aware time."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            found = datetime.fromisoformat(text)
            if found.tzinfo is None:
                raise ValueError
            return found.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("No time with an offset such as 2026-11-28T09:30:00Z.") from None


def _key() -> Any:
    return fields.String(allow_none=True, load_default=None, validate=Length(1, 200))


class WebhooksOf(Schema):
    """Which webhooks."""

    class Meta:
        unknown = RAISE

    integrator = fields.String(allow_none=True, load_default=None, validate=Length(1, 128))


class AddWebhook(Schema):
    """Where an integrator's events are to go. Without types or programs it is all that the integrator may hear."""

    class Meta:
        unknown = RAISE

    integrator = fields.String(required=True, validate=Length(1, 128))
    url = fields.String(required=True, validate=Length(1, LONGEST_URL))
    types = fields.List(fields.String(validate=_pattern), load_default=list, validate=Length(max=50))
    programs = fields.List(
        fields.String(validate=Length(1, 128)), allow_none=True, load_default=None, validate=Length(1, 50)
    )
    after = fields.String(allow_none=True, load_default=None, validate=Length(1, 128))
    idempotency_key = _key()


class OfWebhook(Schema):
    """Which webhook."""

    class Meta:
        unknown = RAISE

    webhook_id = fields.String(required=True, validate=Length(1, 128))


class WebhookCommand(OfWebhook):
    """What is to be done with it, once."""

    idempotency_key = _key()


class EnableWebhook(WebhookCommand):
    """Whether what it has not had is left out."""

    from_now = Flag("whether to begin with what comes from now on")


class Redeliver(WebhookCommand):
    """Which events: one, or those given up since a time."""

    event_id = fields.String(allow_none=True, load_default=None, validate=Length(1, 128))
    given_up_since = Instant(allow_none=True, load_default=None)

    @validates_schema
    def _one(self, data: dict[str, Any], **_: Any) -> None:
        if (data["event_id"] is None) == (data["given_up_since"] is None):
            raise ValidationError("Give either the id of an event or a time since which events were given up.")
