"""The time that screens are told: the session timer's, also where the clock of the gateway's machine is wrong.

Asking the session timer for every screen would cost it much and add the doubt of a round trip, so a gateway asks now
and then, for all of its screens.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event as Flag

import structlog

from services.gateway.domain.correction import NOTHING, Correction
from shared.clock import Clock, event_time, monotonic
from shared.faults import Fault

log = structlog.get_logger()

EVERY = 5.0
"""Real seconds between two questions."""
STEP = 0.2
"""Real seconds by which wall and monotonic clock must part for the wall clock to have been set."""
WORTH_TELLING = timedelta(seconds=0.5)
"""Operators are told of a clock that is this far off."""


class Timekeeper:
    """The time of the event as the session timer has it: ``clock``, corrected by what ``ask()`` says it is there."""

    def __init__(
        self, clock: Clock, ask: Callable[[], datetime], monotonic_seconds: Callable[[], float] = monotonic
    ) -> None:
        self._clock = clock
        self._ask = ask
        self._monotonic = monotonic_seconds
        self._correction = Correction()
        self._gap = self._apart()
        self._told = False

    def now(self) -> datetime:
        """The time of the event."""
        apart = self._apart()
        step, self._gap = apart - self._gap, apart
        if abs(self._clock.real_seconds(step.total_seconds())) > STEP:
            self._correction.stepped(step)
        return self._clock.now() + self._correction.value

    def real_seconds(self, seconds: float) -> float:
        """How many real seconds go by while ``seconds`` of event time do."""
        return self._clock.real_seconds(seconds)

    def look(self) -> None:
        """Ask once what time it is at the session timer."""
        self.now()
        before, asked = self._gap, self._clock.now()
        try:
            there = self._ask()
        except Fault as fault:
            log.info("time-not-told", fault=fault.code)
            return
        answered = self._clock.now()
        self.now()
        if abs(self._clock.real_seconds((self._gap - before).total_seconds())) > STEP / 2:
            # Set while we asked: the two ends of the call are of two clocks.
            return
        self._correction.note(asked, there, answered)
        off = abs(self._correction.value) > WORTH_TELLING / self._clock.real_seconds(1)
        if off and not self._told:
            log.warning("clock-corrected", seconds=round(self._correction.value.total_seconds(), 3))
        self._told = off

    def run(self, stopping: Flag) -> None:
        """Look now and then until stopped."""
        while not stopping.is_set():
            self.look()
            stopping.wait(EVERY if self._correction.value == NOTHING else EVERY / 5)

    def _apart(self) -> timedelta:
        """What the wall clock shows more than the monotonic one, in event time."""
        return self._clock.now() - _EPOCH - event_time(self._clock, self._monotonic())


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
