"""Which people are in an event, and what their erasure leaves of it.

The rule, which is every consumer's too: on ``registration.participant-erased`` the events about that participant (whose
subject it is) are forgotten, that one event excepted; in all others its id is replaced by ``erased``.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import orjson
from marshmallow import Schema

from shared.events.catalogue import TYPES
from shared.events.composites import ListOf, Record, event_fields
from shared.events.fields import ID, Id

PARTICIPANT_ERASED: Final = "registration.participant-erased"

ERASED: Final = "erased"
"""Stands where the id of an erased participant stood."""

#: Fields whose ids are not a participant's.
THINGS: Final = frozenset(
    (
        *("program_id", "site_id", "plan_id", "meeting_id", "session_id", "pairing_id", "pair_id", "connection_id"),
        *("log_in_id", "team_id", "person_id", "table", "title_key"),
    )
)

_is_id = re.compile(ID).fullmatch


def digest(participant_id: str) -> str:
    """By what an erased participant is known again: nobody can tell the id from it."""
    return hashlib.sha256(participant_id.encode()).hexdigest()


def left_of(event_type: str, body: bytes, erased: Collection[str]) -> bytes | None:
    """What is left of an event once the participants ``erased`` are; None if nothing is.

    What is not about them and does not name them is left as it is, byte for byte.
    """
    if event_type == PARTICIPANT_ERASED:
        return body
    document = orjson.loads(body)
    if document["subject"] in erased:
        return None
    changed = _replaced(document, erased)
    return body if changed == document else orjson.dumps(changed)


def _replaced(value: Any, erased: Collection[str]) -> Any:
    if isinstance(value, str):
        return ERASED if value in erased else value
    if isinstance(value, dict):
        return {_replaced(name, erased): _replaced(each, erased) for name, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, erased) for each in value]
    return value


def people_in(subject: str, data: Mapping[str, Any]) -> set[str]:
    """The ids in an event that are, or may be, a participant's: an erasure looks for them.

    Fields that this release does not know are looked into as well: a later one may name people there.
    """
    found = set(_ids_in(data))
    if subject in found or not any(data.get(name) == subject for name in THINGS):
        found.add(subject)
    return found


def _ids_in(data: Mapping[str, Any]) -> Iterator[str]:
    for name, value in data.items():
        if name not in _NOBODY:
            yield from _ids_of(value)


def _ids_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if _is_id(value):
            yield value
    elif isinstance(value, Mapping):
        yield from _ids_in(value)
    elif isinstance(value, list):
        for each in value:
            yield from _ids_of(each)


def _fields(schema: type[Schema]) -> Iterator[tuple[str, bool]]:
    """Every field of a schema, also of the objects in it, and whether it has ids that may be a participant's."""
    for name, field in event_fields(schema).items():
        kind: Any = field.inner if isinstance(field, ListOf) else field
        if isinstance(kind, Record):
            yield name, True
            yield from _fields(kind.schema)
        else:
            yield name, isinstance(kind, Id) and name not in THINGS


def _without_people(types: Mapping[str, Any]) -> frozenset[str]:
    fields: dict[str, bool] = {}
    for kind in types.values():
        for name, may_name_people in _fields(kind.data):
            fields[name] = fields.get(name, False) or may_name_people
    return THINGS | {name for name, may_name_people in fields.items() if not may_name_people}


#: Names of fields with nobody in them.
_NOBODY: Final = _without_people(TYPES)
