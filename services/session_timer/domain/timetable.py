"""The timetable of one session: when each round starts and ends, as instants."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared.events import write_time
from shared.faults import Invalid, Problem
from shared.meeting import MEETING_LIMIT_SECONDS
from shared.messages import say

MEETING_LIMIT = timedelta(seconds=MEETING_LIMIT_SECONDS)
"""Nobody meets anybody for longer than this in one round, whatever is extended or restarted."""

NOTHING = timedelta()


@dataclass(frozen=True)
class Slot:
    """One round in the timetable.

    ``paused`` is the time between start and end in which nobody met; ``voided`` is what was met before the round
    was restarted, and still counts against the limit, or restarting over and over would pass it.
    """

    round: int
    starts_at: datetime
    ends_at: datetime
    paused: timedelta = NOTHING
    voided: timedelta = NOTHING

    @property
    def meeting(self) -> timedelta:
        """How long people meet in this round, all told."""
        return self.ends_at - self.starts_at - self.paused + self.voided

    @property
    def room(self) -> timedelta:
        """How much longer the meeting may become."""
        return max(MEETING_LIMIT - self.meeting, NOTHING)

    def shifted(self, by: timedelta) -> "Slot":
        """The same round, all of it that much later (or earlier)."""
        return replace(self, starts_at=self.starts_at + by, ends_at=self.ends_at + by)


def lay_out(starts_at: datetime, rounds: int, round_length: timedelta, break_length: timedelta) -> tuple[Slot, ...]:
    """The timetable of ``rounds`` rounds from ``starts_at``, a break between each two.

    Raises :class:`Invalid` naming every value that cannot be.
    """
    problems = []
    if rounds < 1:
        problems.append(Problem("rounds", say("there is no round"), say("give at least one round")))
    if not NOTHING < round_length <= MEETING_LIMIT:
        problems.append(
            Problem(
                "round_seconds",
                say("a round lasts {seconds} s", seconds=round_length.total_seconds()),
                say("give a length from 1 to {limit} s", limit=MEETING_LIMIT_SECONDS),
            )
        )
    if break_length < NOTHING:
        problems.append(Problem("break_seconds", say("a break is shorter than nothing"), say("give 0 or more seconds")))
    if problems:
        raise Invalid(say("The session cannot be timed."), problems)
    step = round_length + break_length
    return tuple(
        Slot(number + 1, starts_at + number * step, starts_at + number * step + round_length)
        for number in range(rounds)
    )


def moved_after(slots: Sequence[Slot], round_: int, by: timedelta) -> tuple[Slot, ...]:
    """The timetable with every round after ``round_`` moved."""
    return tuple(slot.shifted(by) if slot.round > round_ else slot for slot in slots)


def with_slot(slots: Sequence[Slot], slot: Slot) -> tuple[Slot, ...]:
    """The timetable with the slot of that round replaced."""
    return tuple(slot if each.round == slot.round else each for each in slots)


def as_data(slots: Sequence[Slot]) -> list[dict[str, Any]]:
    """The timetable as events and screens carry it."""
    return [
        {"round": slot.round, "starts_at": write_time(slot.starts_at), "ends_at": write_time(slot.ends_at)}
        for slot in slots
    ]
