import json
import types
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import BadEvent, Event, NewEvent, decode, encode, full_type, seal, short_name
from shared.events.catalogue import TYPES
from shared.ids import new_id

MENTEE_TYPE = "speedmentor.registration.mentee-registered.v1"
NOW = datetime(2026, 11, 24, 9, 30, 0, 123_999, tzinfo=UTC)
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def registered(**changes: Any) -> NewEvent:
    data = TYPES[MENTEE_TYPE].example()
    new = NewEvent("registration.mentee-registered", data["mentee_id"], data, org="org-1", program="p-1", site="jkt")
    return replace(new, **changes)


def sealed(new: NewEvent | None = None, **changes: Any) -> Event:
    place: dict[str, Any] = {"id": new_id(), "ordinal": 1, "time": NOW}
    return seal(new or registered(), **(place | changes))


def body(**changes: Any) -> bytes:
    """The body of a good event with some attributes changed; one changed to ``...`` is left out."""
    document = {**json.loads(encode(sealed())), **changes}
    return orjson.dumps({name: value for name, value in document.items() if value is not ...})


def test_a_sealed_event_knows_its_type_source_and_key() -> None:
    event = sealed(id="e-1")
    assert event.type == MENTEE_TYPE
    assert event.name == "registration.mentee-registered"
    assert event.source == "/speedmentor/registration"
    assert event.key == ("/speedmentor/registration", "e-1")


def test_the_session_timer_is_written_with_a_hyphen_in_its_source() -> None:
    kind = TYPES["speedmentor.session-timer.session-finished.v1"]
    assert sealed(NewEvent(kind.name, "s-1", {})).source == kind.source == "/speedmentor/session-timer"


@pytest.mark.parametrize(
    ("name", "event_type"),
    [
        ("registration.mentee-registered", "speedmentor.registration.mentee-registered.v1"),
        ("registration.mentee-registered.v2", "speedmentor.registration.mentee-registered.v2"),
        ("registration.mentee-registered.v12", "speedmentor.registration.mentee-registered.v12"),
    ],
)
def test_a_short_name_and_a_full_type_name_each_other(name: str, event_type: str) -> None:
    assert full_type(name) == event_type
    assert short_name(event_type) == name


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        sealed().subject = "other"  # type: ignore[misc]


def test_the_body_has_exactly_the_attributes_of_the_contract() -> None:
    event = sealed(id="e-1", ordinal=7, correlationid="c-1", causationid="e-0", traceparent=TRACEPARENT)
    assert json.loads(encode(event)) == {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/speedmentor/registration",
        "type": MENTEE_TYPE,
        "subject": event.subject,
        "time": "2026-11-24T09:30:00.123Z",
        "datacontenttype": "application/json",
        "dataschema": f"urn:speedmentor:schema:{MENTEE_TYPE}",
        "org": "org-1",
        "program": "p-1",
        "site": "jkt",
        "ordinal": 7,
        "correlationid": "c-1",
        "causationid": "e-0",
        "traceparent": TRACEPARENT,
        "data": event.data,
    }


def test_attributes_that_an_event_has_not_are_absent() -> None:
    document = json.loads(encode(sealed(registered(org=None, program=None, site=None))))
    absent = {"org", "program", "site", "correlationid", "causationid", "traceparent"}
    assert not absent & document.keys()
    assert None not in document.values()


def test_the_time_is_cut_to_milliseconds_and_put_in_utc() -> None:
    jakarta = timezone(timedelta(hours=7))
    event = sealed(time=datetime(2026, 11, 24, 16, 30, 0, 999_999, tzinfo=jakarta))
    assert event.time == datetime(2026, 11, 24, 9, 30, 0, 999_000, tzinfo=UTC)
    assert json.loads(encode(event))["time"] == "2026-11-24T09:30:00.999Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        sealed(time=datetime(2026, 11, 24))


ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}", fullmatch=True)


