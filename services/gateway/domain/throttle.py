"""How many failed tries an address has: a sliding window over what went wrong."""

from collections import OrderedDict, deque

#: So many addresses are remembered; beyond that those that failed longest ago are forgotten.
MOST_ADDRESSES = 10_000


class Throttle:
    """Counts failures by address; a success takes its own try back, so that many people may share an address."""

    def __init__(self, tries: int, within: float) -> None:
        """``tries`` failures are allowed within ``within`` seconds."""
        self._tries = tries
        self._within = within
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, address: str, now: float) -> float:
        """Count a try of ``address`` as failed until :meth:`succeed`; 0, or the seconds it has to wait instead.

        Counting beforehand keeps tries that run side by side from all being allowed.
        """
        failures = self._failures.setdefault(address, deque())
        self._failures.move_to_end(address)
        while failures and failures[0] <= now - self._within:
            failures.popleft()
        if len(failures) >= self._tries:
            return failures[0] + self._within - now
        failures.append(now)
        while len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)
        return 0.0

    def succeed(self, address: str, begun: float) -> None:
        """Take the try back that began at ``begun``."""
        failures = self._failures.get(address)
        if failures and begun in failures:
            failures.remove(begun)
