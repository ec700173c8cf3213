"""The catalogue says what the event contract says, no more and no less."""

import re
from pathlib import Path

import pytest
from marshmallow import Schema

from shared.events import decode
from shared.events.catalogue import PUBLIC, TYPES, data_schema, json_schema
from shared.events.composites import ListOf, MapOf, Record, event_fields
from shared.events.document import page
from shared.events.fields import EventField, Flag, Number, OneOf, Text, Whole

# Version 1 of the contract: type, subject, and what its data carry.
CONTRACT = {
    "registration.program-published": (
        "program",
        "program_id title_key rounds round_seconds break_seconds warning_seconds sites mentors mentees",
    ),
    "registration.program-cancelled": ("program", "program_id reason"),
    "registration.mentor-registered": (
        "mentor",
        "mentor_id program_id site_id remote languages topics motives storytelling seats rounds max_meetings "
        "has_story never",
    ),
    "registration.mentor-updated": (
        "mentor",
        "mentor_id program_id site_id remote languages topics motives storytelling seats rounds max_meetings "
        "has_story never",
    ),
    "registration.mentee-registered": (
        "mentee",
        "mentee_id program_id site_id remote languages motive topics rounds max_meetings questions",
    ),
    "registration.mentee-updated": (
        "mentee",
        "mentee_id program_id site_id remote languages motive topics rounds max_meetings questions",
    ),
    "registration.preference-stated": ("participant", "participant_id program_id role wants avoids"),
    "registration.participant-withdrawn": ("participant", "participant_id program_id site_id role"),
    "registration.participant-checked-in": ("participant", "participant_id program_id site_id role at"),
    "registration.participant-absent": ("participant", "participant_id program_id site_id role from_round"),
    "registration.participant-erased": ("participant", "participant_id program_id role"),
    "matching.plan-published": (
        "plan",
        "plan_id program_id revision rounds mentors mentees meetings score bound gap certified",
    ),
    "matching.plan-revised": (
        "plan",
        "plan_id program_id revision rounds mentors mentees meetings score bound gap certified cause added "
        "removed moved kept",
    ),
    "matching.meeting-assigned": (
        "meeting",
        "meeting_id plan_id program_id site_id revision round table mentor_id mentee_id",
    ),
    "matching.meeting-released": (
        "meeting",
        "meeting_id plan_id program_id site_id revision round table mentor_id mentee_id",
    ),
    "session-timer.session-scheduled": ("session", "session_id program_id site_id revision plan_id timetable"),
    "session-timer.round-started": (
        "session",
        "session_id program_id site_id revision round scheduled_at actual_at ends_at late",
    ),
    "session-timer.round-ended": (
        "session",
        "session_id program_id site_id revision round scheduled_at actual_at ends_at late",
    ),
    "session-timer.round-warned": (
        "session",
        "session_id program_id site_id revision round seconds_left scheduled_at actual_at ends_at late",
    ),
    "session-timer.session-paused": (
        "session",
        "session_id program_id site_id revision round at cause timetable",
    ),
    "session-timer.session-resumed": (
        "session",
        "session_id program_id site_id revision round at cause timetable",
    ),
    "session-timer.round-extended": (
        "session",
        "session_id program_id site_id revision round seconds timetable",
    ),
    "session-timer.session-finished": ("session", "session_id program_id site_id revision rounds_held"),
    "feedback.feedback-submitted": ("meeting", "meeting_id program_id site_id round by_role ratings"),
    "feedback.connection-formed": ("connection", "connection_id program_id mentor_id mentee_id"),
    "feedback.program-report-ready": ("program", "program_id figures k answers"),
}
# Types added since, which the contract's rules allow.
_PAIR = "pair_id pairing_id program_id site_id revision mentor_id mentee_id kind"
ADDED = {
    # Internal: no other system can hear it or read of it.
    "registration.relations-stated": (
        "participant",
        "participant_id program_id role wants avoids never team_id manager_id",
    ),
    "registration.program-finished": ("program", "program_id sites"),
    "registration.questions-changed": ("participant", "participant_id program_id site_id questions"),
    "matching.ranking-submitted": ("participant", "participant_id program_id site_id role"),
    "feedback.program-closed": ("program", "program_id"),
    "feedback.round-rated": ("round", "round_id program_id site_id round figures k"),
    "registration.log-in-ended": ("log_in", "log_in_id expires_at"),
    "matching.pair-formed": ("pair", _PAIR),
    "matching.pair-dissolved": ("pair", _PAIR),
    "matching.pairing-published": (
        "pairing",
        "pairing_id program_id revision method mentors mentees pairs stable most_mutual mentees_left_over",
    ),
    "session-timer.session-rescheduled": ("session", "session_id program_id site_id revision cause timetable"),
}

