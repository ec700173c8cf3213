"""The deadline of a call: when the caller gives up, after which the call is not carried out any more.

What a broker that blocks has not read, it reads when it can again, and then a message's own expiration begins to
count. So a call carries its deadline as an instant: of the caller's clock, in real time, whatever the time of the
event. A service whose clock is ahead of the caller's refuses a call too early, and says what time it is there, so
that the caller sends it again with the deadline as that clock has it. One whose clock is behind carries a call out that
is late by no more than the difference. A call without a deadline (of a replica from before there were deadlines) has
all the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.clock import wall_clock
from shared.faults import NotYet
from shared.messages import say

#: The name of the header, without nameko's prefix; its value is in milliseconds since 1970.
DEADLINE = "deadline"
#: Beside a refusal: what time it is where it was refused, the same way.
NOW = "now"


def clock_milliseconds() -> int:
    """What this machine's clock shows, in milliseconds since 1970."""
    return int(wall_clock().timestamp() * 1000)


class TooLate(NotYet):
    """The deadline of the call is over by the clock here; nothing was done."""

    def __init__(self, now: int) -> None:
        super().__init__(say("the request came too late and was not carried out; try again shortly"))
        self.now = now

    def to_document(self) -> dict[str, Any]:
        """The fault as JSON, with what time it is here."""
        return {**super().to_document(), NOW: self.now}


@dataclass(frozen=True)
class Deadline:
    """The end of a call's time, in milliseconds since 1970 by the caller's clock; None: there is none."""

    at: int | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Deadline":
        """The deadline that came with a call; what is no number of milliseconds is none."""
        at = data.get(DEADLINE)
        return cls(at if isinstance(at, int) and not isinstance(at, bool) and at > 0 else None)

    def seconds_left(self, otherwise: float) -> float:
        """How many real seconds are left, 0 if none are; ``otherwise`` where there is no deadline."""
        return otherwise if self.at is None else max(0.0, (self.at - clock_milliseconds()) / 1000)

    def check(self) -> None:
        """Go on only in time.

        Raises:
            TooLate: the deadline is over.
        """
        if self.at is not None and (now := clock_milliseconds()) > self.at:
            raise TooLate(now)
