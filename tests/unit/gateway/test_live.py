"""What a screen gets, and when: the whole truth first, then every change once, in this replica's own words."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import eventlet
import pytest
from eventlet.event import Event as Gate

from services.gateway.live.frames import HEARTBEAT
from services.gateway.live.hub import TRIES, Hub
from services.gateway.live.snapshots import Snapshots
from services.gateway.live.stream import Stream
from shared.events import NewEvent, seal
from shared.events.catalogue import TYPES
from shared.faults import NotYet
from shared.messages import say
from shared.security.principal import MENTEE, OPERATOR, Principal


def view(session_id: str = "s1", revision: int = 1, site: str = "jkt", org: str = "acme") -> dict[str, Any]:
    return {"session_id": session_id, "program_id": "p1", "site_id": site, "org": org, "revision": revision}


def event(name: str, org: str = "acme", **data: Any):
    kind = TYPES[f"speedmentor.{name}.v1"]
    data = {**kind.example(), "program_id": "p1", **data}
    new = NewEvent(type=name, subject=data[kind.subject_field], data=data, org=org, program="p1")
    return seal(new, id="e", ordinal=1, time=datetime.now(UTC))


class Timer:
    """The session timer as the hub sees it."""

    def __init__(self) -> None:
        self.sessions = {"s1": view()}
        self.asked: list[str] = []
        self.away = 0

    def list(self, program_id: str) -> list[dict[str, Any]]:
        self.asked.append(program_id)
        self._answer()
        return [dict(each) for each in self.sessions.values()]

    def get(self, session_id: str) -> dict[str, Any]:
        self.asked.append(session_id)
        self._answer()
        return dict(self.sessions[session_id])

    def _answer(self) -> None:
        if self.away:
            self.away -= 1
            raise NotYet(say("away"))


def told(frame: bytes) -> tuple[str, Any]:
    lines = dict(line.split(": ", 1) for line in frame.decode().strip().split("\n"))
    assert lines["id"]
    return lines["event"], json.loads(lines["data"])


class Screen:
    """A stream and what has come over it."""

    def __init__(self, hub: Hub, site_id: str | None = None, org: str | None = "acme", room: int = 64) -> None:
        self.stream = Stream("p1", org, site_id, room)
        self.first = told(hub.join(self.stream))
        self._frames: Iterator[bytes] = self.stream.frames(quiet=2.0)

    def next(self) -> tuple[str, Any]:
        return told(next(self._frames))

    def silent(self) -> bool:
        """Whether nothing has come: a sign of life comes first."""
        return next(self.stream.frames(quiet=0.02)) == HEARTBEAT


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def screens(timer: Timer) -> Hub:
    return Hub(timer.list, timer.get)


def test_a_screen_begins_with_the_whole_truth(screens):
    assert Screen(screens).first == ("timetables", {"program_id": "p1", "sessions": [view()]})


def test_a_change_comes_as_the_whole_session(screens, timer):
    screen = Screen(screens)
    timer.sessions["s1"] = view(revision=2)
    screens.hear(event("session-timer.session-paused", session_id="s1", site_id="jkt", revision=2))
    assert screen.next() == ("timetable", view(revision=2))


def test_a_hundred_screens_and_three_changes_cost_one_question_each_time(screens, timer):
    everyone = [Screen(screens) for _ in range(100)]
    assert timer.asked == ["p1"]
    timer.sessions["s1"] = view(revision=4)
    for revision in (2, 3, 4):
        screens.hear(event("session-timer.session-rescheduled", session_id="s1", site_id="jkt", revision=revision))
    assert [each.next() for each in everyone] == [("timetable", view(revision=4))] * 100
    assert timer.asked == ["p1", "s1"]


def test_an_answer_older_than_the_event_is_asked_for_again(screens, timer):
    screen = Screen(screens)
    fresh = iter([view(revision=1), view(revision=1), view(revision=2)])
    screens._load_session = lambda _: next(fresh)
    screens.hear(event("session-timer.round-extended", session_id="s1", site_id="jkt", revision=2))
    assert screen.next() == ("timetable", view(revision=2))


def test_a_timer_that_is_away_for_a_moment_is_asked_again(screens, timer):
    screen = Screen(screens)
    timer.away = 3
    timer.sessions["s1"] = view(revision=2)
    screens.hear(event("session-timer.session-resumed", session_id="s1", site_id="jkt", revision=2))
    assert screen.next() == ("timetable", view(revision=2))
    assert TRIES > 3


def test_a_bell_rings_at_once_and_without_a_question(screens, timer):
    screen = Screen(screens)
    bell = event("session-timer.round-ended", session_id="s1", site_id="jkt", revision=1, round=3)
    screens.hear(bell)
    name, data = screen.next()
    assert (name, data["kind"], data["round"], data["scheduled_at"]) == (
        "bell",
        "round-ended",
        3,
        bell.data["scheduled_at"],
    )
    assert timer.asked == ["p1"]


def test_a_new_plan_is_told_to_all_sites(screens):
    screen = Screen(screens, site_id="jkt")
    screens.hear(event("matching.plan-revised", plan_id="pl", revision=7))
    assert screen.next() == ("plan", {"program_id": "p1", "plan_id": "pl", "revision": 7})


def test_the_pairs_are_told_to_all_sites(screens):
    screen = Screen(screens, site_id="jkt")
    screens.hear(event("matching.pairing-published", pairing_id="pa", revision=2))
    assert screen.next() == ("pairs", {"program_id": "p1", "pairing_id": "pa", "revision": 2})


def test_a_screen_hears_of_its_own_site_and_organization_only(screens, timer):
    timer.sessions = {"s1": view(), "s2": view("s2", site="bdg"), "s3": view("s3", org="other")}
    there = Screen(screens, site_id="bdg")
    stranger = Screen(screens, org="other")
    assert [each["session_id"] for each in there.first[1]["sessions"]] == ["s2"]
    assert [each["session_id"] for each in stranger.first[1]["sessions"]] == ["s3"]
    screens.hear(event("session-timer.round-started", session_id="s1", site_id="jkt", revision=1))
    assert there.silent()
    assert stranger.silent()


def test_who_may_see_all_organizations_hears_of_all(screens, timer):
    timer.sessions = {"s1": view(), "s3": view("s3", org="other")}
    operator = Screen(screens, org=None)
    assert [each["session_id"] for each in operator.first[1]["sessions"]] == ["s1", "s3"]
    screens.hear(event("session-timer.round-started", session_id="s1", site_id="jkt", revision=1))
    assert operator.next()[0] == "bell"


def test_a_screen_that_falls_behind_is_ended_and_the_others_are_not(screens):
    slow, fast = Screen(screens, room=2), Screen(screens)
    for number in range(1, 5):
        screens.hear(event("session-timer.round-started", session_id="s1", site_id="jkt", revision=1, round=number))
    assert list(slow.stream.frames(quiet=0.02)) == []
    assert [fast.next()[1]["round"] for _ in range(4)] == [1, 2, 3, 4]


def test_after_a_gap_everybody_gets_the_whole_truth_again(screens, timer):
    screen = Screen(screens)
    timer.sessions["s1"] = view(revision=9)
    timer.away = 2
    screens.catch_up()
    assert screen.next() == ("timetables", {"program_id": "p1", "sessions": [view(revision=9)]})


def test_a_change_while_a_screen_connects_is_not_lost(timer):
    gate, in_it = Gate(), Gate()

    def slow_list(program_id: str):
        answer = timer.list(program_id)
        in_it.send(None)
        gate.wait()
        return answer

    hub = Hub(slow_list, timer.get)
    joining = eventlet.spawn(Screen, hub)
    in_it.wait()
    timer.sessions["s1"] = view(revision=2)
    hub.hear(event("session-timer.session-paused", session_id="s1", site_id="jkt", revision=2))
    gate.send(None)
    screen = joining.wait()
    assert screen.first[1]["sessions"][0]["revision"] == 1
    assert screen.next() == ("timetable", view(revision=2))


def test_a_screen_that_comes_after_a_change_does_not_share_an_older_answer(timer):
    gates = [Gate(), Gate()]
    loads = iter(gates)

    def slow_list(program_id: str):
        answer, gate = timer.list(program_id), next(loads)
        gate.wait()
        return answer

    hub = Hub(slow_list, timer.get)
    early = eventlet.spawn(Screen, hub)
    eventlet.sleep(0)
    timer.sessions["s1"] = view(revision=2)
    hub.hear(event("session-timer.session-paused", session_id="s1", site_id="jkt", revision=2))
    late = eventlet.spawn(Screen, hub)
    eventlet.sleep(0)
    for gate in gates:
        gate.send(None)
    early.wait()
    assert late.wait().first[1]["sessions"][0]["revision"] == 2


def test_a_fault_reaches_all_who_share_the_question_and_nobody_after():
    calls: list[str] = []

    def failing(program_id: str):
        calls.append(program_id)
        eventlet.sleep(0)
        raise NotYet(say("away"))

    truth = Snapshots(failing)
    asking = [eventlet.spawn(truth.of, "p1") for _ in range(3)]
    for each in asking:
        with pytest.raises(NotYet):
            each.wait()
    assert calls == ["p1"]
    with pytest.raises(NotYet):
        truth.of("p1")
    assert calls == ["p1", "p1"]


def test_who_leaves_is_forgotten(screens):
    screen = Screen(screens)
    assert screens.open_streams == 1
    screens.leave(screen.stream)
    screens.leave(screen.stream)
    assert screens.open_streams == 0


def test_closing_ends_all_streams_and_those_that_come_after(screens):
    screen = Screen(screens)
    screens.close()
    assert list(screen.stream.frames()) == []
    assert list(Screen(screens).stream.frames()) == []


def test_a_quiet_stream_shows_that_it_lives_and_ends_after_its_time():
    stream = Stream("p1", "acme")
    frames = list(stream.frames(quiet=0.01, life=0.05))
    assert frames
    assert set(frames) == {b"event: still-here\ndata: {}\n\n"}


def test_the_address_gives_a_stream_that_begins_with_the_truth(client, bus, hub, mentee):
    bus.answers["list_sessions"] = [view()]
    answer = client.get("/api/v1/programs/p1/live", headers={**mentee, "Last-Event-ID": "gone-7"}, buffered=False)
    assert answer.content_type.startswith("text/event-stream")
    chunk = next(answer.iter_encoded())
    assert chunk.startswith(b"retry: ")
    assert told(chunk.split(b"\n\n", 1)[1])[0] == "timetables"
    assert hub.open_streams == 1
    answer.close()
    assert hub.open_streams == 0


def test_a_participant_of_another_program_gets_no_stream(client, bus, bearer):
    other = bearer(Principal("olga", MENTEE, "acme", ("p2",), ("jkt",)))
    assert client.get("/api/v1/programs/p1/live", headers=other).status_code == 404
    assert bus.calls == []


def test_a_stream_that_cannot_begin_says_why(client, bus, hub, bearer):
    bus.answers["list_sessions"] = NotYet(say("away"))
    operator = bearer(Principal("olga", OPERATOR, "acme"))
    answer = client.get("/api/v1/programs/p1/live", headers=operator)
    assert (answer.status_code, answer.json["code"]) == (503, "not-yet")
    assert hub.open_streams == 0
