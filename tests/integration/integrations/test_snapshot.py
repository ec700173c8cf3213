"""Snapshots of programs on the real database: what they hold, page by page, while the program goes on."""

from collections.abc import Callable
from typing import Any

import pytest

from services.integrations import store
from services.integrations.domain.scope import Scope
from services.integrations.log import reading as log
from services.integrations.snapshot import reading
from shared.events import Event
from shared.faults import Invalid, NotFound
from shared.storage.unit_of_work import UnitOfWork
from tests.histories import PROGRAM, example, history
from tests.integration.integrations.published import read_back, take_in

pytestmark = pytest.mark.integration

ALL = Scope()


@pytest.fixture
def work(own_unit_of_work: Callable[..., UnitOfWork]) -> UnitOfWork:
    return own_unit_of_work("integrations", store.prepare)


def happened(*new: Any) -> list[Event]:
    return [read_back(event) for event in history(new)]


def pages(work: UnitOfWork, scope: Scope = ALL, limit: int = 1000) -> list[dict[str, Any]]:
    """All rows of the snapshot."""
    part = reading.read(work.database, scope, PROGRAM, None, limit)
    found = part.rows
    while part.next is not None:
        part = reading.read(work.database, scope, PROGRAM, part.next, limit)
        found = found + part.rows
    return found


def test_only_what_still_matters_is_in_it_as_it_was_published_and_in_order(work: UnitOfWork) -> None:
    events = happened(
        example("registration.mentor-registered", "mentor-1"),
        example("matching.meeting-assigned", "meeting-1"),
        example("matching.meeting-assigned", "meeting-2"),
        example("registration.mentor-updated", "mentor-1", seats=3),
        example("matching.meeting-released", "meeting-2"),
        example("session-timer.round-warned", "session-1"),
    )
    for event in events:
        take_in(work, event)
    part = reading.read(work.database, ALL, PROGRAM, None, 1000)
    assert [bytes(row["body"]) for row in part.rows] == [events[0].body, events[2].body, events[4].body]
    assert (part.cursor, part.next) == (log.end(work.database), None)


def test_what_comes_late_does_not_take_the_place_of_what_is_newer(work: UnitOfWork) -> None:
    published, old, new = happened(
        example("registration.mentor-registered", "mentor-1", seats=1),
        example("registration.mentor-updated", "mentor-1", seats=2),
    )
    take_in(work, published, new)
    take_in(work, old, old)
    assert [row["body"] for row in pages(work)] == [published.body, new.body]
    again, over = happened(
        example("matching.meeting-assigned", "meeting-1"), example("matching.meeting-released", "meeting-1")
    )[1:]
    take_in(work, over)
    take_in(work, again)
    assert [row["type"] for row in pages(work)] == ["registration.program-published", "registration.mentor-updated"]


def test_page_by_page_it_is_whole_though_the_program_goes_on(work: UnitOfWork) -> None:
    people = [example("registration.mentee-registered", f"mentee-{number}") for number in range(20)]
    updates = [example("registration.mentee-updated", f"mentee-{number}") for number in range(0, 20, 2)]
    events = happened(*people, *updates)
    before, after = events[:21], events[21:]
    take_in(work, *before)
    part = reading.read(work.database, ALL, PROGRAM, None, 3)
    seen = list(part.rows)
    for event in after:
        # Each page is read after something more has happened.
        take_in(work, event)
        if part.next is not None:
            part = reading.read(work.database, ALL, PROGRAM, part.next, 3)
            seen += part.rows
    while part.next is not None:
        part = reading.read(work.database, ALL, PROGRAM, part.next, 3)
        seen += part.rows
    assert part.cursor == "21"
    later = log.read(work.database, ALL, part.cursor, 1000).rows
    subjects = {row["people"][0] for row in seen + later if row["type"].startswith("registration.mentee")}
    assert subjects == {f"mentee-{number}" for number in range(20)}
    assert [bytes(row["body"]) for row in later] == [event.body for event in after]


def test_it_holds_only_what_the_reader_may_know(work: UnitOfWork) -> None:
    take_in(
        work,
        *happened(example("registration.mentor-registered", "mentor-1"), example("matching.plan-published", "plan-1")),
    )
    assert [row["type"] for row in pages(work, Scope(("matching.#",)))] == ["matching.plan-published"]
    for scope in (Scope(org="other"), Scope(programs=("program-2",))):
        with pytest.raises(NotFound):
            pages(work, scope)
    with pytest.raises(NotFound):
        reading.read(work.database, ALL, "program-2", None, 10)


@pytest.mark.parametrize("page", ["", "x", "1", "1-", "-1-0", "9-0", "1-2", "1-0-0", "٣-0"])
def test_what_is_no_page_is_refused_by_name(work: UnitOfWork, page: str) -> None:
    take_in(work, *happened(example("registration.mentor-registered", "mentor-1")))
    with pytest.raises(Invalid) as refused:
        reading.read(work.database, ALL, PROGRAM, page, 10)
    assert [each.field for each in refused.value.problems] == ["/page"]
