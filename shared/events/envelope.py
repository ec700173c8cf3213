"""The envelope: CloudEvents 1.0 in JSON, with the attributes of the event contract."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import orjson

from shared.events.catalogue import TYPES, EventType
from shared.events.fields import ID
from shared.events.names import SCHEMA, SOURCE, full_type, short_name
from shared.events.times import read_time, to_milliseconds, write_time

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"

# CloudEvents 1.0 has integers of 32 bits.
HIGHEST_ORDINAL = 2**31 - 1

# What began or caused an event may have an id from outside; still no mail address fits.
REFERENCE = r"^[A-Za-z0-9._:~/=+-]{1,255}$"
# Source: W3C Trace Context, section 3.2; ids of zeroes only are invalid there.
TRACEPARENT = r"^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$"

_is_id = re.compile(ID).fullmatch
_is_type = re.compile(r"speedmentor\.[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v[1-9][0-9]{0,3}").fullmatch
_is_reference = re.compile(REFERENCE).fullmatch
_is_traceparent = re.compile(TRACEPARENT).fullmatch


class BadEvent(Exception):
    """A message is not an event that we may publish or can read.

    ``reason_code`` is one of ``garbage`` (not JSON), ``not-an-event`` (not a CloudEvent of the contract),
    ``unknown-type`` and ``wrong-schema`` (its data break the schema of its type). ``detail`` names the fields
    and never their values, which may be private.
    """

    def __init__(self, reason_code: str, detail: str) -> None:
        super().__init__(f"{reason_code}: {detail}")
        self.reason_code = reason_code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened, as the domain tells it: not yet numbered, timed or traced.

    ``type`` is the short name, ``registration.mentor-registered`` (a later major version is told by its end:
    ``registration.mentor-registered.v2``). ``data`` is JSON; :func:`shared.events.write_time` writes its times.
    """

    type: str
    subject: str
    data: dict[str, Any]
    org: str | None = None
    program: str | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A published fact. ``type`` is the full type; ``ordinal`` counts 1, 2, 3 … per subject.

    Internal events count apart, so that nobody sees from gaps that there are any; ``follows`` says after which
    public event of the subject (0: before the first) an internal one was committed.
    """

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
    #: What was read, byte for byte; nothing where the event was not read from a message.
    body: bytes = field(default=b"", compare=False, repr=False)
    follows: int | None = None

    @property
    def name(self) -> str:
        """The short name, as :class:`NewEvent` has it."""
        return short_name(self.type)

    @property
    def key(self) -> tuple[str, str]:
        """``(source, id)``: what tells this event from every other, and duplicates from new ones."""
        return (self.source, self.id)


def seal(
    new: NewEvent,
    *,
    id: str,
    ordinal: int,
    time: datetime,
    correlationid: str | None = None,
    causationid: str | None = None,
    traceparent: str | None = None,
    follows: int | None = None,
) -> Event:
    """The event that ``new`` becomes once its place and time are known.

    ``time`` is cut to milliseconds. A ``traceparent`` that breaks W3C Trace Context is left out, as that
    standard asks: it comes from outside and must not stop anything.
    """
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
        traceparent=traceparent if traceparent and _is_traceparent(traceparent) else None,
        follows=follows,
    )


def encode(event: Event) -> bytes:
    """The event as the body of a message; raises :class:`BadEvent` when it may not be published.

    Stricter than :func:`decode`: a field that the schema does not know is a slip of the publisher.
    """
    kind = _kind_of(event.type)
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": write_time(event.time),
        "datacontenttype": "application/json",
        "dataschema": kind.dataschema,
        "ordinal": event.ordinal,
    }
    if event.org is not None:
        attributes["org"] = event.org
    if event.program is not None:
        attributes["program"] = event.program
    if event.site is not None:
        attributes["site"] = event.site
    if event.correlationid is not None:
        attributes["correlationid"] = event.correlationid
    if event.causationid is not None:
        attributes["causationid"] = event.causationid
    if event.traceparent is not None:
        attributes["traceparent"] = event.traceparent
    if event.follows is not None:
        attributes["follows"] = event.follows
    _check_attributes(attributes, kind)
    refusal = kind.refusal(event.data, publishing=True)
    if refusal:
        raise BadEvent("wrong-schema", refusal)
    if event.data[kind.subject_field] != event.subject:
        raise BadEvent("wrong-schema", f"data.{kind.subject_field}: Not the subject of the event.")
    attributes["data"] = event.data
    try:
        return orjson.dumps(attributes)
    except orjson.JSONEncodeError as error:
        raise BadEvent("wrong-schema", f"data: {error}.") from error


def decode(body: bytes | bytearray | memoryview | str, *, any_type: bool = False) -> Event:
    """The event in the body of a message; raises :class:`BadEvent` with the reason that it is none.

    Attributes and fields that we do not know are passed over: later versions add some. With ``any_type`` that holds for
    types too, as long as everything but ``data`` is in the form of the contract.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadEvent("garbage", str(error)) from error
    if type(document) is not dict or document.get("specversion") != "1.0":
        raise BadEvent("not-an-event", "specversion: Not a CloudEvents 1.0 object.")
    get = document.get
    kind = _kind_of(get("type")) if not any_type else _known_or_not(get("type"))
    _check_attributes(document, kind)
    refusal = kind.refusal(get("data"), publishing=False)
    if refusal:
        raise BadEvent("wrong-schema", refusal)
    try:
        time = read_time(document["time"])
    except (KeyError, TypeError, ValueError):
        raise BadEvent("not-an-event", "time: Not a UTC time with milliseconds.") from None
    return Event(
        document["id"],
        kind.source,
        kind.type,
        document["subject"],
        time,
        document["data"],
        document["ordinal"],
        get("org"),
        get("program"),
        get("site"),
        get("correlationid"),
        get("causationid"),
        get("traceparent"),
        body if isinstance(body, bytes) else b"",
        get("follows") if kind.internal else None,
    )


