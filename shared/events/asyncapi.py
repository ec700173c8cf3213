"""The catalogue as an AsyncAPI 3.0 document; the gateway adds the commands that it takes, and serves it.

It is made from the schemas that check every event on its way out and in, so it cannot say anything else than they do.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from shared.events.catalogue import PUBLIC, EventType
from shared.events.composites import object_schema
from shared.events.envelope import CONTENT_TYPE, HIGHEST_ORDINAL, REFERENCE, TRACEPARENT, NewEvent, encode, seal
from shared.events.fields import EventField, Id, JsonSchema, Text, Time, Whole

#: Of the contract, by the rules of :mod:`shared.events.compatibility`; a test says when it has to be raised, and how.
VERSION: Final = "1.1.0"

#: The media type that the AsyncAPI initiative has registered.
MEDIA_TYPE: Final = "application/vnd.aai.asyncapi+json;version=3.0.0"

#: Of the AMQP binding, not of AMQP.
BINDING: Final = "0.3.0"

EXCHANGE: Final = "speedmentor.events"
VHOST: Final = "speedmentor"

_INFO = """\
What happens in speedmentor, as [CloudEvents 1.0](https://cloudevents.io) in JSON (structured mode) on one durable topic
exchange of RabbitMQ, `speedmentor.events`. The document describes speedmentor itself: what it *sends*, you receive.

**Routing.** The routing key is the event's type, and the address of its channel. Bind a queue of your own with
`speedmentor.feedback.#` for all of one service, with `speedmentor.*.round-ended.v1` for one type.

**Delivery.** At least once: drop what you have had by `(source, id)`; a repetition never has other content. In order
per `subject`, counted 1, 2, 3 … by `ordinal`. An event is sent after the change it tells of is committed, and every
committed change is told. Messages are persistent. Acknowledge what you have dealt with, and give your queue a delivery
limit and somewhere to put dead letters.

**Tracing.** `correlationid` names the request that began it, `causationid` the event that caused it, `traceparent` is
W3C Trace Context.

**Privacy.** Nothing in an event is personal data: people are opaque ids, and strings are ids, codes, times and names of
time zones.

**Changes.** Within a major version of a type, fields are only added, and are optional; what values a field may have
neither grows nor shrinks. Pass over attributes, fields and types that you do not know. A breaking change is a new type
that ends in `.v2`, and both are sent for a stated time. `info.version` is the contract's: its first number rises with
what breaks readers, the second with additions, the third with other words.

The payload of each message is the whole event; the schema of its `data` alone (JSON Schema 2020-12) is at
`/schemas/<type>.json` of the gateway. Whole numbers are always written without a fraction.
"""


def attributes() -> dict[str, EventField]:
    """What every event has beside its type, source, schema and data, by attribute; of the form that is checked."""
    reference = {"pattern": REFERENCE, "longest": 255, "form": "a reference", "example": _ID}
    trace = {"pattern": TRACEPARENT, "longest": 55, "form": "a W3C trace parent"}
    return {
        "id": Id("UUIDv7; no other event of this source has it"),
        "subject": Id("what the event is about, by its id"),
        "time": Time("when the change was committed"),
        "ordinal": Whole(
            "counts the events of the subject, without a gap", lowest=1, highest=HIGHEST_ORDINAL, example=1
        ),
        "org": Id("the organization, where the event has one", optional=True),
        "program": Id("the program, where the event has one", optional=True),
        "site": Id("the site, where the event has one", optional=True),
        "correlationid": Text("the request that began it", **reference, optional=True),  # type: ignore[arg-type]
        "causationid": Text("id of the event that caused it", **reference, optional=True),  # type: ignore[arg-type]
        "traceparent": Text("W3C Trace Context", **trace, example=_TRACE, optional=True),  # type: ignore[arg-type]
    }


def document(types: Mapping[str, EventType] = PUBLIC) -> dict[str, Any]:
    """The whole document."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:speedmentor:events",
        "info": {
            "title": "speedmentor events",
            "version": VERSION,
            "description": _INFO,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": name} for name in dict.fromkeys(_service(kind) for kind in types.values())],
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"broker": _server("amqp", "5672"), "brokerOverTls": _server("amqps", "5671")},
        "channels": {kind.type: _channel(kind) for kind in types.values()},
        "operations": {_operation_id(kind): _operation(kind) for kind in types.values()},
        "components": {
            "messages": {kind.type: _message(kind) for kind in types.values()},
            "schemas": {
                **{name: _attribute(field) for name, field in attributes().items()},
                **{kind.type: _data(kind) for kind in types.values()},
            },
            "correlationIds": {
                "correlationid": {
                    "description": "The request that began it; the same in all events that came of it.",
                    "location": "$message.payload#/correlationid",
                }
            },
            "securitySchemes": {
                "account": {
                    "type": "userPassword",
                    "description": "The account that the operator has made for your system: its URI has all of it.",
                }
            },
            "operationBindings": {
                "sent": {"amqp": {"deliveryMode": 2, "timestamp": True, "ack": True, "bindingVersion": BINDING}}
            },
            "channelBindings": {"exchange": _exchange()},
        },
    }