types = pytest.mark.parametrize("event_type", TYPES)


#: Added within version 1, so optional.
ADDED_FIELDS = {
    "registration.program-published": {"new_pairs_only"},
    "registration.preference-stated": {"wanted"},
    "registration.mentor-registered": {"person_id", "team_id"},
    "registration.mentor-updated": {"person_id", "team_id"},
    "registration.mentee-registered": {"person_id", "team_id", "manager_id"},
    "registration.mentee-updated": {"person_id", "team_id", "manager_id"},
    "session-timer.round-extended": {"paused_at"},
    "session-timer.session-rescheduled": {"paused_at"},
}


#: What is read as it was published once, and carries nothing any more: with other events it told who said what of whom.
WITHHELD = {
    "feedback.feedback-submitted": {"ratings"},
    "registration.preference-stated": {"wants", "avoids"},
    "registration.mentor-registered": {"never", "team_id"},
    "registration.mentor-updated": {"never", "team_id"},
    "registration.mentee-registered": {"team_id", "manager_id"},
    "registration.mentee-updated": {"team_id", "manager_id"},
}


def fields_in(schema: type[Schema], path: str = "") -> dict[str, EventField]:
    """Every field of a schema by its path, those in lists, maps and objects too."""
    found: dict[str, EventField] = {}
    pending = [(f"{path}{name}", field) for name, field in event_fields(schema).items()]
    while pending:
        name, field = pending.pop()
        found[name] = field
        if isinstance(field, ListOf):
            pending.append((f"{name}[]", field.inner))
        elif isinstance(field, MapOf):
            pending += [(f"{name}.<name>", field.key_field), (f"{name}.<value>", field.value_field)]
        elif isinstance(field, Record):
            found |= fields_in(field.schema, f"{name}.")
    return found


def strings_in(schema: object, path: str = "") -> dict[str, dict]:
    """Every part of a JSON Schema that allows strings, names of properties too."""
    found = {}
    if isinstance(schema, dict):
        allowed = schema.get("type", [])
        if "string" in ([allowed] if isinstance(allowed, str) else allowed):
            found[path] = schema
        for name, part in schema.items():
            if name == "propertyNames":
                found[f"{path}/{name}"] = part
            elif isinstance(part, dict):
                found |= strings_in(part, f"{path}/{name}")
    return found


def test_the_types_and_their_subjects_and_fields_are_those_of_the_contract() -> None:
    catalogue = {}
    for kind in TYPES.values():
        fields, later = event_fields(kind.data), ADDED_FIELDS.get(kind.name, ())
        assert not any(fields[name].required for name in later), "what is added later is optional"
        catalogue[kind.name] = (kind.subject, " ".join(name for name in fields if name not in later))
    assert catalogue == CONTRACT | ADDED


@types
def test_a_type_is_named_by_its_service_and_what_happened(event_type: str) -> None:
    kind = TYPES[event_type]
    name = r"speedmentor\.(registration|matching|session-timer|feedback)\.[a-z]+(-[a-z]+)*-(in|[a-z]+)\.v[1-9]\d*"
    assert re.fullmatch(name, event_type)
    assert kind.source == "/speedmentor/" + event_type.split(".")[1]
    assert kind.dataschema == f"urn:speedmentor:schema:{event_type}"


