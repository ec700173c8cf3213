"""What one replica of the gateway knows of log-ins that have ended, and what it does about it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.ended_log_ins import EndedLogIns
from services.gateway.live.hub import Hub
from services.gateway.live.log_ins import LogIns
from services.gateway.live.stream import Stream
from shared.clock import wall_clock
from shared.events import Event, NewEvent, seal, write_time
from shared.faults import NotYet, Unauthenticated
from shared.messages import say
from shared.security.principal import MENTEE, ORGANIZER, Principal
from shared.security.tokens import LogIn, mark_of

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
ANNA = Principal("anna", MENTEE, "acme", ("p1",), ("jkt",))


def log_in(log_in_id: str | None, principal: Principal = ANNA) -> LogIn:
    return LogIn(principal, wall_clock() + timedelta(hours=1), log_in_id)


def event(name: str, subject: str, **data: Any) -> Event:
    return seal(NewEvent(f"registration.{name}", subject, data), id="e", ordinal=1, time=NOW)


def ended(log_in_id: str) -> Event:
    until = write_time(wall_clock() + timedelta(hours=1))
    return event("log-in-ended", log_in_id, log_in_id=log_in_id, expires_at=until)


def erased(participant_id: str) -> Event:
    return event("participant-erased", participant_id, participant_id=participant_id, program_id="p1", role="mentee")


def is_refused(log_ins: LogIns, which: LogIn) -> bool:
    try:
        log_ins.refuse(which)
    except Unauthenticated:
        return True
    return False


class Registration:
    """Answers what it is asked, or is away so many times; what is to be done later waits for :meth:`run`."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.all = True
        self.away = 0
        self.while_asked: Callable[[], None] = lambda: None
        self._later: list[Callable[[], None]] = []

    def list(self) -> dict[str, Any]:
        if self.away:
            self.away -= 1
            raise NotYet(say("away"))
        self.while_asked()
        until = write_time(wall_clock() + timedelta(hours=1))
        return {"ended": [{"mark": mark_of(each), "until": until} for each in self.ended], "all": self.all}

    def spawn(self, work: Callable[..., None], *args: Any) -> None:
        self._later.append(lambda: work(*args))

    def run(self) -> None:
        while self._later:
            self._later.pop(0)()


@pytest.fixture
def registration() -> Registration:
    return Registration()


@pytest.fixture
def screens() -> Hub:
    return Hub(lambda _: [], lambda _: {})


@pytest.fixture
def known(registration: Registration, screens: Hub) -> LogIns:
    return LogIns(registration.list, screens.end, registration.spawn, lambda _: None)


def test_what_is_heard_of_one_log_in_ends_it_and_its_streams_alone(known: LogIns, screens: Hub) -> None:
    streams = [
        Stream("p1", "acme", ended_by=log_in(each, who).ended_by)
        for each, who in (("a", ANNA), ("b", ANNA), ("c", Principal("rina", ORGANIZER, "acme")))
    ]
    for stream in streams:
        screens.join(stream)
    assert known.hear(ended("a"))
    assert [stream.open for stream in streams] == [False, True, True]
    assert [is_refused(known, log_in(each)) for each in ("a", "b")] == [True, False]
    assert known.hear(erased("anna"))
    assert [stream.open for stream in streams] == [False, False, True]
    assert is_refused(known, log_in("b"))
    assert is_refused(known, log_in(None)), "also a token of the release before"
    assert not is_refused(known, log_in("c", Principal("anna", ORGANIZER, "acme"))), "an account of the same name"


def test_other_events_are_for_the_screens(known: LogIns) -> None:
    assert not known.hear(event("participant-withdrawn", "anna", participant_id="anna", program_id="p1", role="mentee"))


def test_a_replica_that_begins_asks_until_it_is_told_what_it_has_missed(
    known: LogIns, registration: Registration
) -> None:
    registration.ended, registration.away = ["a", "anna"], 3
    assert not known.complete
    known.catch_up()
    assert not known.complete
    registration.run()
    assert known.complete
    assert is_refused(known, log_in("a", Principal("rina", ORGANIZER, "acme")))
    assert is_refused(known, log_in("x"))


def test_a_replica_that_lost_its_connection_while_it_asked_does_not_take_the_answer_for_all(
    known: LogIns, registration: Registration
) -> None:
    def lost() -> None:
        registration.while_asked = lambda: None
        registration.ended = ["a"]
        known.catch_up()
        # What ended since is not in the answer that is under way.
        registration.ended = []

    registration.while_asked = lost
    known.catch_up()
    registration._later.pop(0)()
    assert not known.complete, "the second question is still to be answered"
    registration.run()
    assert known.complete


def test_where_more_have_ended_than_are_told_it_knows_that(known: LogIns, registration: Registration) -> None:
    registration.ended, registration.all = ["a"], False
    known.catch_up()
    registration.run()
    assert is_refused(known, log_in("a"))
    assert not known.complete


ids = st.text("abcdef", min_size=1, max_size=3)


@given(st.lists(st.tuples(ids, st.integers(1, 1000)), max_size=60), st.integers(4, 20))
def test_no_more_are_remembered_than_there_is_room_for_and_none_is_lost_unsaid(ends, most) -> None:
    known = EndedLogIns(most)
    known.complete = True
    longest: dict[str, int] = {}
    for ended_id, seconds in ends:
        known.end(ended_id, NOW + timedelta(seconds=seconds), NOW)
        longest[ended_id] = max(seconds, longest.get(ended_id, 0))
        assert len(known._until) <= most
        assert known.has(["other", ended_id]) or not known.complete
    if known.complete:
        assert all(known.has([each]) for each in longest)
    else:
        assert len(longest) > most * 3 // 4


def test_what_matters_no_more_makes_room_first() -> None:
    known = EndedLogIns(4)
    known.complete = True
    for number in range(4):
        known.end(f"old {number}", NOW + timedelta(seconds=1), NOW)
    known.end("new", NOW + timedelta(hours=1), NOW + timedelta(seconds=2))
    assert known.has(["new"])
    assert not known.has(["old 0"])
    assert known.complete
