"""What comes in and goes out about webhooks."""

from marshmallow import fields
from marshmallow.validate import Length

from services.gateway.schemas.kinds import Flag, Request, ident
from services.gateway.schemas.kinds import text as given_text
from services.gateway.schemas.problem_document import text
from services.gateway.schemas.views import View, choice, number, texts, time, whole


class WebhookFilter(Request):
    """Which webhooks."""

    integrator = ident("only those of this integrator", load_default=None)


class NewWebhook(Request):
    """Where an integrator's events are to be sent."""

    integrator = ident("whose events", required=True)
    url = fields.String(
        required=True,
        validate=Length(1, 2000),
        metadata={
            "description": "where they go, by HTTPS; not into the network that the sender stands in, but for what the "
            "operator allows",
            "example": "https://hooks.example.org/speedmentor",
        },
    )
    types = fields.List(
        fields.String(validate=Length(1, 200)),
        load_default=list,
        validate=Length(max=50),
        metadata={
            "description": "patterns of types, such as `matching.#`, within those of the integrator; none: all",
            "example": ["matching.#"],
        },
    )
    programs = fields.List(
        ident("a program"),
        allow_none=True,
        load_default=None,
        validate=Length(1, 50),
        metadata={"description": "of these programs only, within those of the integrator"},
    )
    after = given_text(
        "a cursor, as `GET /events` gives them: begin with the event after it; without it, with the next event",
        128,
        1,
        allow_none=True,
        load_default=None,
    )


class Activation(Request):
    """How to go on."""

    from_now = Flag(
        load_default=False,
        metadata={"description": "begin with the next event, and leave out what it has not had"},
    )


class Redelivery(Request):
    """Which events: one, or those given up since a time."""

    event_id = ident("this event, which it was to get in the last seven days", allow_none=True, load_default=None)
    given_up_since = fields.String(
        allow_none=True,
        load_default=None,
        validate=Length(1, 64),
        metadata={"description": "the events that were given up since then", "format": "date-time"},
    )


class Attempt(View):
    """One request, and what came of it."""

    event_id = text("the event")
    at = time("when it ended (real time)")
    status = whole("the status of the answer; null: there was none")
    failure = text(
        "what went wrong where there is no status: `timeout`, `name` (it could not be resolved), `address` (one in the "
        "own network), `connection`, `tls`, `answer` (no HTTP), `secret` (it cannot be read: rotate it), `internal`",
        allow_none=True,
    )
    seconds = number("how long it took")


class Gap(View):
    """Events that were not sent, since the log did not keep them any more."""

    at = time("when that was seen (real time)")
    after = text("the cursor after which they are missing")
    until = text("the cursor until which they are missing")


class Webhook(View):
    """Where an integrator's events go."""

    webhook_id = text("the webhook")
    integrator = text("whose events")
    url = text("where they go")
    types = texts("patterns of types; none: all that the integrator may hear")
    programs = fields.List(
        fields.String(), allow_none=True, metadata={"description": "of these programs only; null: of all"}
    )
    state = choice("whether events are sent", "active", "disabled")
    reason = text(
        "why it is disabled: `gone` (it answered 410), `failing` (nothing has succeeded for three days), `given-up` "
        "(100 events were given up), `by-hand`, `no-integrator`",
        allow_none=True,
    )
    since = time("since when it is in this state (real time)")
    created_at = time("when it was made (real time)")
    cursor = text("how far the log has been taken")
    pending = whole("events taken and not delivered yet")
    given_up = whole("events given up after all attempts, and not delivered since")
    delivered = whole("events delivered")
    delivered_at = time("when one was delivered last")
    failing_since = time("since when nothing has succeeded; null: the last request did")
    rests_until = time("until when nothing is sent, since it is busy or many requests have failed")
    old_secret_until = time("until when the secret before signs too; null: there is none")
    failed = fields.Nested(Attempt, allow_none=True, metadata={"description": "the last request that failed"})
    test = fields.Nested(Attempt, allow_none=True, metadata={"description": "the last test event"})
    gap = fields.Nested(Gap, allow_none=True, metadata={"description": "what it has missed for good"})


class WebhookWithSecret(Webhook):
    """A webhook with its secret, which nobody can show again."""

    secret = text("by which its requests are signed (`whsec_…`); shown this once")


class Delivery(View):
    """One event, and what became of it."""

    event_id = text("the event")
    type = text("its type, by the short name")
    cursor = text("its place in the log")
    state = choice("what became of it", "retrying", "given-up", "delivered")
    attempts = whole("requests made for it")
    next_at = time("when the next one is made")
    last = fields.Nested(Attempt, allow_none=True, metadata={"description": "the last of them"})


class WebhookInFull(Webhook):
    """A webhook with what has become of its events."""

    deliveries = fields.List(
        fields.Nested(Delivery),
        metadata={"description": "those that fail and those given up, up to 100 each, and the last 20 delivered"},
    )


class Webhooks(View):
    """Some of them."""

    webhooks = fields.List(fields.Nested(Webhook), metadata={"description": "the oldest first"})


class TestSent(View):
    """A test event is on its way."""

    event_id = text("its id, by which the webhook's `test` tells what became of it")


class Redelivered(View):
    """Events are on their way once more."""

    events = whole("how many")
