"""What comes in with a call: checked here, so that the domain sees only values of the right kind.

Sizes are bounded here only to keep nonsense out; the domain's rules say what is too much, and how to mend it.
"""

from typing import Any

from marshmallow import RAISE, Schema, fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from services.registration.domain.limits import CODE, MOST_ROUNDS

_MOST_TEXT = 100_000
_NUMBER = 1_000_000


def _id(**options: object) -> fields.String:
    return fields.String(validate=Length(1, 128), **options)  # type: ignore[arg-type]


def _text() -> fields.String:
    return fields.String(load_default="", validate=Length(max=_MOST_TEXT))


def _ids() -> fields.List[Any]:
    return fields.List(_id(), load_default=list, validate=Length(max=10_000))


def _words(**options: object) -> fields.List[Any]:
    return fields.List(fields.String(validate=Length(max=200)), validate=Length(max=1000), **options)  # type: ignore[arg-type]


def _codes() -> fields.List[Any]:
    """Codes with which something that looks wrong is said to be right (``Problem.confirm``); absent for none."""
    return fields.List(fields.String(validate=Length(1, 100)), validate=Length(max=10_000))


class Strict(Schema):
    """A schema that refuses what it does not know."""

    class Meta:
        unknown = RAISE


class Command(Strict):
    """What every changing call carries."""

    idempotency_key = fields.String(allow_none=True, load_default=None, validate=Length(1, 200))


class ImportEvent(Command):
    """The files of an event: text by name."""

    files = fields.Dict(
        keys=fields.String(validate=Length(max=200)),
        values=fields.String(validate=Length(max=50_000_000)),
        required=True,
        validate=Length(max=20),
    )
    confirmed = _codes()


class OfProgram(Command):
    """A command on a program."""

    program_id = _id(required=True)


class CancelProgram(OfProgram):
    """Calling a program off; the reason is published, so it is a code and no free text."""

    reason = fields.String(
        required=True,
        validate=Regexp(CODE.pattern + r"\Z", error="Not a code such as too-few-mentors."),
    )


class Person(Strict):
    """Somebody who registers at the door: what both roles have."""

    name = fields.String(required=True, validate=Length(max=_MOST_TEXT))
    site_id = _id(required=True)
    languages = _words(required=True)
    email = _text()
    team = _text()
    remote = fields.Boolean(load_default=False)
    rounds = fields.List(
        fields.Integer(strict=True, validate=Range(1, MOST_ROUNDS)), allow_none=True, load_default=None
    )
    max_meetings = fields.Integer(strict=True, allow_none=True, load_default=None, validate=Range(0, _NUMBER))
    wants = _ids()
    avoids = _ids()
    confirmed = _codes()


class StoryIn(Strict):
    """A mentor's story."""

    situation = _text()
    choice = _text()
    outcome = _text()
    lesson = _text()


class MentorIn(Person):
    """A mentor who registers."""

    topics = fields.Dict(
        keys=fields.String(validate=Length(max=200)),
        values=fields.Integer(strict=True, validate=Range(-_NUMBER, _NUMBER)),
        required=True,
        validate=Length(max=1000),
    )
    motives = _words(allow_none=True, load_default=None)
    storytelling = fields.Integer(strict=True, load_default=0, validate=Range(-_NUMBER, _NUMBER))
    seats = fields.Integer(strict=True, load_default=1, validate=Range(-_NUMBER, _NUMBER))
    story = fields.Nested(StoryIn, load_default=dict)
    never = _ids()


class MenteeIn(Person):
    """A mentee who registers."""

    motive = fields.String(required=True, validate=Length(max=200))
    topics = _words(required=True)
    questions = fields.List(fields.String(validate=Length(max=_MOST_TEXT)), load_default=list, validate=Length(max=100))
    manager = _id(allow_none=True, load_default=None)


class RegisterMentor(OfProgram):
    """A mentor at the door."""

    mentor = fields.Nested(MentorIn, required=True)


class RegisterMentee(OfProgram):
    """A mentee at the door."""

    mentee = fields.Nested(MenteeIn, required=True)


class ListParticipants(Strict):
    """Which participants to list."""

    program_id = _id(required=True)
    role = fields.String(allow_none=True, load_default=None, validate=OneOf(["mentor", "mentee"]))
    site_id = _id(allow_none=True, load_default=None)


class OfParticipant(Command):
    """A command on a participant."""

    participant_id = _id(required=True)


class CheckIn(OfParticipant):
    """Somebody has arrived."""

    confirmed = _codes()


class UpdateQuestions(OfParticipant):
    """Prepared questions, in the order to ask them."""

    questions = fields.List(fields.String(validate=Length(max=_MOST_TEXT)), required=True, validate=Length(max=100))
    confirmed = _codes()


class StatePreference(OfParticipant):
    """Whom a participant wants to meet, and whom not."""

    wants = _ids()
    avoids = _ids()


class MarkAbsent(OfParticipant):
    """From which round a participant is missed."""

    from_round = fields.Integer(required=True, strict=True)
    confirmed = _codes()


class RedeemAccessCode(Strict):
    """A typed access code."""

    access_code = fields.String(required=True, validate=Length(1, 100))
    # A gateway of the release before does not say it.
    address = fields.String(load_default=None, allow_none=True, validate=Length(1, 100))


class TryApiKey(Strict):
    """A wrong API key that was sent to the gateway."""

    address = fields.String(required=True, validate=Length(max=100))


class TryPassword(Strict):
    """A password that was typed at the gateway, which knows whether it is right."""

    account = _id(required=True)
    right = fields.Boolean(required=True)
    address = fields.String(required=True, validate=Length(max=100))
    device = fields.String(required=True, allow_none=True, validate=Length(1, 128))
