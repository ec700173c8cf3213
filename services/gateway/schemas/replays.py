"""What comes in and goes out about replays."""

from marshmallow import fields
from marshmallow.validate import Length, Regexp

from services.gateway.schemas.kinds import Request, listed
from services.gateway.schemas.problem_document import text
from services.gateway.schemas.requests import PATTERN_OF_TYPES
from services.gateway.schemas.views import View, choice, texts, time, whole


class NewReplay(Request):
    """From where on, and of which types."""

    start = fields.String(
        required=True,
        validate=Length(1, 128),
        metadata={
            "description": "a cursor, or a time such as 2026-11-24T09:30:00Z or 2026-11-24 (real time): what was "
            "published from then on",
            "example": "2026-11-24",
        },
    )
    types = listed(
        fields.String(validate=[Length(1, 200), Regexp(f"^(?:{PATTERN_OF_TYPES})$", error="Not a pattern of types.")]),
        "patterns of types; without any, all that the integrator may hear",
        50,
        load_default=list,
    )


class Replay(View):
    """How far it is."""

    replay_id = text("the replay")
    name = text("the integrator that it goes to")
    types = texts("of which types; none means all that the integrator may hear")
    state = choice("where it stands", "running", "done", "cancelled", "failed")
    why = fields.String(allow_none=True, metadata={"description": "why it failed, as a code"})
    asked_at = time("when it was asked for (real time)")
    ended_at = time("when it ended; null: it has not")
    after = text("the cursor after which it began")
    cursor = text("the cursor up to which it is done")
    until = text("the cursor with which it ends")
    sent = whole("events that the broker has confirmed")
    looked_at = whole("places in the log that are done")
    of = whole("places in the log in all")


class Replays(View):
    """The last replays to an integrator, the latest first."""

    replays = fields.List(fields.Nested(Replay))