@dataclass(frozen=True, slots=True)
class _UnknownType:
    """A type of a later release: of its data nothing is known but that they are an object."""

    type: str
    #: Who writes down what it does not know hears the public exchange only.
    internal: ClassVar[bool] = False

    @property
    def source(self) -> str:
        return SOURCE + short_name(self.type).partition(".")[0]

    @property
    def dataschema(self) -> str:
        return SCHEMA + self.type

    def refusal(self, data: Any, *, publishing: bool) -> str:
        return "" if type(data) is dict else "data: Not an object."


def _known_or_not(event_type: Any) -> EventType | _UnknownType:
    if event_type not in TYPES and isinstance(event_type, str) and _is_type(event_type):
        return _UnknownType(event_type)
    return _kind_of(event_type)


def _kind_of(event_type: Any) -> EventType:
    if not isinstance(event_type, str) or not event_type:
        raise BadEvent("not-an-event", "type: Missing.")
    kind = TYPES.get(event_type)
    if kind is None:
        raise BadEvent("unknown-type", f"type: {event_type[:128]!r} is not in the catalogue.")
    return kind


def _check_attributes(attributes: dict[str, Any], kind: EventType | _UnknownType) -> None:
    get = attributes.get
    for name in ("id", "subject"):
        value = get(name)
        if not isinstance(value, str) or not _is_id(value):
            raise BadEvent("not-an-event", f"{name}: Not an id.")
    if get("source") != kind.source:
        raise BadEvent("not-an-event", f"source: Not {kind.source}, which alone publishes this type.")
    ordinal = get("ordinal")
    if type(ordinal) is not int or not 1 <= ordinal <= HIGHEST_ORDINAL:
        raise BadEvent("not-an-event", "ordinal: Not a whole number from 1.")
    if kind.internal:
        follows = get("follows")
        if type(follows) is not int or not 0 <= follows <= HIGHEST_ORDINAL:
            raise BadEvent("not-an-event", "follows: Not a whole number from 0.")
    if get("datacontenttype") not in (None, "application/json"):
        raise BadEvent("not-an-event", "datacontenttype: Not application/json.")
    if get("dataschema") not in (None, kind.dataschema):
        raise BadEvent("wrong-schema", f"dataschema: Not {kind.dataschema}.")
    for name, allowed in _OPTIONAL:
        value = get(name)
        if value is not None and (not isinstance(value, str) or not allowed(value)):
            raise BadEvent("not-an-event", f"{name}: Not in the form of the contract.")


_OPTIONAL = (
    ("org", _is_id),
    ("program", _is_id),
    ("site", _is_id),
    ("correlationid", _is_reference),
    ("causationid", _is_reference),
    ("traceparent", _is_traceparent),
)
