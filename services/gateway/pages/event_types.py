"""The catalogue of events in words, for the page that other systems' people read."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import orjson
from marshmallow import Schema

from shared.events import fields
from shared.events.asyncapi import attributes, example
from shared.events.catalogue import PUBLIC, EventType
from shared.events.composites import ListOf, MapOf, Record, event_fields
from shared.messages import Message, say
from shared.translation import spoken, translations


@dataclass(frozen=True)
class FieldInWords:
    """A field of an event, or an attribute: its name with the path to it, its form and its meaning."""

    name: str
    form: str
    means: str
    optional: bool


@dataclass(frozen=True)
class TypeInWords:
    """A type of event: what it means, the kind of its subject, the fields of its data, and an example as JSON."""

    type: str
    title: str
    means: str
    subject: str
    fields: list[FieldInWords]
    example: str


def services(language: str) -> dict[str, list[TypeInWords]]:
    """All types in words, by the service that publishes them."""
    by_service = groupby(PUBLIC.values(), key=lambda kind: kind.name.partition(".")[0])
    return {service: [_type(kind, language) for kind in kinds] for service, kinds in by_service}


def all_attributes(language: str) -> list[FieldInWords]:
    """What every event has beside its data."""
    fixed = {
        "specversion": say("always {value}", value="1.0"),
        "source": say("the service that publishes it: {value}", value="/speedmentor/<service>"),
        "type": say("the type, which is also the routing key"),
        "datacontenttype": say("always {value}", value="application/json"),
        "dataschema": say("the schema of its data: {value}", value="urn:speedmentor:schema:<type>"),
    }
    text = translations(language).gettext
    return [
        *(FieldInWords(name, "", spoken(means, language), False) for name, means in fixed.items()),
        *(
            FieldInWords(name, form(field, language), text(field.means), not field.required)
            for name, field in attributes().items()
        ),
    ]


def texts() -> set[str]:
    """All that the catalogue itself says, in English: what a language has to translate."""
    found = {field.means for field in attributes().values()}
    for kind in PUBLIC.values():
        found |= {kind.means, _subject(kind), *(field.meaning for _, field in _walk(kind.data))}
    return found - {""}


def form(field: Any, language: str) -> str:
    """The kind of an event's field in words: a whole number from 1 to 5."""
    return spoken(_form(field, language), language)


def _form(field: Any, language: str) -> Message:
    bounds = field.json_schema()
    match field:
        case fields.Id():
            return say("an id")
        case fields.Code():
            return say("a code")
        case fields.Language():
            return say("a language tag")
        case fields.Zone():
            return say("the name of a time zone")
        case fields.Time():
            return say("a UTC time with milliseconds")
        case fields.OneOf():
            return say("one of: {choices}", choices=", ".join(bounds["enum"]))
        case fields.Whole():
            return say("a whole number from {lowest} to {highest}", lowest=bounds["minimum"], highest=bounds["maximum"])
        case fields.Number() if bounds["minimum"] == -fields.EXACT:
            return say("a number")
        case fields.Number():
            return say("a number from {lowest}", lowest=bounds["minimum"])
        case fields.Flag():
            return say("true or false")
        case ListOf():
            kind = form(field.inner, language)
            return say("a list of at most {most}, each: {kind}", most=bounds["maxItems"], kind=kind)
        case MapOf():
            kind = form(field.value_field, language)
            return say("an object of at most {most} codes, each with: {kind}", most=bounds["maxProperties"], kind=kind)
        case Record():
            return say("an object")
    return say("a text of at most {longest} characters", longest=bounds["maxLength"])


def _type(kind: EventType, language: str) -> TypeInWords:
    text = translations(language).gettext
    known = [
        FieldInWords(name, form(field, language), _meaning(field, language), not field.required)
        for name, field in _walk(kind.data)
    ]
    whole = orjson.dumps(example(kind), option=orjson.OPT_INDENT_2).decode()
    title = kind.name.partition(".")[2].replace("-", " ").capitalize()
    return TypeInWords(kind.type, title, text(kind.means), text(_subject(kind)), known, whole)


def _meaning(field: fields.EventField, language: str) -> str:
    said = translations(language).gettext(field.meaning) if field.meaning else ""
    if field.withheld is None:
        return said
    since = say("empty or absent since {release}, since it is not for other systems", release=field.withheld)
    return "; ".join(filter(None, (said, spoken(since, language))))


def _subject(kind: EventType) -> str:
    return kind.subject.replace("_", "-")


def _walk(schema: type[Schema], path: str = "") -> Iterator[tuple[str, fields.EventField]]:
    for name, field in event_fields(schema).items():
        yield f"{path}{name}", field
        if isinstance(field, ListOf) and isinstance(field.inner, Record):
            yield from _walk(field.inner.schema, f"{path}{name}[].")
        elif isinstance(field, Record):
            yield from _walk(field.schema, f"{path}{name}.")
