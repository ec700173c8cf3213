"""What comes in and goes out about integrators."""

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from services.gateway.schemas.kinds import Flag, Request, Shape, ident, whole
from services.gateway.schemas.problem_document import text
from services.gateway.schemas.views import View, flag, texts, time
from shared.messaging.topology import COMMAND_NAMES

#: As the integrations service has it.
NAME = "[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?"


class NewIntegrator(Request):
    """Another system, and what it may hear."""

    name = fields.String(
        required=True,
        validate=Shape(NAME, "Not a name such as hr-dashboard: small letters, digits and hyphens, up to 40."),
        metadata={"description": "small letters, digits and hyphens, from a letter on", "example": "hr-dashboard"},
    )
    types = fields.List(
        fields.String(validate=Length(1, 200)),
        required=True,
        validate=Length(1, 50),
        metadata={
            "description": "patterns of types: `#` for all, `registration.#` for those of a service, "
            "`matching.plan-published` for one",
            "example": ["registration.#", "matching.plan-published"],
        },
    )
    programs = fields.List(
        ident("a program"),
        allow_none=True,
        load_default=None,
        validate=Length(1, 200),
        metadata={"description": "events of these programs only; without it, of all"},
    )
    stream = Flag(
        load_default=False,
        metadata={"description": "whether it also gets a stream, which is read from any offset"},
    )
    commands = fields.List(
        fields.String(validate=OneOf(COMMAND_NAMES)),
        load_default=list,
        validate=Length(max=20),
        metadata={"description": "commands that it may give by message; without it none", "example": ["check-in"]},
    )


class Rotation(Request):
    """New secrets in place of the old."""

    keep_hours = whole("hours for which the old ones still hold", 0, 720, load_default=0)


class BrokerUser(View):
    """A user at the broker, and how long it holds."""

    user = text("its name")
    made_at = time("when it was made (real time)")
    until = time("when it ends; null: not by itself")


class Integrator(View):
    """Another system with an account."""

    name = text("its name")
    types = texts("patterns of the types that it may hear")
    programs = fields.List(
        fields.String(), allow_none=True, metadata={"description": "the programs that it may hear of; null: of all"}
    )
    queue = text("the queue that is its own, bound to its scope")
    dead_letters = text("where goes what it was given too often, and what the queue had no room for")
    stream = text("the stream that is its own", allow_none=True)
    commands = texts("the commands that it may give by message")
    answers = text("the queue with the answers to them", allow_none=True)
    exchange = text("where it may bind its queue by keys within its scope")
    created_at = time("when it was made (real time)")
    settled = flag("whether the broker has it as it is here")
    users = fields.List(
        fields.Nested(BrokerUser), metadata={"description": "its users at the broker, the oldest first"}
    )


class Integrators(View):
    """All of them."""

    integrators = fields.List(fields.Nested(Integrator), metadata={"description": "by name"})


class Secrets(View):
    """What it proves itself by; shown once."""

    amqp_uri = text("where it connects to, with user and password")
    user = text("its user at the broker")
    password = text("that user's password")
    api_key = text("what it logs in with over HTTP: `POST /api/v1/log-in` with `api_key`")


class IntegratorWithSecrets(Integrator):
    """Another system with its secrets, which nobody can show again."""

    secrets = fields.Nested(Secrets, metadata={"description": "shown this once"})
