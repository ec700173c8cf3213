"""Meetings as the events of the plan and the bells of the sites tell of them, in whatever order these arrive.

A meeting keeps everything it was told, by ordinal, and what it is follows from that and from the rounds that have
ended: so a late or repeated event can change the answer, but never the order in which events came.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.feedback.domain import ERASED, MENTEE, MENTOR

Round = tuple[str, int]
"""A site and the number of a round there, from 1."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a meeting: ``assigned`` to a place, or released from it, as announced ``at``."""

    ordinal: int
    assigned: bool
    round: int
    table: str
    site_id: str | None
    at: datetime


class State(StrEnum):
    """Where a meeting stands."""

    PLANNED = "planned"
    HELD = "held"
    RELEASED = "released"


@dataclass(frozen=True)
class Ended:
    """When the rounds of a program ended."""

    by_round: Mapping[Round, datetime]

    def at(self, site_id: str | None, number: int) -> datetime | None:
        """When the round ended at the site, or None; for those who meet at no site, where it ended first."""
        if site_id is not None:
            return self.by_round.get((site_id, number))
        return min((at for (_, each), at in self.by_round.items() if each == number), default=None)


@dataclass(frozen=True)
class Meeting:
    """A pair that is, or was, to meet. ``told`` is in the order of the ordinals."""

    meeting_id: str
    program_id: str
    org: str | None
    mentor_id: str
    mentee_id: str
    told: tuple[Told, ...] = ()

    def hear(self, news: Iterable[Told]) -> "Meeting":
        """The meeting with what ``news`` tells; what has the ordinal of something known is a repetition."""
        by_ordinal = {each.ordinal: each for each in (*news, *self.told)}
        return replace(self, told=tuple(by_ordinal[ordinal] for ordinal in sorted(by_ordinal)))

    def seat(self, ended: Ended) -> Told | None:
        """Where and when the pair meets; None if the meeting is off.

        What was announced after the meeting's round had ended comes too late: it has taken place.
        """
        seat: Told | None = None
        for told in self.told:
            if seat is not None:
                over = ended.at(seat.site_id, seat.round)
                if over is not None and over < told.at:
                    break
            seat = told if told.assigned else None
        return seat

    def state(self, ended: Ended) -> State:
        """Whether the meeting is ahead, has taken place, or is off."""
        seat = self.seat(ended)
        if seat is None:
            return State.RELEASED
        return State.PLANNED if ended.at(seat.site_id, seat.round) is None else State.HELD

    def role_of(self, participant_id: str) -> str | None:
        """The side that a participant has in this meeting, or None."""
        if participant_id == ERASED:
            return None
        return {self.mentor_id: MENTOR, self.mentee_id: MENTEE}.get(participant_id)

    def without(self, participant_id: str) -> "Meeting":
        """The meeting once a participant is forgotten."""
        return replace(
            self,
            mentor_id=ERASED if self.mentor_id == participant_id else self.mentor_id,
            mentee_id=ERASED if self.mentee_id == participant_id else self.mentee_id,
        )