@types
def test_nothing_can_carry_personal_data_or_free_text(event_type: str) -> None:
    # Every value is of a kind that has no room for it, and there is no other kind.
    for path, field in fields_in(data_schema(event_type)).items():
        assert isinstance(field, Text | OneOf | Whole | Number | Flag | ListOf | MapOf | Record), path
    private = re.compile(r"name$|mail|phone|text|comment|note|takeaway|question(?!s$)|story(?!telling$)")
    suspects = [path for path in fields_in(data_schema(event_type)) if private.search(path)]
    assert suspects in ([], ["has_story"])


@types
def test_every_string_has_a_form_and_a_length(event_type: str) -> None:
    strings = strings_in(json_schema(event_type))
    assert strings
    for path, schema in strings.items():
        if "enum" in schema:
            continue
        assert schema["maxLength"] <= 128, path
        assert schema["pattern"].startswith("^"), path
        assert schema["pattern"].endswith("$"), path
        for private in ("Siti Rahma", "siti@example.org", "+62 812 3456 7890", "Zoë", "a\nb", ""):
            assert not re.fullmatch(schema["pattern"], private), (path, private)


@types
def test_the_schema_that_is_served_stands_on_its_own(event_type: str) -> None:
    schema = json_schema(event_type)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:speedmentor:schema:{event_type}"
    assert "$ref" not in str(schema)
    assert schema["required"]


@types
def test_its_example_may_be_published(event_type: str) -> None:
    assert TYPES[event_type].refusal(TYPES[event_type].example(), publishing=True) is None


def test_the_page_for_integrators_is_up_to_date() -> None:
    committed = Path(__file__).parents[2] / "docs" / "events.md"
    assert committed.read_text(encoding="utf-8") == page(), "run: python -m shared.events.document > docs/events.md"


def test_the_page_for_integrators_describes_every_attribute() -> None:
    described = set(re.findall(r"`([a-z]+)`", page().split("## Attributes")[1].split("## ")[0]))
    sample = next(Path(__file__).with_name("samples").glob("*plan-published*"))
    attributes = set(type(decode(sample.read_bytes())).__slots__) - {"data", "body"}
    # Only internal events have it.
    assert attributes - described == {"follows"}


def test_what_was_told_once_is_withheld_and_the_schema_says_since_when() -> None:
    withheld = {
        kind.name: names
        for kind in TYPES.values()
        if (names := {name for name, field in event_fields(kind.data).items() if field.withheld})
    }
    assert withheld == WITHHELD
    for name, fields in WITHHELD.items():
        for field in fields:
            described = json_schema(f"speedmentor.{name}.v1")["properties"][field]["description"]
            assert re.search(r"empty since \d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", described), (name, field)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("feedback.feedback-submitted", {"ratings": {"would_recommend": 0}}),
        ("registration.preference-stated", {"avoids": ["somebody"]}),
        ("registration.mentor-updated", {"never": ["somebody"]}),
        ("registration.mentee-registered", {"manager_id": "somebody"}),
    ],
)
def test_what_is_withheld_cannot_be_published_by_a_slip_and_is_read_from_an_earlier_release(
    name: str, told: dict[str, object]
) -> None:
    kind = TYPES[f"speedmentor.{name}.v1"]
    data = kind.example() | told
    assert kind.refusal(data, publishing=False) is None
    (field,) = told
    assert kind.refusal(data, publishing=True) == f"data.{field}: Not to be published any more."


def test_no_page_or_schema_for_integrators_speaks_of_internal_types() -> None:
    internal = {kind.name for kind in TYPES.values() if kind.internal}
    assert internal == {"registration.relations-stated"}
    assert internal.isdisjoint(kind.name for kind in PUBLIC.values())
    assert not any(name in page() for name in internal)


def test_every_public_type_is_in_the_table_of_changes_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs" / "state-changes.md").read_text(encoding="utf-8")
    named = set()
    for line in text.splitlines():
        service = ""
        for name in re.findall(r"`([a-z-]*\.[a-z-]+)`", line) if line.startswith("| ") else ():
            service = name.partition(".")[0] or service
            named.add(f"{service}.{name.partition('.')[2]}")
    assert named == {kind.name for kind in PUBLIC.values()}
