"""Several channels to the broker, each with the bells of some shards.

A broker takes in what comes over one connection with one process of its own, whatever cores it has: five thousand
bells at once are through in four fifths of the time over four connections. A session has one channel, so its bells stay
in order.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Protocol

from services.session_timer.publishing.confirm_channel import ConfirmChannel

CHANNELS = 4


class OfShard(Protocol):
    """Something sent for a shard."""

    shard: int


class ChannelPool:
    """Sends over ``channels``, which have all been opened in the same way."""

    def __init__(self, channels: Sequence[ConfirmChannel]) -> None:
        self.all = tuple(channels)
        #: Makes frames for any of them: they differ in nothing that is in a frame.
        self.encoder = channels[0].encoder

    @property
    def in_flight(self) -> int:
        """How many events have been sent and are not confirmed yet."""
        return sum(channel.in_flight for channel in self.all)

    def takes(self, shard: int) -> bool:
        """Whether the broker takes what is sent for a shard; see :attr:`ConfirmChannel.takes`."""
        return self.all[shard % len(self.all)].takes

    def probe(self) -> None:
        """See :meth:`ConfirmChannel.probe`.

        Raises:
            OSError: a connection is lost.
        """
        for channel in self.all:
            channel.probe()

    def send(self, parts: Iterable[tuple[OfShard, bytes, int]]) -> None:
        """Publish ``parts``; see :meth:`ConfirmChannel.send`.

        Raises:
            OSError: a connection is lost; some may be published.
        """

        def number(part: tuple[OfShard, bytes, int]) -> int:
            return part[0].shard % len(self.all)

        for each, those in groupby(sorted(parts, key=number), key=number):
            self.all[each].send(those)
