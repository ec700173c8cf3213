"""Given a history of events, when only those that still matter are kept, a consumer builds the same state."""

import importlib.util
import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.integrations.domain.compaction import fact_of, is_over
from shared.events import Event, NewEvent, decode, encode, seal
from shared.events.catalogue import PUBLIC
from shared.events.times import write_time
from shared.ids import new_id
from tests.histories import NOW, example, history

TABLES = Path(__file__).parents[3] / "examples" / "consumers" / "tables" / "tables.py"
PEOPLE = {"mentor": ("mentor-1", "mentor-2"), "mentee": ("mentee-1", "mentee-2", "mentee-3")}
ROLES = {person: role for role, people in PEOPLE.items() for person in people}


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    """The example consumer: what others will do with the events, and nobody's inner knowledge."""
    spec = importlib.util.spec_from_file_location("tables", TABLES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


people = st.sampled_from(sorted(ROLES))
rounds = st.integers(1, 3)


@st.composite
def happenings(draw: st.DrawFn) -> NewEvent:
    person = draw(people)
    role = ROLES[person]
    pair = {"mentor_id": draw(st.sampled_from(PEOPLE["mentor"])), "mentee_id": draw(st.sampled_from(PEOPLE["mentee"]))}
    both = "-".join(pair.values())
    site = draw(st.sampled_from(("jkt", "sby")))
    match draw(st.integers(0, 8)):
        case 0:
            change = draw(st.sampled_from(("registered", "updated")))
            return example(f"registration.{role}-{change}", person, site_id=site)
        case 1:
            return example("registration.participant-checked-in", person, role=role)
        case 2:
            return example("registration.participant-absent", person, role=role, from_round=draw(rounds))
        case 3:
            return example("registration.participant-withdrawn", person, role=role)
        case 4:
            done = draw(st.sampled_from(("assigned", "released")))
            return example(f"matching.meeting-{done}", f"met-{both}", site_id=site, round=draw(rounds), **pair)
        case 5:
            done = draw(st.sampled_from(("formed", "dissolved")))
            return example(f"matching.pair-{done}", f"pair-{both}", **pair)
        case 6:
            number = draw(rounds)
            name = draw(st.sampled_from(("started", "warned", "ended")))
            return example(f"session-timer.round-{name}", f"session-{site}", site_id=site, round=number)
        case 7:
            start = write_time(NOW.replace(minute=draw(st.integers(0, 59))))
            timetable = [{"round": 1, "starts_at": start, "ends_at": write_time(NOW.replace(hour=12))}]
            return example("session-timer.session-rescheduled", f"session-{site}", site_id=site, timetable=timetable)
        case _:
            return example("feedback.connection-formed", f"connection-{both}", **pair)


def _compact(events: Iterable[Event]) -> list[Event]:
    facts: dict[str, Event] = {}
    for event in events:
        fact = fact_of(event)
        if fact is not None and (fact not in facts or facts[fact].ordinal < event.ordinal):
            facts[fact] = event
    return [event for event in facts.values() if not is_over(event)]


def _state(tables: ModuleType, events: Iterable[Event]) -> str:
    consumer = tables.Tables(":memory:")
    assert consumer.take([json.loads(encode(event)) for event in events]) == []
    return json.dumps(consumer.state(), sort_keys=True)


@given(st.lists(happenings(), max_size=40), st.randoms())
def test_what_still_matters_gives_the_state_that_all_events_give(
    tables: ModuleType, happened: list[NewEvent], random: Any
) -> None:
    events = history(happened)
    whole = _state(tables, events)
    shuffled = random.sample(events, len(events))
    assert _state(tables, _compact(events)) == whole
    assert _state(tables, _compact(shuffled)) == whole


@given(st.lists(happenings(), max_size=40), st.integers(0, 41))
def test_a_snapshot_in_the_middle_and_what_comes_after_give_the_same_state(
    tables: ModuleType, happened: list[NewEvent], at: int
) -> None:
    events = history(happened)
    # A snapshot may hold what happened while it was read; it comes again, or has been replaced, after it.
    later = _compact(events)
    for snapshot in (_compact(events[:at]), [event for event in later if event in events[: at + 3]]):
        assert _state(tables, [*snapshot, *events[at:]]) == _state(tables, events)


@given(st.lists(happenings(), max_size=40), st.randoms())
def test_the_order_in_which_events_come_makes_no_difference_to_theexample(
    tables: ModuleType, happened: list[NewEvent], random: Any
) -> None:
    events = history(happened)
    shuffled = random.sample(events, len(events))
    again = list(itertools.chain.from_iterable((event, event) for event in shuffled))
    assert _state(tables, again) == _state(tables, events)


def test_each_type_of_the_catalogue_is_a_fact_or_passes() -> None:
    passing = set()
    for kind in PUBLIC.values():
        event = decode(encode(seal(example(kind.name, "subject-1"), id=new_id(), ordinal=1, time=NOW)))
        if fact_of(event) is None:
            passing.add(kind.name)
    assert passing == {"session-timer.round-warned", "registration.log-in-ended"}
