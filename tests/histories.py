"""Histories of events for tests of those who read them: sealed, in order, numbered per subject."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from shared.events import Event, NewEvent, seal
from shared.events.catalogue import TYPES
from shared.ids import new_id

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
PROGRAM, ORG = "program-1", "org-1"


def example(name: str, subject: str, **data: Any) -> NewEvent:
    """An event of the type with the short name ``name``: the catalogue's example data, and ``data`` in it."""
    kind = TYPES[f"speedmentor.{name}.v1"]
    told = kind.example()
    of_program = {"program_id": PROGRAM} if "program_id" in told else {}
    return NewEvent(
        name, subject, {**told, **of_program, kind.subject_field: subject, **data}, org=ORG, program=PROGRAM
    )


def history(happened: Iterable[NewEvent]) -> list[Event]:
    """What happened in the program, from its publication on."""
    ordinals: Counter[str] = Counter()
    events = []
    for new in (example("registration.program-published", PROGRAM), *happened):
        ordinals[new.subject] += 1
        events.append(seal(new, id=new_id(), ordinal=ordinals[new.subject], time=NOW))
    return events
