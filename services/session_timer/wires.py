"""Several wires to the broker, each with the bells of some shards.

A broker takes in what comes over one connection with one process of its own, whatever cores it has: five thousand
bells at once are through in four fifths of the time over four connections. A session has one wire, so its bells stay
in order.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from services.session_timer.book import Batch
from services.session_timer.wire import Wire

WIRES = 4


class Wires:
    """Sends over ``wires``, which have all been opened in the same way."""

    def __init__(self, wires: Sequence[Wire]) -> None:
        self.all = tuple(wires)
        #: Makes frames for any of them: they differ in nothing that is in a frame.
        self.press = wires[0].press

    @property
    def in_flight(self) -> int:
        """How many events have been sent and are not confirmed yet."""
        return sum(wire.in_flight for wire in self.all)

    def send(self, parts: Iterable[tuple[Batch, bytes, int]]) -> None:
        """Publish ``parts``; see :meth:`Wire.send`.

        Raises:
            OSError: a connection is lost; some may be published.
        """

        def number(part: tuple[Batch, bytes, int]) -> int:
            return part[0].shard % len(self.all)

        for each, those in groupby(sorted(parts, key=number), key=number):
            self.all[each].send(those)
