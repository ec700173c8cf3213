"""What is left of events once somebody is erased: the rule that every consumer goes by."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.integrations.domain.erasing import ERASED, PARTICIPANT_ERASED, THINGS, left_of, people_in
from shared.events import short_name
from shared.events.catalogue import TYPES
from shared.events.composites import ListOf, Record, event_fields
from shared.events.fields import Id


def body_of(kind: str, subject: str, **data: Any) -> bytes:
    return orjson.dumps({"type": f"speedmentor.{kind}.v1", "subject": subject, "data": data})


def test_an_event_about_the_erased_is_gone_and_others_say_erased_in_the_place_of_the_id() -> None:
    about = body_of("registration.mentor-registered", "m-1", mentor_id="m-1")
    naming = body_of("matching.meeting-assigned", "x", meeting_id="x", mentor_id="m-1", mentee_id="m-2")
    assert left_of("registration.mentor-registered", about, {"m-1"}) is None
    left = left_of("matching.meeting-assigned", naming, {"m-1"})
    assert left == body_of("matching.meeting-assigned", "x", meeting_id="x", mentor_id=ERASED, mentee_id="m-2")
    # Whatever else there is in it: a list of a field that is not known here, names of an object.
    deep = body_of("matching.later", "x", whom=[{"m-1": ["m-1", 1]}], m=None)
    assert left_of("matching.later", deep, {"m-1"}) == body_of(
        "matching.later", "x", whom=[{ERASED: [ERASED, 1]}], m=None
    )


def test_what_tells_of_the_erasure_stays_as_it_is() -> None:
    body = body_of(PARTICIPANT_ERASED, "m-1", participant_id="m-1")
    assert left_of(PARTICIPANT_ERASED, body, {"m-1"}) == body


@given(st.sets(st.sampled_from(["a", "b", "c"])), st.sampled_from(sorted(TYPES)), st.data())
def test_nothing_of_the_erased_is_left_and_all_else_stays(erased: set[str], name: str, data: st.DataObject) -> None:
    kind = TYPES[name]
    ids = st.sampled_from(["a", "b", "c", "d"])
    example = kind.example()
    for field, value in example.items():
        known = event_fields(kind.data)[field]
        if isinstance(known, Id):
            example[field] = data.draw(ids)
        elif isinstance(known, ListOf) and isinstance(known.inner, Id):
            example[field] = data.draw(st.lists(ids, max_size=3))
        else:
            example[field] = value
    subject = example[kind.subject_field]
    # Spaces that no writer of ours makes: what is not changed is not written anew.
    body = orjson.dumps({"subject": subject, "data": example}, option=orjson.OPT_INDENT_2)
    short = short_name(name)
    left = left_of(short, body, erased)
    if short == PARTICIPANT_ERASED:
        assert left == body
    elif subject in erased:
        assert left is None
    elif not any(f'"{each}"'.encode() in body for each in erased):
        assert left == body
    else:
        assert left is not None
        assert not any(f'"{each}"'.encode() in left for each in erased)
        assert left_of(short, left, erased) == left


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_person_in_an_event_is_found_by_an_erasure(name: str) -> None:
    kind = TYPES[name]

    def ids(schema: Any) -> dict[str, bool]:
        found = {}
        for field, known in event_fields(schema).items():
            inner = known.inner if isinstance(known, ListOf) else known
            if isinstance(inner, Record):
                found |= ids(inner.schema)
            elif isinstance(inner, Id):
                found[field] = isinstance(known, ListOf)
        return found

    fields = ids(kind.data)
    flat = {field: [f"id-{field}"] if many else f"id-{field}" for field, many in fields.items()}
    expected = {f"id-{field}" for field in fields if field not in THINGS}
    assert people_in(flat.get(kind.subject_field, "s"), flat) >= expected
    assert people_in("s", kind.example()) <= expected | {"s"} | set(_ids(kind.example()))


def _ids(example: dict[str, Any]) -> list[str]:
    return [each for each in example.values() if isinstance(each, str)]


def test_in_a_field_that_is_not_known_here_anybody_may_be() -> None:
    assert people_in("x", {"program_id": "p", "meeting_id": "x", "topics": ["t"], "guests": [{"who": ["g"]}]}) == {"g"}
    assert people_in("s", {"mentor_id": "m"}) == {"s", "m"}
