"""What comes in. The gateway checks the shape; whether a thing may be done is each service's own decision."""

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from services.gateway.schemas.kinds import (
    MOST_ROUNDS,
    WEEK,
    Digits,
    Flag,
    Request,
    Shape,
    Whole,
    confirmations,
    ident,
    listed,
    text,
    whole,
)
from shared.meeting import MEETING_LIMIT_SECONDS
from shared.values import MOST_WHOLE

#: Events in one answer at most.
MOST_EVENTS = 1000
#: A pattern of types, as a topic exchange knows them.
PATTERN_OF_TYPES = r"(\*|#|[a-z0-9]+(-[a-z0-9]+)*)(\.(\*|#|[a-z0-9]+(-[a-z0-9]+)*))*"


class LogIn(Request):
    """One of the three."""

    password = fields.String(
        validate=Length(1, 1000), load_only=True, metadata={"description": "of the organizers", "format": "password"}
    )
    access_code = fields.String(
        validate=Length(1, 200), load_only=True, metadata={"description": "of one participant, from the invitation"}
    )

    api_key = fields.String(
        validate=Length(1, 200), load_only=True, metadata={"description": "of another system", "format": "password"}
    )

    @validates_schema
    def _one(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Give one of the password, the access code and the API key.")


class Import(Request):
    """A whole event as its organizer keeps it; all of it is taken, or none."""

    files = fields.Dict(
        keys=fields.String(validate=Length(1, 200)),
        values=fields.String(),
        required=True,
        validate=Length(max=20),
        metadata={
            "description": "name -> text of `program.toml`, `mentors.csv` and `mentees.csv`",
            "example": {"program.toml": "…", "mentors.csv": "…", "mentees.csv": "…"},
        },
    )
    confirmed = confirmations()


class Cancellation(Request):
    """Why a program is off."""

    reason = fields.String(
        required=True,
        validate=Shape("[a-z0-9][a-z0-9._-]{0,63}", "Not a code such as too-few-mentors."),
        metadata={"description": "a code, since it is published", "example": "too-few-mentors"},
    )


class Absence(Request):
    """From when on somebody is not there."""

    from_round = whole("the first round that is missed, from 1", 1, MOST_ROUNDS, required=True)
    confirmed = confirmations()


class Arrival(Request):
    """That somebody is there."""

    confirmed = confirmations()


class Questions(Request):
    """What a mentee wants to ask, the most important first."""

    questions = listed(text("a question", 500), "all of them: they replace the old", 10, required=True)
    confirmed = confirmations()


class Preferences(Request):
    """Whom somebody wants to meet, or not to meet."""

    wants = listed(ident("a participant of the other role"), "whom to meet, the dearest first", 100, load_default=list)
    avoids = listed(ident("a participant of the other role"), "whom not to meet", 100, load_default=list)


class ParticipantFilter(Schema):
    """Which participants."""

    class Meta:
        unknown = EXCLUDE

    role = fields.String(validate=OneOf(["mentor", "mentee"]), load_default=None)
    site_id = ident("only of this site", load_default=None)


def seen(means: str) -> fields.Integer:
    """What was on the screen when a command was given; without it the command is for whatever holds."""
    return Whole(
        allow_none=True,
        load_default=None,
        validate=Range(1, MOST_WHOLE),
        metadata={"description": f"{means}. Without it the command is for whichever holds"},
    )


class Command(Request):
    """What every command to a timer may carry."""

    revision = seen("the timetable the command was given on; if there is a newer one: 409, with the newer one")


class RoundCommand(Command):
    """What a command about a round may carry."""

    round = seen(
        "the round that was running, or had run last, when the command was given; if it is another one by now: 409, "
        "with the session as it is. Bells make no new revision"
    )


class StartShift(Command):
    """Start later, or earlier."""

    by_seconds = whole("later; negative: earlier", -WEEK, WEEK, required=True)
    session_id = ident("only this one; without it all that have not begun", load_default=None, allow_none=True)
    revisions = fields.Dict(
        keys=ident("a session"),
        values=Whole(validate=Range(1, MOST_WHOLE)),
        load_default=dict,
        metadata={
            "description": "without `session_id`: the timetable of each session on which the command was given; "
            "if one that has not begun has a newer one: 409, and none is moved. Those left out are moved by "
            "whichever holds"
        },
    )


class Extension(RoundCommand):
    """More time for the running round."""

    seconds = whole(f"more; no meeting passes {MEETING_LIMIT_SECONDS} s", 1, MEETING_LIMIT_SECONDS, required=True)


class OutagePolicy(Command):
    """What a session does after an outage."""

    on_outage = fields.String(
        required=True,
        validate=OneOf(["catch-up", "hold"]),
        metadata={"description": "go on by the timetable, or wait for the organizer"},
    )


class LiveFilter(Schema):
    """What a screen watches."""

    class Meta:
        unknown = EXCLUDE

    site_id = ident("only this site; without it all of the program", load_default=None)


def _types() -> fields.String:
    return fields.String(
        validate=[
            Length(1, 2000),
            Shape(f"{PATTERN_OF_TYPES}(,{PATTERN_OF_TYPES})*", "Not types such as registration.#,*.round-ended."),
        ],
        metadata={
            "description": "patterns over types without `speedmentor.` and `.v1`, with commas between: `*` is one word "
            "and `#` (`%23` in an address) any number of them",
            "example": "registration.#,*.round-ended",
        },
        load_default=None,
    )


def _most_events() -> Digits:
    return Digits(
        load_default=MOST_EVENTS,
        validate=Range(1, MOST_EVENTS),
        metadata={"description": "events in the answer at most; there may be fewer, and more after it"},
    )


class EventFilter(Schema):
    """Which events, and from where on."""

    class Meta:
        unknown = EXCLUDE

    after = text(
        "the cursor of the page before; without it the oldest event that is kept comes first", 128, 1, load_default=None
    )
    types = _types()
    program = ident("only events of this program", load_default=None)
    limit = _most_events()


class SnapshotFilter(Schema):
    """Which part of a snapshot."""

    class Meta:
        unknown = EXCLUDE

    page = text("the `next` of the page before; without it the snapshot begins", 64, 1, load_default=None)
    types = _types()
    limit = _most_events()


class Ratings(Request):
    """What is rated, each on its own scale; nobody has to."""

    time_well_spent = whole("was the time well spent?", 1, 7)
    would_recommend = whole("would you recommend it?", 0, 10)
    story = whole("asked of mentees: the mentor's story", 1, 5)
    prepared = whole("asked of mentors: how the mentee had prepared", 1, 5)


class Feedback(Request):
    """What one side says of a meeting."""

    ratings = fields.Nested(Ratings, required=True, metadata={"description": "what is rated -> a number on its scale"})
    stay_in_touch = Flag(required=True, metadata={"description": "when both say yes, they get connected"})
    takeaway = text("own words", 2000, allow_none=True, load_default=None)


class Ranking(Request):
    """Whom somebody would go on with after the event."""

    ranks = fields.List(
        ident("a participant whom the caller has met"),
        required=True,
        validate=Length(max=10_000),
        metadata={"description": "ids, the dearest first; those who are not named come after all others"},
    )
    capacity = whole("mentors only: with how many mentees", 0, 20, allow_none=True, load_default=None)


class PairingTerms(Request):
    """How the pairs are to be formed."""

    method = fields.String(
        load_default="stable",
        validate=OneOf(["stable", "most-mutual"]),
        metadata={"description": "which of the two pairings is published"},
    )
    top = whole("a top choice is among the first so many of a ranking", 1, 100, load_default=3)
    capacity = whole("with how many mentees a mentor goes on who does not say", 0, 20, load_default=1)
