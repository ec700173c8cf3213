"""A clock for waking: monotonic inside, the wall's at its edges, and a step of the wall is noticed.

Waiting by the wall alone would ring early or sleep on when somebody sets it. Here time runs on by the monotonic
clock from where the wall was last believed. Small differences (a disciplined clock) are followed at once, never
backwards; a large one is a step, which is believed once it has stood for :data:`PROVED` seconds. Where there is a
witness (the clock of the database, say) it has to speak for the step: a machine that was asleep is told from one
whose clock somebody set.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from shared.clock import Clock

log = structlog.get_logger()

STEPS = Counter("speedmentor_clock_steps_total", "Steps of the wall clock that were noticed", ["direction"])

STEP = 0.25
"""Real seconds by which the wall must disagree to be a step and not a drift."""
PROVED = 1.0
"""Real seconds for which a step must stand before it is believed."""


class SteadyClock:
    """``clock``, as it runs by ``monotonic`` seconds. Not before ``clock`` shows an instant does this one."""

    def __init__(self, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._speed = 1 / clock.real_seconds(1)
        self._believe(clock.now(), monotonic())
        self._latest = self._wall
        self._stepped_at: float | None = None
        self._doubted = False
        #: What the witness said last, and when (by ``monotonic``).
        self._witness: tuple[float, float] | None = None

    def witnessed(self, ahead: float) -> None:
        """Hear from another clock that the wall clock here is ``ahead`` real seconds ahead of it (or, below 0, behind).

        Once a witness has spoken no step is followed that it does not speak for.
        """
        self._witness = ahead, self._monotonic()

    def now(self) -> datetime:
        """The time of the event; it goes back only where the wall was set back, and stays there."""
        ticks, wall = self._monotonic(), self._clock.now()
        steady = self._wall + timedelta(seconds=(ticks - self._ticks) * self._speed)
        apart = self._clock.real_seconds((wall - steady).total_seconds())
        if abs(apart) < STEP:
            self._stepped_at, self._doubted = None, False
            self._believe(wall, ticks)
            self._latest = max(self._latest, wall)
            return self._latest
        if self._stepped_at is None:
            self._stepped_at = ticks
            STEPS.labels("forward" if apart > 0 else "back").inc()
            log.warning("clock-stepped", seconds=round(apart, 3))
        if ticks - self._stepped_at >= PROVED:
            if self._is_true(apart):
                log.warning("clock-step-followed", seconds=round(apart, 3))
                self._stepped_at, self._doubted = None, False
                self._believe(wall, ticks)
                self._latest = wall
                return wall
            if not self._doubted:
                self._doubted = True
                log.error("clock-step-not-followed", seconds=round(apart, 3), remedy="set the clock of this machine")
        self._latest = max(self._latest, steady)
        return self._latest

    def real_seconds(self, seconds: float) -> float:
        """How many real seconds go by while ``seconds`` of event time do."""
        return self._clock.real_seconds(seconds)

    def _is_true(self, apart: float) -> bool:
        """Whether the wall, ``apart`` real seconds from where it should be, is nearer to the witness than we are."""
        if self._witness is None:
            return True
        ahead, heard_at = self._witness
        since_the_step = self._stepped_at is not None and heard_at >= self._stepped_at
        return since_the_step and abs(ahead) <= abs(ahead - apart)

    def _believe(self, wall: datetime, ticks: float) -> None:
        self._wall, self._ticks = wall, ticks
