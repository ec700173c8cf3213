"""A connection needs both, and is formed once."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.feedback.domain.choices import Pair, connection_id_of

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
PAIR = Pair(connection_id_of("program-1", "mentor-1", "mentee-1"), "program-1", "mentor-1", "mentee-1", "jkt")

choices = st.lists(st.tuples(st.sampled_from(["mentor", "mentee"]), st.booleans()), max_size=20)


def play(pair: Pair, made: list[tuple[str, bool]]) -> tuple[Pair, list[int]]:
    formed = []
    for number, (role, yes) in enumerate(made):
        pair, now = pair.choose(role, yes, NOW + timedelta(minutes=number))
        if now:
            formed.append(number)
    return pair, formed


@given(made=choices)
def test_it_is_formed_once_at_the_first_moment_when_both_last_choices_are_yes(made: list[tuple[str, bool]]) -> None:
    last: dict[str, bool] = {}
    mutual = []
    for number, (role, yes) in enumerate(made):
        last[role] = yes
        if last == {"mentor": True, "mentee": True}:
            mutual.append(number)
    pair, formed = play(PAIR, made)
    assert formed == mutual[:1]
    assert pair.is_connection == bool(mutual)
    assert pair.formed_at == (NOW + timedelta(minutes=mutual[0]) if mutual else None)


@given(made=choices, who=st.sampled_from(["mentor-1", "mentee-1"]))
def test_nobody_is_connected_with_somebody_erased(made: list[tuple[str, bool]], who: str) -> None:
    before, _ = play(PAIR, made)
    after, formed = play(before.without(who), made)
    assert not formed
    assert not after.is_connection
    assert who not in (after.mentor_id, after.mentee_id)


def test_the_order_of_two_simultaneous_choices_does_not_matter() -> None:
    one, _ = play(PAIR, [("mentor", True), ("mentee", True)])
    other, _ = play(PAIR, [("mentee", True), ("mentor", True)])
    assert one == other


def test_the_id_of_a_connection_follows_from_program_and_pair() -> None:
    ids = {
        connection_id_of(*each)
        for each in (
            ("program-1", "mentor-1", "mentee-1"),
            ("program-1", "mentor-1", "mentee-1"),
            ("program-2", "mentor-1", "mentee-1"),
            ("program-1", "mentor-2", "mentee-1"),
            ("program-1", "mentor-1", "mentee-2"),
        )
    }
    assert len(ids) == 4
