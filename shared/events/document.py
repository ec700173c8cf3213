"""The catalogue as a page for integrators: ``python -m shared.events.document > docs/events.md``."""

from collections.abc import Iterator, Mapping
from itertools import groupby

import orjson
from marshmallow import Schema

from shared.events.catalogue import PUBLIC, EventType
from shared.events.composites import ListOf, Record, event_fields

HEAD = """\
# Events

<!-- Written by `python -m shared.events.document`; change the schemas in shared/events/catalogue/ instead. -->

Every change in speedmentor is published as a [CloudEvents 1.0](https://cloudevents.io) JSON message on the durable
topic exchange `speedmentor.events` of RabbitMQ. The routing key is the event's `type`. How another
system gets an account and a queue, bound to what it may hear, is in [outside-consumers.md](outside-consumers.md).

Delivery is at least once, and in order per subject: drop what you have seen by `(source, id)`, and tell order and gaps
by `ordinal`. Nothing in an event is personal data: people are opaque ids, and strings are ids, codes, times and names
of time zones. Within a major version fields are only added, and are optional: pass over those you do not know. A
breaking change is a new type that ends in `.v2`.

The JSON Schema of a type's `data` is at `/schemas/<type>.json` of the gateway. One remark that JSON Schema cannot make:
whole numbers are always written without a fraction (`2`, never `2.0`).

An *id* is opaque: up to 128 letters, digits and `. _ : ~ -`. A *code* is a word of a vocabulary: up to 64 lower-case
letters, digits and `. _ -`. Neither has room for a space or an `@`.

## Attributes

| attribute | value |
| --- | --- |
| `specversion` | `1.0` |
| `id` | UUIDv7 |
| `source` | `/speedmentor/<service>` |
| `type` | as below |
| `subject` | id of the thing that the event is about |
| `time` | when the change was committed: RFC 3339, UTC, milliseconds |
| `datacontenttype` | `application/json` |
| `dataschema` | `urn:speedmentor:schema:<type>` |
| `ordinal` | 1, 2, 3 … per subject |
| `org`, `program`, `site` | ids, where the event has them |
| `correlationid` | the request that began it |
| `causationid` | id of the event that caused it |
| `traceparent` | W3C Trace Context |
"""


def page(types: Mapping[str, EventType] = PUBLIC) -> str:
    """The whole page as Markdown."""
    parts = [HEAD]
    for service, kinds in groupby(types.values(), key=lambda kind: kind.name.partition(".")[0]):
        parts.append(f"## {service}\n")
        parts.extend(_section(kind) for kind in kinds)
    return "\n".join(parts)


def _section(kind: EventType) -> str:
    rows = "\n".join(_rows(kind.data))
    example = orjson.dumps(kind.example(), option=orjson.OPT_INDENT_2).decode()
    return (
        f"### `{kind.type}`\n\n{kind.means} Subject: the {kind.subject.replace('_', '-')}.\n\n"
        f"| field of `data` | value | meaning |\n| --- | --- | --- |\n{rows}\n\n```json\n{example}\n```\n"
    )


def _rows(schema: type[Schema], path: str = "") -> Iterator[str]:
    for name, field in event_fields(schema).items():
        form = field.form if field.required else f"{field.form}; may be absent or null"
        yield f"| `{path}{name}` | {form} | {field.means} |"
        if isinstance(field, ListOf) and isinstance(field.inner, Record):
            yield from _rows(field.inner.schema, f"{path}{name}[].")
        elif isinstance(field, Record):
            yield from _rows(field.schema, f"{path}{name}.")


if __name__ == "__main__":
    print(page(), end="")