def written(it: dict[str, Any]) -> bytes:
    """A document as it is served and kept."""
    return orjson.dumps(it, option=orjson.OPT_INDENT_2)


def example(kind: EventType) -> dict[str, Any]:
    """A whole event of this type."""
    data = kind.example()
    new = NewEvent(
        f"{kind.name}.v{kind.version}",
        data[kind.subject_field],
        data,
        org=_ORG,
        program=data.get("program_id"),
        site=data.get("site_id"),
    )
    event = seal(new, id=_ID, ordinal=1, time=_TIME, correlationid=_CORRELATION, causationid=_CAUSE, traceparent=_TRACE)
    return dict(orjson.loads(encode(event)))


_ID = "01a20b84-7784-7d23-b1dd-f93f57d64cb9"
_ORG = "01a20b11-1a80-72c3-b0d6-bf408c910c3f"
_CORRELATION = "01a20b84-7784-7edd-9b2e-735cc5bc2854"
_CAUSE = "01a20b84-7784-719d-a95a-869f42557e87"
_TRACE = "00-6c157dedcaa452d293d1b4d332be0ee7-65b735d9578c8797-01"
_TIME = datetime(2026, 11, 24, 9, 52, tzinfo=UTC)


def _service(kind: EventType) -> str:
    return kind.name.partition(".")[0]


def _server(protocol: str, port: str) -> dict[str, Any]:
    return {
        "host": "{host}:{port}",
        "pathname": f"/{VHOST}",
        "protocol": protocol,
        "protocolVersion": "0.9.1",
        "description": "RabbitMQ. The URI of your account names host, port and virtual host.",
        "variables": {
            "host": {"description": "as the URI of your account says", "default": "localhost"},
            "port": {"description": "as the URI of your account says", "default": port},
        },
        "security": [{"$ref": "#/components/securitySchemes/account"}],
    }


def _exchange() -> dict[str, Any]:
    exchange = {"name": EXCHANGE, "type": "topic", "durable": True, "autoDelete": False, "vhost": VHOST}
    return {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": BINDING}}


def _channel(kind: EventType) -> dict[str, Any]:
    return {
        "address": kind.type,
        "description": f"Routing key `{kind.type}` of the exchange `{EXCHANGE}`.",
        "messages": {kind.type: {"$ref": f"#/components/messages/{kind.type}"}},
        "bindings": {"$ref": "#/components/channelBindings/exchange"},
    }


def _operation_id(kind: EventType) -> str:
    words = kind.name.replace(".", "-").split("-")
    return f"send{''.join(map(str.capitalize, words))}V{kind.version}"


def _operation(kind: EventType) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{kind.type}"},
        "summary": kind.means,
        "tags": [{"name": _service(kind)}],
        "bindings": {"$ref": "#/components/operationBindings/sent"},
        "messages": [{"$ref": f"#/channels/{kind.type}/messages/{kind.type}"}],
    }


def _message(kind: EventType) -> dict[str, Any]:
    return {
        "name": kind.type,
        "title": kind.name,
        "summary": kind.means,
        "contentType": CONTENT_TYPE,
        "correlationId": {"$ref": "#/components/correlationIds/correlationid"},
        "tags": [{"name": _service(kind)}],
        "payload": _payload(kind),
        "bindings": {"amqp": {"messageType": kind.type, "bindingVersion": BINDING}},
        "examples": [{"name": "event", "summary": kind.means, "payload": example(kind)}],
    }


def _payload(kind: EventType) -> JsonSchema:
    known = attributes()
    fixed: JsonSchema = {
        "specversion": {"type": "string", "const": "1.0"},
        "source": {"type": "string", "const": kind.source},
        "type": {"type": "string", "const": kind.type},
        "datacontenttype": {"type": "string", "const": "application/json"},
        "dataschema": {"type": "string", "const": kind.dataschema},
    }
    return {
        "type": "object",
        "properties": {
            **fixed,
            **{name: {"$ref": f"#/components/schemas/{name}"} for name in known},
            "data": {"$ref": f"#/components/schemas/{kind.type}"},
        },
        "required": [*fixed, *(name for name, field in known.items() if field.required), "data"],
    }


def _attribute(field: EventField) -> JsonSchema:
    # An attribute may be absent; in JSON it is never null (CloudEvents JSON format, section 3.1).
    return {"description": field.means, **field.json_schema()}


def _data(kind: EventType) -> JsonSchema:
    return {"description": kind.means, **object_schema(kind.data)}
