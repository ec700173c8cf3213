"""A participant's card after any order of events."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain.roster import Card, apply
from shared.events import Event, NewEvent, seal
from shared.ids import new_id


def told(name: str, ordinal: int, **data: Any) -> Event:
    key = "mentee_id" if name.startswith("mentee") else "participant_id"
    new = NewEvent(f"registration.{name}", "e1", {key: "e1", "program_id": "p", **data}, org="o", program="p")
    return seal(
        new,
        id=new_id(),
        ordinal=ordinal,
        time=datetime(2026, 11, 24, tzinfo=UTC),
        correlationid="c",
        causationid=None,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


def registration(name: str, ordinal: int, site: str) -> Event:
    return told(
        name,
        ordinal,
        site_id=site,
        remote=False,
        languages=["id"],
        motive="career",
        topics=[],
        rounds=[1, 2],
        max_meetings=2,
        questions=1,
    )


EVENTS = [
    registration("mentee-registered", 1, "jkt"),
    told("preference-stated", 2, role="mentee", wants=["m1"], avoids=[]),
    registration("mentee-updated", 3, "sub"),
    told("preference-stated", 4, role="mentee", wants=["m2"], avoids=["m1"]),
    told("participant-checked-in", 5, role="mentee", at="2026-12-05T02:00:00.000Z"),
    told("participant-absent", 6, role="mentee", from_round=2),
    told("participant-checked-in", 7, role="mentee", at="2026-12-05T02:20:00.000Z"),
    told("participant-absent", 8, role="mentee", from_round=5),
    told("participant-absent", 9, role="mentee", from_round=4),
]


def after(events: Iterable[Event]) -> Card:
    card = Card("e1", "p", "mentee")
    for event in events:
        card = apply(card, event)
    return card


@given(st.permutations(EVENTS))
def test_any_order_of_events_gives_the_same_card(events: list[Event]) -> None:
    assert after(events) == after(EVENTS)
    assert (after(events).site_id, after(events).wants, after(events).status) == ("sub", ("m2",), "absent:4")


@given(st.permutations([*EVENTS, told("participant-withdrawn", 10, role="mentee")]))
def test_who_has_withdrawn_stays_so(events: list[Event]) -> None:
    assert after(events).status == "withdrawn"


def test_who_comes_late_is_there_again() -> None:
    assert after(EVENTS[:6]).status == "absent:2"
    assert after(EVENTS[:7]).status == "registered"
    assert after(EVENTS[:6]).checked_in


@given(st.permutations([*EVENTS, told("participant-erased", 11, role="mentee")]))
def test_an_erased_participant_leaves_nothing_that_a_late_event_could_bring_back(events: list[Event]) -> None:
    card = after(events)
    assert card == Card("e1", "p", "mentee", withdrawn=True, erased=True)
    assert not card.plannable


def test_a_question_more_is_no_reason_to_plan_anew() -> None:
    before = apply(Card("e1", "p", "mentee"), registration("mentee-registered", 1, "jkt"))
    asked = registration("mentee-updated", 2, "jkt")
    after = apply(before, replace(asked, data={**asked.data, "questions": 7}))
    assert after.data != before.data
    assert after.seating == before.seating
    assert apply(before, registration("mentee-updated", 2, "sub")).seating != before.seating
