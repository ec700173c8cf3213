"""The envelope: CloudEvents 1.0 in JSON, with the attributes of the event contract."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from shared.events.times import read_time, to_milliseconds, write_time

PREFIX = "speedmentor."
SOURCE = "/speedmentor/"
SCHEMA = "urn:speedmentor:schema:"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


class BadEvent(Exception):
    """A message is not an event we may publish or can read.

    ``reason_code`` is one of ``garbage`` (not JSON), ``not-an-event`` (not a CloudEvent of the contract),
    ``unknown-type`` and ``wrong-schema`` (its data break the schema of its type); ``detail`` names the fields.
    """

    def __init__(self, reason_code: str, detail: str) -> None:
        super().__init__(f"{reason_code}: {detail}")
        self.reason_code = reason_code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened, as the domain tells it: not yet numbered, timed or traced.

    ``type`` is the short name, ``registration.mentor-registered`` (a later major version is told by its end:
    ``registration.mentor-registered.v2``). ``data`` is JSON: times are written by ``shared.events.write_time``.
    """

    type: str
    subject: str
    data: dict[str, Any]
    org: str | None = None
    program: str | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A published fact. ``type`` is the full type; ``ordinal`` counts 1, 2, 3 … per subject."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]
    ordinal: int
    org: str | None = None
    program: str | None = None
    site: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None

    @property
    def name(self) -> str:
        """The short name, as :class:`NewEvent` has it."""
        return short_name(self.type)

    @property
    def key(self) -> tuple[str, str]:
        """``(source, id)``: what tells this event from every other, and duplicates from new ones."""
        return (self.source, self.id)


def full_type(name: str) -> str:
    """``registration.mentor-registered`` -> ``speedmentor.registration.mentor-registered.v1``."""
    version = name.rpartition(".v")[2]
    return PREFIX + name if version.isdigit() else f"{PREFIX}{name}.v1"


def short_name(event_type: str) -> str:
    """The inverse of :func:`full_type`."""
    return event_type.removeprefix(PREFIX).removesuffix(".v1")


def seal(
    new: NewEvent,
    *,
    id: str,  # noqa: A002 - the attribute's name
    ordinal: int,
    time: datetime,
    correlationid: str | None = None,
    causationid: str | None = None,
    traceparent: str | None = None,
) -> Event:
    """The event that ``new`` becomes once its place and time are known; ``time`` is cut to milliseconds."""
    return Event(
        id=id,
        source=SOURCE + new.type.partition(".")[0],
        type=full_type(new.type),
        subject=new.subject,
        time=to_milliseconds(time),
        data=new.data,
        ordinal=ordinal,
        org=new.org,
        program=new.program,
        site=new.site,
        correlationid=correlationid,
        causationid=causationid,
        traceparent=traceparent,
    )


def encode(event: Event) -> bytes:
    """The event as the body of a message; raises :class:`BadEvent` when it must not be published."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": write_time(event.time),
        "datacontenttype": "application/json",
        "dataschema": SCHEMA + event.type,
        "ordinal": event.ordinal,
    }
    for name in ("org", "program", "site", "correlationid", "causationid", "traceparent"):
        value = getattr(event, name)
        if value is not None:
            attributes[name] = value
    attributes["data"] = event.data
    return orjson.dumps(attributes)


def decode(body: bytes | bytearray | memoryview | str) -> Event:
    """The event in the body of a message; raises :class:`BadEvent` with the reason it is none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadEvent("garbage", str(error)) from error
    if not isinstance(document, Mapping) or document.get("specversion") != "1.0":
        raise BadEvent("not-an-event", "no CloudEvents 1.0 object")
    try:
        return Event(
            id=document["id"],
            source=document["source"],
            type=document["type"],
            subject=document["subject"],
            time=read_time(document["time"]),
            data=document["data"],
            ordinal=document["ordinal"],
            org=document.get("org"),
            program=document.get("program"),
            site=document.get("site"),
            correlationid=document.get("correlationid"),
            causationid=document.get("causationid"),
            traceparent=document.get("traceparent"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadEvent("not-an-event", str(error)) from error