@given(
    event_type=st.sampled_from(sorted(TYPES)),
    id=ids,
    ordinal=st.integers(1, 2**31 - 1),
    time=st.datetimes(timezones=st.timezones()),
    extensions=st.fixed_dictionaries({name: st.none() | ids for name in ("org", "program", "site")}),
    references=st.fixed_dictionaries({name: st.none() | ids for name in ("correlationid", "causationid")}),
    traceparent=st.none() | st.just(TRACEPARENT),
    follows=st.integers(0, 2**31 - 1),
)
def test_what_is_encoded_is_decoded_to_the_same(
    event_type: str,
    id: str,
    ordinal: int,
    time: datetime,
    extensions: dict[str, str | None],
    references: dict[str, str | None],
    traceparent: str | None,
    follows: int,
) -> None:
    kind = TYPES[event_type]
    data = kind.example()
    new = NewEvent(short_name(event_type), data[kind.subject_field], data, **extensions)
    try:
        event = seal(
            new,
            id=id,
            ordinal=ordinal,
            time=time,
            traceparent=traceparent,
            follows=follows if kind.internal else None,
            **references,
        )
    except OverflowError:
        return  # the first or last hours of the calendar, elsewhere than in UTC
    assert decode(encode(event)) == event


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "x",
        TRACEPARENT.upper(),
        TRACEPARENT + "-more",
        "ff" + TRACEPARENT[2:],
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
    ],
)
def test_a_broken_trace_from_outside_is_left_out(traceparent: str) -> None:
    assert sealed(traceparent=traceparent).traceparent is None


@pytest.mark.parametrize("garbage", [b"", b"{", b"\xff\xfe", b"NaN", b'{"id": 1e}', b'{"a": "\xc3\x28"}', b"[" * 2000])
def test_what_is_not_json_is_garbage(garbage: bytes) -> None:
    with pytest.raises(BadEvent) as refused:
        decode(garbage)
    assert refused.value.reason_code == "garbage"


@pytest.mark.parametrize("stranger", [b"null", b"1", b"[]", b'"x"', b"{}", b'{"specversion": "1.0"}'])
def test_json_that_is_no_cloud_event_is_told_as_such(stranger: bytes) -> None:
    with pytest.raises(BadEvent) as refused:
        decode(stranger)
    assert refused.value.reason_code == "not-an-event"


@pytest.mark.parametrize(
    ("changes", "reason_code", "named"),
    [
        ({"specversion": "0.3"}, "not-an-event", "specversion"),
        ({"specversion": ...}, "not-an-event", "specversion"),
        ({"id": ...}, "not-an-event", "id"),
        ({"id": ""}, "not-an-event", "id"),
        ({"id": 7}, "not-an-event", "id"),
        ({"id": "siti@example.org"}, "not-an-event", "id"),
        ({"source": ...}, "not-an-event", "source"),
        ({"source": "/speedmentor/feedback"}, "not-an-event", "source"),
        ({"type": ...}, "not-an-event", "type"),
        ({"type": ["x"]}, "not-an-event", "type"),
        ({"type": "speedmentor.registration.mentee-registered.v2"}, "unknown-type", "type"),
        ({"type": "registration.mentee-registered"}, "unknown-type", "type"),
        ({"subject": ...}, "not-an-event", "subject"),
        ({"subject": "Siti Rahma"}, "not-an-event", "subject"),
        ({"time": ...}, "not-an-event", "time"),
        ({"time": 1}, "not-an-event", "time"),
        ({"time": "2026-11-24T09:30:00Z"}, "not-an-event", "time"),
        ({"time": "2026-02-30T09:30:00.000Z"}, "not-an-event", "time"),
        ({"ordinal": ...}, "not-an-event", "ordinal"),
        ({"ordinal": 0}, "not-an-event", "ordinal"),
        ({"ordinal": "1"}, "not-an-event", "ordinal"),
        ({"ordinal": True}, "not-an-event", "ordinal"),
        ({"ordinal": 1.0}, "not-an-event", "ordinal"),
        ({"ordinal": 2**31}, "not-an-event", "ordinal"),
        ({"datacontenttype": "text/xml"}, "not-an-event", "datacontenttype"),
        ({"dataschema": "urn:other"}, "wrong-schema", "dataschema"),
        ({"org": "an org"}, "not-an-event", "org"),
        ({"site": 3}, "not-an-event", "site"),
        ({"correlationid": "a@b"}, "not-an-event", "correlationid"),
        ({"traceparent": "x"}, "not-an-event", "traceparent"),
        ({"data": ...}, "wrong-schema", "data"),
        ({"data": []}, "wrong-schema", "data"),
        ({"data": {}}, "wrong-schema", "data.mentee_id"),
    ],
)
def test_an_event_that_breaks_the_contract_is_refused_with_its_reason(
    changes: dict[str, Any], reason_code: str, named: str
) -> None:
    with pytest.raises(BadEvent) as refused:
        decode(body(**changes))
    assert refused.value.reason_code == reason_code
    assert refused.value.detail.startswith(f"{named}:") or named == "data"
    assert refused.value.detail.startswith(named)


