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


def told(name: str, ordinal: int, follows: int | None = None, **data: Any) -> Event:
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
        follows=follows,
    )


def registration(name: str, ordinal: int, site: str, **more: Any) -> Event:
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
        **more,
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


def related(ordinal: int, follows: int, **data: Any) -> Event:
    """An internal event of today's registration."""
    return told("relations-stated", ordinal, follows, role="mentee", **{"wants": [], "avoids": [], **data})


#: What replicas of both releases of registration tell of one participant, by turns, and what holds after each.
BOTH_RELEASES = [
    (registration("mentee-registered", 1, "jkt", team_id="t1", manager_id="m9"), ((), (), "t1", "m9")),
    (told("preference-stated", 2, role="mentee", wants=["m1"], avoids=["m2"]), (("m1",), ("m2",), "t1", "m9")),
    (related(1, 2, wants=["m3"], avoids=["m4"], team_id="t1", manager_id="m9"), (("m3",), ("m4",), "t1", "m9")),
    (told("preference-stated", 3, role="mentee", wants=[], avoids=[], wanted=1), (("m3",), ("m4",), "t1", "m9")),
    (related(2, 3, wants=["m3"], avoids=["m4"], team_id="t1", manager_id="m9"), (("m3",), ("m4",), "t1", "m9")),
    (registration("mentee-updated", 4, "sub"), (("m3",), ("m4",), "t1", "m9")),
    (told("preference-stated", 5, role="mentee", wants=["m5"], avoids=[]), (("m5",), (), "t1", "m9")),
    (registration("mentee-updated", 6, "upg", team_id="t1", manager_id="m9"), (("m5",), (), "t1", "m9")),
    (related(3, 6, wants=[], avoids=["m6"], team_id="t1", manager_id="m9"), ((), ("m6",), "t1", "m9")),
]


def holds(card: Card) -> tuple[Any, ...]:
    return (card.wanted, card.avoided, card.team_id, card.manager_id)


def test_while_two_releases_of_registration_run_the_later_word_holds() -> None:
    card = Card("e1", "p", "mentee")
    for event, expected in BOTH_RELEASES:
        card = apply(card, event)
        assert holds(card) == expected, event.name
        assert apply(card, event) == card, "a repetition changes nothing"


@given(st.integers(1, len(BOTH_RELEASES)).flatmap(lambda n: st.permutations(BOTH_RELEASES[:n]).map(lambda p: (n, p))))
def test_in_any_order_what_was_said_last_of_relations_holds(given: tuple[int, list[Any]]) -> None:
    number, events = given
    card = after(event for event, _ in events)
    assert holds(card) == BOTH_RELEASES[number - 1][1]


def test_a_mentors_list_of_an_earlier_release_gives_way_to_a_later_internal_one_and_the_other_way_round() -> None:
    def offered(ordinal: int, **more: Any) -> Event:
        new = NewEvent("registration.mentor-updated", "m1", {"mentor_id": "m1", "program_id": "p", **more}, "o", "p")
        return seal(new, id=new_id(), ordinal=ordinal, time=datetime(2026, 11, 24, tzinfo=UTC))

    card = apply(Card("m1", "p", "mentor"), offered(1, never=["e1"]))
    card = apply(card, related(1, 1, never=["e1", "e2"]))
    assert card.never == ("e1", "e2")
    assert apply(card, offered(2)).never == ("e1", "e2")
    assert apply(card, offered(2, never=[])).never == ()


def test_relations_that_come_first_wait_for_the_registration() -> None:
    card = after([related(1, 0, avoids=["m1"])])
    assert not card.plannable
    assert apply(card, registration("mentee-registered", 1, "jkt")).avoided == ("m1",)


def test_what_is_known_already_by_another_event_is_no_reason_to_plan_anew() -> None:
    before = after([registration("mentee-registered", 1, "jkt", team_id="t1")])
    assert after([registration("mentee-registered", 1, "jkt", team_id="t1"), related(1, 1, team_id="t1")]).seating == (
        before.seating
    )
    assert apply(before, related(1, 1, team_id="t1", avoids=["m1"])).seating != before.seating
