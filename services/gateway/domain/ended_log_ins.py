"""Which log-ins are over although their tokens are not, as far as one replica of the gateway has heard."""

from collections.abc import Iterable
from datetime import datetime

#: So many are remembered; of more, those that end soonest by themselves are forgotten.
MOST = 50_000


class EndedLogIns:
    """Marks of log-ins, and of participants whose every log-in is over, each until its tokens end by themselves.

    ``complete`` says whether nothing is missing here; a log-in that is not known as over may be so where it is not.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._until: dict[str, datetime] = {}
        self.complete = False

    def end(self, mark: str, until: datetime, now: datetime) -> None:
        """Remember that what ``mark`` stands for is over."""
        self._until[mark] = max(until, self._until.get(mark, until))
        if len(self._until) > self._most:
            self._forget(now)

    def has(self, ended_by: Iterable[str]) -> bool:
        """Whether a log-in that any of these marks ends is known to be over."""
        return any(each in self._until for each in ended_by)

    def _forget(self, now: datetime) -> None:
        """Make room: first by what matters no more, then by what matters for the shortest time."""
        kept = sorted((item for item in self._until.items() if item[1] > now), key=lambda item: item[1])
        # A quarter at once, or the next one would sort them all again.
        surplus = len(kept) - self._most * 3 // 4 if len(kept) > self._most * 3 // 4 else 0
        if surplus:
            self.complete = False
        self._until = dict(kept[surplus:])
