"""What an organizer can do to a session, and what follows from the timetable alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.session_timer.domain.bells import next_bell_at, ring
from services.session_timer.domain.session import State
from shared.events import encode, seal, write_time
from shared.faults import Conflict, Invalid, Stale


def names(events):
    return [(event.type.removeprefix("session-timer."), event.data.get("round")) for event in events]


def test_state_follows_from_the_timetable_and_the_time(session_of, at):
    session = session_of()
    seen = [str(session.phase(at(seconds))) for seconds in (-1, 0, 599.999, 600, 720, 1440, 2039, 2040)]
    assert seen == ["scheduled", "round 1", "round 1", "break 1", "round 2", "round 3", "round 3", "finished"]


def test_every_bell_rings_once_in_order(session_of, at):
    session, heard = session_of(), []
    for seconds in range(-10, 2100, 7):
        session, events = ring(session, at(seconds))
        heard += names(events)
    assert heard == [
        (name, number)
        for number in (1, 2, 3)
        for name in ("round-started", "round-warned", "round-warned", "round-ended")
    ] + [("session-finished", None)]
    assert next_bell_at(session) is None


def test_a_bell_never_rings_before_its_instant(session_of, at):
    session, events = ring(session_of(), at(-0.001))
    assert events == []
    assert next_bell_at(session) == at(0)


def test_a_late_bell_says_so_and_moves_no_later_round(session_of, at):
    session, events = ring(session_of(), at(3600))
    assert len(events) == 13
    assert all(event.data["late"] for event in events[:-1])
    assert [event.data["scheduled_at"] for event in events[:-1]] == sorted(
        event.data["scheduled_at"] for event in events[:-1]
    )
    assert session.slots == session_of().slots
    assert events[-1].data["rounds_held"] == 3


def test_bells_after_an_outage_go_on_by_the_timetable(session_of, at):
    session, events = ring(session_of(), at(800))
    assert names(events)[-1] == ("round-started", 2)
    assert str(session.phase(at(800))) == "round 2"
    assert next_bell_at(session) == at(1200)


def test_a_held_session_waits_for_its_organizer_and_loses_no_time(session_of, at):
    session, events = session_of(on_outage="hold").hold(at(800))
    assert names(events)[-2:] == [("round-started", 2), ("session-paused", 2)]
    assert session.view(at(900))["held"]
    session, _ = session.resume(at(1000))
    assert session.slot(2).ends_at == at(1520)
    assert not session.held


def test_a_clock_that_steps_back_rings_nothing_again(session_of, at):
    session, _ = ring(session_of(), at(600))
    session, again = ring(session, at(0))
    assert again == []
    session, events = ring(session, at(720))
    assert names(events) == [("round-started", 2)]


def test_a_pause_moves_all_that_is_ahead_and_no_meeting_grows(session_of, at):
    session, events = session_of().pause(at(100))
    assert names(events) == [("round-started", 1), ("session-paused", 1)]
    assert ring(session, at(5000))[1] == []
    session, events = session.resume(at(400))
    assert names(events) == [("session-resumed", 1)]
    assert session.slot(1).ends_at == at(900)
    assert session.slot(1).meeting == timedelta(seconds=600)
    assert session.slot(2).starts_at == at(1020)
    assert session.revision == 3
    assert next_bell_at(session) == at(780)


def test_a_warning_given_before_a_pause_is_not_given_again(session_of, at):
    session, _ = session_of().pause(at(500))
    session, _ = session.resume(at(800))
    assert next_bell_at(session) == at(870)


def test_a_pause_in_a_break_moves_the_next_round(session_of, at):
    session, _ = session_of().pause(at(650))
    assert session.phase(at(700)).state is State.PAUSED
    session, _ = session.resume(at(750))
    assert session.slot(1).ends_at == at(600)
    assert session.slot(2).starts_at == at(820)


def test_a_paused_session_does_not_count_its_round_as_held(session_of, at):
    session, _ = session_of().pause(at(100))
    session, _ = session.extend(60, at(5000))
    assert session.rounds_held() == 0
    session, _ = session.cancel("venue", at(6000))
    assert session.rounds_held() == 0


def test_pausing_twice_is_refused(session_of, at):
    session, _ = session_of().pause(at(100))
    with pytest.raises(Conflict):
        session.pause(at(101))


def test_resuming_what_runs_is_refused(session_of, at):
    with pytest.raises(Conflict):
        session_of().resume(at(100))


def test_an_extension_moves_all_that_is_ahead_and_warns_anew(session_of, at):
    session, events = session_of().extend(180, at(590))
    assert names(events)[-1] == ("round-extended", 1)
    assert session.slot(1).ends_at == at(780)
    assert session.slot(2).starts_at == at(900)
    assert next_bell_at(session) == at(660)


def test_what_is_changed_in_a_pause_says_since_when_the_session_stands_still(session_of, at):
    paused, (*_, told) = session_of().pause(at(100))
    assert "paused_at" not in told.data
    for changed, (*_, event) in (paused.extend(60, at(150)), paused.choose_policy("hold", at(160))):
        assert event.data["paused_at"] == write_time(at(100))
        assert changed.paused_at == at(100)
    _, (*_, event) = paused.resume(at(200))
    assert "paused_at" not in event.data


@pytest.mark.parametrize("seconds", [0, -5, 301, 10_000])
def test_no_extension_passes_900_seconds_of_meeting(session_of, at, seconds):
    with pytest.raises(Invalid) as refused:
        session_of().extend(seconds, at(100))
    assert "300" in str(refused.value.problems[0].remedy)


def test_extensions_add_up_to_the_limit_and_a_pause_gives_no_room(session_of, at):
    session, _ = session_of().extend(200, at(100))
    session, _ = session.pause(at(200))
    session, _ = session.resume(at(500))
    session, _ = session.extend(100, at(600))
    assert session.slot(1).meeting == timedelta(seconds=900)
    with pytest.raises(Invalid):
        session.extend(1, at(700))


def test_skipping_a_break_starts_the_next_round_at_once(session_of, at):
    session, events = session_of().skip_break(at(630))
    assert names(events)[-2:] == [("session-rescheduled", None), ("round-started", 2)]
    assert events[-1].data["scheduled_at"] == events[-1].data["actual_at"]
    assert session.slot(2).starts_at == at(630)
    assert session.slot(3).starts_at == at(1350)
    assert ring(session, at(631))[1] == []


def test_there_is_no_break_to_skip_in_a_round(session_of, at):
    with pytest.raises(Conflict):
        session_of().skip_break(at(100))


def test_ending_a_round_early_keeps_the_break_and_the_rounds_after_it(session_of, at):
    session, events = session_of().end_round(at(300))
    assert names(events)[-2:] == [("session-rescheduled", None), ("round-ended", 1)]
    assert session.slot(2).starts_at == at(420)
    assert session.slot(2).ends_at - session.slot(2).starts_at == timedelta(seconds=600)
    assert ring(session, at(419))[1] == []


def test_ending_the_last_round_early_finishes_the_session(session_of, at):
    session, events = session_of().end_round(at(1500))
    assert names(events)[-2:] == [("round-ended", 3), ("session-finished", None)]
    assert session.phase(at(1500)).state is State.FINISHED
    assert session.rounds_held() == 3


def test_without_breaks_an_early_end_starts_the_next_round(session_of, at):
    session, events = session_of(break_seconds=0).end_round(at(300))
    assert names(events)[-2:] == [("round-ended", 1), ("round-started", 2)]
    assert ring(session, at(301))[1] == []


def test_a_round_restarted_gets_its_full_length_again(session_of, at):
    session, events = session_of().restart_round(at(20))
    assert names(events) == [("round-started", 1), ("session-rescheduled", None)]
    assert (session.slot(1).starts_at, session.slot(1).ends_at) == (at(20), at(620))
    assert session.slot(2).starts_at == at(740)
    assert ring(session, at(21))[1] == []


def test_a_round_is_restarted_in_its_first_30_seconds_only(session_of, at):
    with pytest.raises(Conflict):
        session_of().restart_round(at(30.001))


def test_restarting_over_and_over_does_not_pass_the_limit(session_of, at):
    session, seconds = session_of(round_seconds=900), 0
    for _ in range(5):
        seconds += 30
        session, _ = session.restart_round(at(seconds))
    assert session.slot(1).ends_at == at(900)
    assert session.slot(1).room == timedelta(0)


def test_the_start_moves_before_it_has_come_and_not_after(session_of, at):
    session, events = session_of().shift_start(timedelta(seconds=300), at(-60))
    assert names(events) == [("session-rescheduled", None)]
    assert next_bell_at(session) == at(300)
    with pytest.raises(Conflict):
        session.shift_start(timedelta(seconds=10), at(300))


def test_the_start_moves_earlier_but_not_into_the_past(session_of, at):
    with pytest.raises(Invalid):
        session_of().shift_start(timedelta(seconds=-61), at(-60))
    session, events = session_of().shift_start(timedelta(seconds=-60), at(-60))
    assert names(events) == [("session-rescheduled", None), ("round-started", 1)]
    assert ring(session, at(-59))[1] == []


def test_a_command_on_an_older_timetable_is_stale_and_told_the_current_one(session_of, at):
    session, _ = session_of().extend(60, at(10))
    with pytest.raises(Stale) as refused:
        session.pause(at(20), revision=1)
    assert refused.value.current["revision"] == 2
    assert refused.value.current["timetable"][0]["ends_at"] == "2026-11-24T09:11:00.000Z"
    assert session.pause(at(20), revision=2)[0].revision == 3


def test_what_was_due_before_a_command_rings_before_it(session_of, at):
    _, events = session_of().pause(at(725))
    assert names(events) == [
        ("round-started", 1),
        ("round-warned", 1),
        ("round-warned", 1),
        ("round-ended", 1),
        ("round-started", 2),
        ("session-paused", 2),
    ]


def test_a_command_from_a_replica_with_a_slow_clock_counts_from_the_last_bell(session_of, at):
    session, _ = ring(session_of(), at(600))
    session, _ = session.pause(at(599.9))
    assert session.paused_at == at(600)


def test_a_cancelled_session_rings_no_more_and_takes_no_command(session_of, at):
    session, events = session_of().cancel("too-few-mentors", at(700))
    assert names(events)[-1] == ("session-rescheduled", None)
    assert ring(session, at(5000))[1] == []
    assert session.phase(at(5000)).state is State.CANCELLED
    assert session.rounds_held() == 1
    for command in (session.pause, session.resume, session.skip_break, session.end_round):
        with pytest.raises(Conflict):
            command(at(710))
    assert session.cancel("again", at(720)) == (session, [])


def test_all_a_session_publishes_is_in_the_catalogue(session_of, at):
    session, published = session_of(), []
    for command in (
        lambda s: s.shift_start(timedelta(0), at(-5)),
        lambda s: s.restart_round(at(5)),
        lambda s: s.extend(10, at(6)),
        lambda s: s.pause(at(7)),
        lambda s: s.resume(at(8)),
        lambda s: s.end_round(at(500)),
        lambda s: s.skip_break(at(501)),
        lambda s: ring(s, at(9000)),
        lambda s: replace(s, slots=session_of().slots).cancel("venue", at(9001)),
    ):
        session, events = command(session)
        published += events
    assert {name for name, _ in names(published)} >= {"round-started", "round-warned", "session-finished"}
    for number, event in enumerate(published, start=1):
        assert encode(seal(event, id=f"e{number}", ordinal=number, time=at(0)))


def test_a_round_longer_than_900_seconds_is_not_scheduled(session_of):
    with pytest.raises(Invalid) as refused:
        session_of(round_seconds=901, rounds=0)
    assert {problem.field for problem in refused.value.problems} == {"rounds", "round_seconds"}


def test_a_command_meant_for_a_round_that_has_ended_is_refused_and_told_what_runs(session_of, at):
    session = session_of(break_seconds=0)
    with pytest.raises(Stale) as refused:
        session.end_round(at(600.05), revision=1, meant=1)
    assert refused.value.current["round"] == 2
    for command in (session.skip_break, session.restart_round, lambda now, meant: session.extend(60, now, meant=meant)):
        with pytest.raises(Stale):
            command(at(600.05), meant=1)
    assert session.end_round(at(600.05), revision=1, meant=2)[0].slot(2).ends_at == at(600.05)


def test_a_session_that_has_to_wait_after_an_outage_waits_before_any_command(session_of, at):
    session = session_of(on_outage="hold")
    session, events = session.choose_policy("catch-up", at(800))
    assert names(events)[-2:] == [("session-paused", 2), ("session-rescheduled", None)]
    assert session.held
    with pytest.raises(Stale) as refused:
        session_of(on_outage="hold").extend(60, at(800), revision=1)
    assert refused.value.current["held"]


def test_a_policy_chosen_is_a_revision_that_screens_hear_of(session_of, at):
    session, events = session_of().choose_policy("hold", at(10), revision=1)
    assert (session.revision, session.on_outage) == (2, "hold")
    assert events[-1].data["cause"] == "policy-chosen"
    with pytest.raises(Stale):
        session.choose_policy("catch-up", at(20), revision=1)
    again, events = session.choose_policy("hold", at(20))
    assert (again.revision, events) == (2, [])


def test_a_session_cancelled_in_a_pause_ended_where_the_pause_began(session_of, at):
    session, _ = session_of().pause(at(300))
    session, _ = session.cancel("venue", at(1000))
    assert session.view(at(1000))["state"] == "cancelled"
    assert session.phase(at(1000)).round == 1
    with pytest.raises(Conflict):
        session.resume(at(1010))
