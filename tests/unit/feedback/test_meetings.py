"""What a meeting is follows from what was told of it, whatever the order in which that came."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.feedback.domain import ERASED
from services.feedback.domain.meetings import Ended, Meeting, State, Told

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NOTHING = Ended({})


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def told(ordinal: int, assigned: bool, round_: int = 1, minutes: float = -60, site_id: str | None = "jkt") -> Told:
    return Told(ordinal, assigned, round_, f"jkt-{ordinal}", site_id, at(minutes))


def meeting(*news: Told) -> Meeting:
    return Meeting("meeting-1", "program-1", "org-1", "mentor-1", "mentee-1").hear(news)


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """Events as matching publishes them: times grow with the ordinals."""
    minutes = draw(st.lists(st.integers(-60, 60), min_size=1, max_size=8).map(sorted))
    return [
        Told(
            ordinal,
            draw(st.booleans()),
            draw(st.integers(1, 3)),
            f"jkt-{draw(st.integers(1, 3))}",
            draw(st.sampled_from(["jkt", "dps", None])),
            at(each),
        )
        for ordinal, each in enumerate(minutes, start=1)
    ]


endings = st.dictionaries(
    st.tuples(st.sampled_from(["jkt", "dps"]), st.integers(1, 3)), st.integers(-60, 60).map(at), max_size=6
).map(Ended)


@given(history=histories(), ended=endings, data=st.data())
def test_any_order_with_repetitions_in_any_batches_gives_the_same_meeting(
    history: list[Told], ended: Ended, data: st.DataObject
) -> None:
    arrivals = data.draw(st.permutations(history + data.draw(st.lists(st.sampled_from(history), max_size=5))))
    cuts = sorted({0, len(arrivals), *data.draw(st.lists(st.integers(0, len(arrivals)), max_size=4))})
    heard = meeting()
    for begin, end in pairwise(cuts):
        heard = heard.hear(arrivals[begin:end])
    assert heard == meeting(*history)
    assert heard.state(ended) == meeting(*history).state(ended)


@given(history=histories())
def test_while_no_round_has_ended_the_last_word_counts(history: list[Told]) -> None:
    last = history[-1]
    assert meeting(*history).seat(NOTHING) == (last if last.assigned else None)
    assert meeting(*history).state(NOTHING) == (State.PLANNED if last.assigned else State.RELEASED)


@given(history=histories(), ended=endings)
def test_a_meeting_is_held_exactly_if_the_round_of_its_seat_has_ended(history: list[Told], ended: Ended) -> None:
    found = meeting(*history)
    seat = found.seat(ended)
    assert (found.state(ended) is State.HELD) == (seat is not None and ended.at(seat.site_id, seat.round) is not None)


@given(history=histories(), ended=endings, late=st.booleans(), minutes=st.integers(1, 100))
def test_what_is_announced_after_the_meeting_was_held_changes_nothing(
    history: list[Told], ended: Ended, late: bool, minutes: int
) -> None:
    before = meeting(*history)
    if before.state(ended) is not State.HELD:
        return
    after = before.hear([told(len(history) + 1, late, 3, 60 + minutes)])
    assert after.seat(ended) == before.seat(ended)


def test_released_and_assigned_again_is_live_again() -> None:
    again = told(3, True, 2)
    found = meeting(told(1, True), told(2, False), again)
    assert found.seat(NOTHING) == again
    # Its first round ended without it.
    assert found.state(Ended({("jkt", 1): at(10)})) is State.PLANNED
    assert found.state(Ended({("jkt", 1): at(10), ("jkt", 2): at(22)})) is State.HELD


def test_released_before_its_round_ended_was_not_held_and_released_after_it_was() -> None:
    ended = Ended({("jkt", 1): at(10)})
    assert meeting(told(1, True), told(2, False, minutes=9)).state(ended) is State.RELEASED
    assert meeting(told(1, True), told(2, False, minutes=11)).state(ended) is State.HELD


def test_who_meets_at_no_site_has_met_once_the_round_has_ended_anywhere() -> None:
    found = meeting(told(1, True, 2, site_id=None))
    assert found.state(Ended({("jkt", 1): at(10)})) is State.PLANNED
    assert found.state(Ended({("jkt", 1): at(10), ("dps", 2): at(22)})) is State.HELD


def test_each_side_has_its_role_and_a_forgotten_one_none() -> None:
    found = meeting(told(1, True))
    assert [found.role_of(each) for each in ("mentor-1", "mentee-1", "mentor-2")] == ["mentor", "mentee", None]
    forgotten = found.without("mentee-1")
    assert (forgotten.mentor_id, forgotten.mentee_id) == ("mentor-1", ERASED)
    assert [forgotten.role_of(each) for each in ("mentor-1", "mentee-1", ERASED)] == ["mentor", None, None]
