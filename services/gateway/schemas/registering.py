"""Somebody who registers one by one, at the door or before. What a program asks for is registration's own decision."""

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from services.gateway.schemas.kinds import (
    MOST_ROUNDS,
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

MOTIVES = ("career", "network", "problem", "perspective")
_TAG = Shape("[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}", "Not a language tag such as id, en or zh-Hant.")
_MOST_WISHES = 100
_LONGEST_TOPIC = 64


def _topic() -> fields.String:
    return text("a topic of the program", _LONGEST_TOPIC, 1)


class Person(Request):
    """What both roles have."""

    name = text("as to be called", 200, 1, required=True)
    site_id = ident("where", required=True)
    languages = fields.List(
        fields.String(validate=_TAG, metadata={"description": "a language tag (BCP 47)"}),
        required=True,
        validate=Length(1, 20),
        metadata={"description": "spoken, the best first"},
    )
    email = text("a mail address, or nothing", 254)
    team = text("people of the same team do not meet", 100)
    remote = Flag(metadata={"description": "takes part over a screen"})
    rounds = listed(
        whole("a round", 1, MOST_ROUNDS), "when somebody is there; without it always", MOST_ROUNDS, allow_none=True
    )
    max_meetings = whole("how many at most; without it as many as there are rounds", 0, 10_000, allow_none=True)
    wants = listed(ident("a participant of the other role"), "whom to meet, the dearest first", _MOST_WISHES)
    avoids = listed(ident("a participant of the other role"), "whom not to meet", _MOST_WISHES)
    confirmed = confirmations()


class Story(Request):
    """What a mentor tells."""

    situation = text("what it was like", 1_000)
    choice = text("what there was to decide, and how it was", 1_000)
    outcome = text("what came of it", 1_000)
    lesson = text("what there is to learn from it", 1_000)


class Mentor(Person):
    """A mentor who registers."""

    topics = fields.Dict(
        keys=_topic(),
        values=Whole(validate=Range(1, 5), metadata={"description": "1 (some experience) to 5 (deep experience)"}),
        required=True,
        validate=Length(1, 50),
        metadata={"description": "topic -> level of experience", "example": {"funding": 3}},
    )
    motives = fields.List(
        fields.String(validate=OneOf(MOTIVES)),
        validate=Length(1, len(MOTIVES)),
        allow_none=True,
        metadata={"description": "what a mentor can help with; without it everything"},
    )
    storytelling = whole("how well a mentor tells stories; 0: not known", 0, 5)
    seats = whole("with how many mentees at a time", 1, 100)
    story = fields.Nested(Story)
    never = listed(ident("a mentee"), "whom never to meet", 10_000)


class Mentee(Person):
    """A mentee who registers."""

    motive = fields.String(required=True, validate=OneOf(MOTIVES), metadata={"description": "what somebody comes for"})
    topics = fields.List(
        _topic(),
        required=True,
        validate=Length(1, 50),
        metadata={"description": "the most wanted first", "example": ["funding"]},
    )
    questions = listed(text("a question", 500), "the most important first", 10)
    manager = ident("the mentor who is the mentee's boss: they never meet", allow_none=True)
