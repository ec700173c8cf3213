"""Screens are told the session timer's time, whatever the clock of the gateway's machine shows."""

from datetime import UTC, datetime, timedelta

import pytest

from services.gateway.timekeeping import Timekeeper
from shared.events.times import to_milliseconds
from shared.faults import NotYet
from shared.messages import say

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class World:
    """Real time, a gateway whose wall clock is ``off``, and a session timer whose answers take a while each way."""

    def __init__(self, speed: float = 1.0) -> None:
        self.real, self.speed = 0.0, speed
        self.off, self.there, self.back, self.reached = timedelta(), 0.004, 0.004, True
        self.timer_off, self.set_while_asked = timedelta(), timedelta()
        self.keeper = Timekeeper(self, self.ask, lambda: self.real)

    def now(self) -> datetime:
        return self.event + self.off

    def real_seconds(self, seconds: float) -> float:
        return seconds / self.speed

    @property
    def event(self) -> datetime:
        return NOON + self.real * self.speed * SECOND

    def ask(self) -> datetime:
        if not self.reached:
            raise NotYet(say("the {service} service does not answer; try again shortly", service="session_timer"))
        self.real += self.there
        told = to_milliseconds(self.event + self.timer_off)
        self.off += self.set_while_asked
        self.real += self.back
        return told

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.real += 5
            self.keeper.look()

    @property
    def wrong(self) -> float:
        """Real seconds by which what screens are told is ahead."""
        return (self.keeper.now() - self.event) / SECOND / self.speed


@pytest.fixture
def world() -> World:
    return World()


def test_a_clock_that_may_be_right_is_left_alone_however_slow_the_answers(world):
    for world.there, world.back in ((0.004, 0.004), (0.8, 0.001), (0.001, 0.8), (0.0001, 0.0001)):
        world.look(3)
        assert world.wrong == 0


@pytest.mark.parametrize("off", [3600, -3600, 2, 0.3, -0.02])
def test_a_clock_that_is_wrong_is_corrected(off):
    world = World()
    world.off = off * SECOND
    world.look(3)
    assert abs(world.wrong) <= 0.006


def test_a_clock_that_is_set_while_it_runs_tells_screens_nothing_of_it(world):
    world.look(2)
    for off in (3600, 0, -5):
        world.off = off * SECOND
        assert abs(world.wrong) < 0.001
        world.look(2)
        assert abs(world.wrong) <= 0.006


def test_an_answer_in_which_the_clock_was_set_counts_for_nothing(world):
    world.look()
    world.set_while_asked = 3600 * SECOND
    world.look()
    assert abs(world.wrong) < 0.001


def test_answers_that_contradict_older_ones_replace_them(world):
    world.look(3)
    world.timer_off = 10 * SECOND
    world.look()
    assert abs(world.wrong - 10) <= 0.006


def test_without_an_answer_its_own_clock_goes_on(world):
    world.reached = False
    world.look(3)
    assert world.wrong == 0


def test_a_rehearsal_runs_by_the_session_timers_time_too():
    world = World(speed=60.0)
    world.off = 7200 * SECOND
    world.look(3)
    assert abs(world.wrong) <= 0.006