@pytest.mark.parametrize("name", ["datacontenttype", "dataschema", "org", "program", "site"])
@pytest.mark.parametrize("value", [..., None])
def test_what_cloud_events_leaves_optional_may_be_missing(name: str, value: Any) -> None:
    assert decode(body(**{name: value})).type == MENTEE_TYPE


def test_attributes_and_fields_that_nobody_knows_are_passed_over() -> None:
    document = json.loads(body(later="x"))
    document["data"]["later"] = "x"
    assert decode(json.dumps(document)).data["later"] == "x"


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, lambda body: body.decode()])
def test_every_form_of_a_body_that_a_broker_library_gives_is_read(form: Any) -> None:
    assert decode(form(body())).type == MENTEE_TYPE


def encode_refused(event: Event) -> BadEvent:
    with pytest.raises(BadEvent) as refused:
        encode(event)
    return refused.value


def test_a_misspelt_field_is_not_published() -> None:
    new = registered()
    new.data["moitve"] = "network"
    refused = encode_refused(sealed(new))
    assert (refused.reason_code, refused.detail) == ("wrong-schema", "data.moitve: Unknown field.")


def test_an_unknown_type_is_not_published() -> None:
    assert encode_refused(sealed(registered(type="registration.mentee-vanished"))).reason_code == "unknown-type"


def test_a_type_is_published_by_its_own_service_only() -> None:
    assert "source" in encode_refused(replace(sealed(), source="/speedmentor/feedback")).detail


def test_an_event_about_something_else_than_its_data_is_not_published() -> None:
    assert "data.mentee_id" in encode_refused(sealed(registered(subject="other"))).detail


@pytest.mark.parametrize("ordinal", [0, -1, True, 2**31])
def test_an_event_without_its_place_is_not_published(ordinal: int) -> None:
    assert "ordinal" in encode_refused(sealed(ordinal=ordinal)).detail


@pytest.mark.parametrize("data", [None, [], types.MappingProxyType({}), {1: 2}])
def test_data_that_are_no_json_object_are_not_published(data: Any) -> None:
    assert encode_refused(sealed(registered(data=data))).reason_code == "wrong-schema"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_body_at_all_is_read_or_refused(anything: bytes) -> None:
    with pytest.raises(BadEvent):
        decode(anything)


@given(st.sampled_from([*json.loads(encode(sealed())), "extra"]), json_values)
def test_any_value_in_any_attribute_is_read_or_refused(name: str, value: Any) -> None:
    document = {**json.loads(encode(sealed())), name: value}
    reason_code = "read"
    try:
        decode(json.dumps(document))
    except BadEvent as refused:
        reason_code = refused.reason_code
    assert reason_code in ("read", "not-an-event", "unknown-type", "wrong-schema")
