"""By how much one clock has to be corrected to show another one's time, from questions and their answers."""

from collections import deque
from datetime import datetime, timedelta

NOTHING = timedelta()
KEPT = 6
"""Answers that count together."""
RESOLUTION = timedelta(milliseconds=1)
"""Times are told in whole milliseconds, cut off."""


class Correction:
    """What to add to this clock. Each answer bounds it: the other clock showed it between question and answer.

    As long as all answers allow for both clocks to be right nothing is added: clocks that are kept by NTP agree
    better than the length of a call can tell. Else the middle of what the answers allow is.
    """

    def __init__(self) -> None:
        self._bounds: deque[tuple[timedelta, timedelta]] = deque(maxlen=KEPT)
        self.value = NOTHING

    def note(self, asked: datetime, there: datetime, answered: datetime) -> None:
        """The other clock showed ``there`` at some time from ``asked`` to ``answered`` by this one."""
        low, high = bounds = there - answered, there + RESOLUTION - asked
        for older_low, older_high in reversed(self._bounds):
            if older_low > high or older_high < low:
                # They contradict each other: one of the clocks has been set since.
                self._bounds.clear()
                break
            low, high = max(low, older_low), min(high, older_high)
        self._bounds.append(bounds)
        self.value = NOTHING if low <= NOTHING <= high else (low + high) / 2

    def stepped(self, by: timedelta) -> None:
        """This clock was set by that much: until there is an answer again, what it showed before goes on."""
        self._bounds.clear()
        self.value -= by
