"""The clock that bells wait by, while somebody sets the wall clock under it."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.steady_clock import PROVED, STEP, SteadyClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Machine:
    """A wall clock and a monotonic one; the wall clock can be set and may run a little wrong."""

    def __init__(self, speed: float = 1.0) -> None:
        self.ticks, self.set_by, self.speed = 1000.0, timedelta(), speed

    def now(self) -> datetime:
        return NOON + timedelta(seconds=(self.ticks - 1000) * self.speed) + self.set_by

    def real_seconds(self, seconds: float) -> float:
        return seconds / self.speed

    def steady(self) -> SteadyClock:
        return SteadyClock(self, lambda: self.ticks)

    def after(self, steady: SteadyClock, seconds: float, look_every: float = 0.1) -> list[datetime]:
        """What the steady clock shows while real seconds go by."""
        seen = []
        for _ in range(round(seconds / look_every)):
            self.ticks += look_every
            seen.append(steady.now())
        return seen


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_it_shows_what_the_wall_shows(machine):
    steady = machine.steady()
    machine.after(steady, 60)
    assert steady.now() == machine.now() == NOON + timedelta(seconds=60)


@pytest.mark.parametrize("step", [3600, -3600, 0.3, -0.3])
def test_a_step_is_not_followed_at_once(machine, step):
    steady = machine.steady()
    machine.after(steady, 5)
    machine.set_by = timedelta(seconds=step)
    seen = machine.after(steady, PROVED - 0.2)
    assert [(each - NOON).total_seconds() for each in seen] == pytest.approx(
        [5 + 0.1 * n for n in range(1, 9)], abs=2e-3
    )


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_step_that_stands_is_believed(machine, step):
    steady = machine.steady()
    machine.after(steady, 5)
    machine.set_by = timedelta(seconds=step)
    machine.after(steady, PROVED + 0.3)
    assert steady.now() == machine.now()


def test_a_step_that_is_taken_back_leaves_no_trace(machine):
    steady = machine.steady()
    machine.set_by = timedelta(hours=1)
    before = machine.after(steady, PROVED / 2)
    machine.set_by = timedelta()
    after = machine.after(steady, 5)
    assert before + after == sorted(before + after)
    assert steady.now() == machine.now()
    # The next one has to prove itself from its own beginning.
    machine.set_by = timedelta(hours=1)
    machine.after(steady, PROVED / 2)
    assert abs(steady.now() - machine.now()) > timedelta(minutes=59)


def test_a_disciplined_clock_is_followed_and_never_backwards(machine):
    steady, seen = machine.steady(), []
    for offset in (0.0, 0.1, -0.1, 0.2, 0.0, -0.2, 0.01):
        machine.set_by = timedelta(seconds=offset * STEP / 0.25)
        seen += machine.after(steady, 0.1, 0.05)
    assert seen == sorted(seen)
    machine.after(steady, 1)
    assert steady.now() == machine.now()


def test_a_replica_that_was_stopped_finds_no_step_when_it_wakes(machine):
    steady = machine.steady()
    # SIGSTOP: both clocks run on, nobody looks.
    machine.ticks += 30
    assert steady.now() == machine.now()


def test_a_fast_clock_steps_by_real_seconds():
    machine = Machine(speed=60)
    steady = machine.steady()
    # 6 s of the event are a tenth of a second here: no step.
    machine.set_by = timedelta(seconds=6)
    machine.after(steady, 0.1)
    assert steady.now() == machine.now()
    machine.set_by = timedelta(seconds=66)
    before = steady.now()
    machine.after(steady, 0.5)
    assert (steady.now() - before).total_seconds() == pytest.approx(30, abs=0.1)


class TestWithAWitness:
    """The database's clock, asked now and then."""

    def stepped(self, machine, step, really):
        """What is shown when the wall clock steps; ``really`` is by how much it is then wrong."""
        steady = machine.steady()
        machine.after(steady, 5)
        steady.witnessed(0)
        machine.set_by = timedelta(seconds=step)
        machine.after(steady, 0.1)
        steady.witnessed(really)
        machine.after(steady, PROVED + 0.2)
        return steady

    @pytest.mark.parametrize("step", [3600, -3600, 2, -2])
    def test_a_clock_that_was_set_wrong_is_not_followed_however_long_it_stands(self, machine, step):
        steady = self.stepped(machine, step, really=step)
        machine.after(steady, 60)
        assert steady.now() == pytest.approx(machine.now() - machine.set_by, abs=timedelta(milliseconds=1))
        # Set right again, it is followed as before.
        machine.set_by = timedelta()
        machine.after(steady, 1)
        assert steady.now() == machine.now()

    @pytest.mark.parametrize("step", [3600, -3600])
    def test_a_machine_that_slept_or_whose_clock_was_set_right_is_followed(self, machine, step):
        assert self.stepped(machine, step, really=0).now() == machine.now()

    def test_what_it_said_before_the_step_does_not_count(self, machine):
        steady = machine.steady()
        steady.witnessed(0)
        machine.after(steady, 1)
        machine.set_by = timedelta(hours=1)
        machine.after(steady, PROVED + 5)
        assert machine.now() - steady.now() > timedelta(minutes=59)
