"""The pure parts of the demonstration: reading, answering, following, counting."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.demo.answers import answer
from deploy.demo.event import is_over, no_shows
from deploy.demo.faults import Kill
from deploy.demo.files import NotReadable, read_files
from deploy.demo.live import events_in
from deploy.demo.observer import gaps
from deploy.demo.watching import standing
from services.feedback.domain.ratings import faults_in
from shared.events import Event, seal, write_time
from shared.events.envelope import NewEvent
from shared.ids import new_id


def test_the_clock_begins_on_the_morning_before(tmp_path: Path) -> None:
    (tmp_path / "program.toml").write_text("date = 2026-12-05\n")
    assert read_files(tmp_path).begin(1) == datetime(2026, 12, 4, 8, tzinfo=UTC)
    (tmp_path / "program.toml").write_text('\ufeffdate = "2026-12-05"\r\n', encoding="utf-8")
    assert read_files(tmp_path).begin(1) == datetime(2026, 12, 4, 8, tzinfo=UTC)


def test_a_fast_clock_begins_so_early_that_there_is_time_to_prepare(tmp_path: Path) -> None:
    (tmp_path / "program.toml").write_text("date = 2026-12-05\n")
    earliest = datetime(2026, 12, 5, tzinfo=ZoneInfo("Pacific/Kiritimati"))
    for speed in (360, 3600):
        assert (earliest - read_files(tmp_path).begin(speed)).total_seconds() / speed >= 600


@pytest.mark.parametrize("text", ["date = 'soon'", "no toml at all", "", "date = 12"])
def test_a_program_that_does_not_say_when_begins_yesterday(tmp_path: Path, text: str) -> None:
    (tmp_path / "program.toml").write_text(text)
    assert abs(read_files(tmp_path).begin(1) - datetime.now(UTC)) < timedelta(days=2)


def test_what_is_missing_is_left_for_registration_to_name(tmp_path: Path) -> None:
    (tmp_path / "mentors.csv").write_text("ref,name\n")
    assert set(read_files(tmp_path).texts) == {"mentors.csv"}


def test_a_file_in_another_encoding_is_named_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "mentees.csv").write_bytes("ref,name\nE1,Ana\nE2,José\n".encode("latin-1"))
    with pytest.raises(NotReadable, match=r"mentees\.csv: row 3"):
        read_files(tmp_path)


@given(st.integers(), st.sampled_from(["mentor", "mentee"]), st.text(), st.text(), st.integers(1, 100))
def test_answers_are_the_same_again_and_what_feedback_takes(
    seed: int, role: str, mentor: str, mentee: str, number: int
) -> None:
    said = answer(seed, role, mentor, mentee, number)
    assert said == answer(seed, role, mentor, mentee, number)
    assert faults_in(said.ratings, role) == []


def test_answers_vary_and_pairs_that_get_on_choose_each_other_more_often_than_by_chance() -> None:
    pairs = [(f"mentor {one}", f"mentee {other}") for one in range(30) for other in range(30)]
    both = [[answer(1, role, *pair, 1) for role in ("mentor", "mentee")] for pair in pairs]
    assert {each.ratings["time_well_spent"] for sides in both for each in sides} >= {3, 4, 5, 6, 7}
    shares = [sum(sides[side].stay_in_touch for sides in both) / len(both) for side in (0, 1)]
    mutual = sum(all(each.stay_in_touch for each in sides) for sides in both) / len(both)
    assert mutual > 1.05 * shares[0] * shares[1]


def _people(mentors: int, mentees: int) -> list[dict[str, Any]]:
    return [
        {"participant_id": f"{role}-{number}", "role": role, "name": f"{role} {number}", "site_id": "jkt"}
        for role, count in (("mentor", mentors), ("mentee", mentees))
        for number in range(count)
    ]


def test_two_mentees_and_a_mentor_with_meetings_do_not_come() -> None:
    people = _people(8, 20)
    meetings = [{"mentor_id": f"mentor-{n % 8}", "mentee_id": f"mentee-{n}"} for n in range(18)]
    away = no_shows(people, meetings, seed=3)
    assert sorted(each.partition("-")[0] for each in away) == ["mentee", "mentee", "mentor"]
    assert len(set(away)) == 3
    assert not {"mentee-18", "mentee-19"} & set(away)
    assert away == no_shows(list(reversed(people)), meetings, seed=3)
    assert any(away != no_shows(people, meetings, seed) for seed in range(10))


def test_of_a_tiny_event_everybody_comes() -> None:
    meetings = [{"mentor_id": "mentor-0", "mentee_id": "mentee-0"}]
    assert no_shows(_people(1, 1), meetings, seed=1) == []


def test_server_sent_events_are_read_as_the_standard_says() -> None:
    lines = [
        b"retry: 1000",
        b"",
        b": still here",
        b"",
        b"event: bell",
        b"id: abc-1",
        b'data: {"kind":',
        b'data: "round-started"}',
        b"",
        b'data:{"a": 1}',
        b"",
        b"data: {}",
    ]
    found = list(events_in(lines))
    assert found == [("bell", {"kind": "round-started"}, "abc-1"), ("message", {"a": 1}, "abc-1")]


def _view(**more: Any) -> dict[str, Any]:
    start = datetime(2026, 12, 5, 2, tzinfo=UTC)
    slots = [
        {
            "starts_at": write_time(start + k * timedelta(minutes=12)),
            "ends_at": write_time(start + timedelta(minutes=10) + k * timedelta(minutes=12)),
        }
        for k in range(2)
    ]
    return {"timetable": slots, "paused_at": None, "cancelled_at": None, **more}


@pytest.mark.parametrize(
    ("minutes", "what", "left"),
    [
        (-5, "waiting for round 1", 300),
        (0, "round 1 of 2", 600),
        (9.5, "round 1 of 2", 30),
        (10, "break before round 2", 120),
        (12, "round 2 of 2", 600),
        (22, "finished", None),
    ],
)
def test_a_session_is_shown_as_it_stands(minutes: float, what: str, left: float | None) -> None:
    now = datetime(2026, 12, 5, 2, tzinfo=UTC).timestamp() + minutes * 60
    assert standing(_view(), now)[:2] == (what, left)


def test_a_paused_and_a_cancelled_session_count_nothing_down() -> None:
    assert standing(_view(paused_at="2026-12-05T02:01:00.000Z"), 0)[:2] == ("paused", None)
    assert standing(_view(cancelled_at="2026-12-05T02:01:00.000Z"), 0)[:2] == ("cancelled", None)


def _event(subject: str, ordinal: int) -> Event:
    new = NewEvent("registration.program-cancelled", subject, {"program_id": subject, "reason": "test"})
    return seal(new, id=new_id(), ordinal=ordinal, time=datetime.now(UTC))


def test_ordinals_may_come_in_any_order_but_none_may_be_missing_or_double() -> None:
    whole = [_event("a", 2), _event("a", 1), _event("b", 1), _event("a", 3)]
    assert gaps(whole) == []
    (missing,) = gaps([each for each in whole if (each.subject, each.ordinal) != ("a", 2)])
    assert "/speedmentor/registration a" in missing
    (double,) = gaps([*whole, dataclasses.replace(whole[2], id=new_id())])
    assert "b: ordinals [1, 1]" in double


def test_a_kill_says_what_and_when() -> None:
    assert Kill.parse("session-timer@2.5") == Kill("session_timer", 2.5)
    assert Kill.parse("broker@10") == Kill("broker", 10.0)
    for wrong in ("matching", "matching@soon", "everything@1", "@1"):
        with pytest.raises(ValueError, match="registration, matching"):
            Kill.parse(wrong)


@pytest.mark.parametrize(
    ("state", "rounds_held", "over"),
    [("finished", 3, True), ("finished", 2, False), ("break", 2, False), ("round", 2, False), ("cancelled", 1, True)],
)
def test_a_session_is_over_once_its_last_bell_has_rung(state: str, rounds_held: int, over: bool) -> None:
    assert is_over({"state": state, "rounds_held": rounds_held, "timetable": [{}, {}, {}]}) is over


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2026, 12, 4), ("2026-12-05", "2026-12-06")),
        (date(2026, 12, 5), ("2026-12-06", "2026-12-07")),
        (date(2027, 1, 1), ("2027-01-02", "2027-01-03")),
    ],
)
def test_dates_that_have_come_are_moved_ahead_together(tmp_path, today, expected):
    toml = 'title = "date = 2026-12-05"\ndate = 2026-12-05\n[[sites]]\n  date = "2026-12-06"\n'
    (tmp_path / "program.toml").write_text(toml)
    moved = read_files(tmp_path).ahead_of(today)["program.toml"]
    assert moved == toml.replace("2026-12-06", expected[1]).replace("\ndate = 2026-12-05", f"\ndate = {expected[0]}")
