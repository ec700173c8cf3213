"""What a new plan changes, and what is published of it."""

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain.groups import Seat
from services.matching.domain.revision import PlanFacts, compare, events_of, meeting_id_of, wants_in

seats = st.builds(
    Seat,
    mentee_id=st.sampled_from(["e1", "e2", "e3"]),
    mentor_id=st.sampled_from(["m1", "m2", "m3"]),
    round=st.integers(1, 4),
    table=st.sampled_from(["t1", "t2"]),
    site_id=st.just("jkt"),
    score=st.integers(0, 1000),
    because=st.just({}),
)
plans = st.lists(seats, unique_by=lambda seat: seat.pair, max_size=9)
QUALITY = {"meetings": 0, "score": 0, "bound": 0, "gap": 0.0, "certified": True}
FACTS = PlanFacts("plan", "program", "org", 2, 4, 3, 3, 0, QUALITY)


@given(plans, plans)
def test_every_meeting_of_either_plan_is_in_exactly_one_part(before: list[Seat], after: list[Seat]) -> None:
    revision = compare(before, after)
    moved_from, moved_to = [a for a, _ in revision.moved], [b for _, b in revision.moved]
    assert Counter(s.pair for s in before) == Counter(s.pair for s in [*revision.removed, *moved_from, *revision.kept])
    assert Counter(s.pair for s in after) == Counter(s.pair for s in [*revision.added, *moved_to, *revision.kept])


@given(plans, plans)
def test_who_follows_the_events_holds_the_new_plan(before: list[Seat], after: list[Seat]) -> None:
    held = {meeting_id_of("plan", seat.pair): (seat.round, seat.table) for seat in before}
    for event in events_of(FACTS, compare(before, after), "absence"):
        if event.type == "matching.meeting-released":
            del held[event.data["meeting_id"]]
        elif event.type == "matching.meeting-assigned":
            assert event.data["meeting_id"] not in held
            held[event.data["meeting_id"]] = (event.data["round"], event.data["table"])
    assert held == {meeting_id_of("plan", seat.pair): (seat.round, seat.table) for seat in after}


@given(plans)
def test_the_same_plan_again_changes_nothing(plan: list[Seat]) -> None:
    assert compare(plan, [replace(seat, score=0) for seat in plan]).is_empty


def test_what_wishes_add_to_a_plan_is_not_published() -> None:
    """Else two revisions with one meeting between them would tell whether the two had wished for each other."""

    def told(wishes: int) -> dict[str, Any]:
        answer = {"meetings": [{"because": {"topics": 300, "wants": wishes}}, {"because": {"topics": 200}}, {}]}
        quality = {**QUALITY, "meetings": 2, "score": 500 + wishes, "bound": 510 + wishes, "gap": 0.5}
        facts = replace(FACTS, quality=quality, wants=wants_in(answer))
        return events_of(facts, compare([], []), "absence")[-1].data

    assert told(0) == told(80) == told(200)
    assert {name: told(80)[name] for name in ("score", "bound", "gap")} == {
        "score": 500, "bound": 510, "gap": 10 / 510,
    }  # fmt: skip
