"""A program: one event at one or many sites, with the frame in which people meet."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.faults import Conflict
from shared.messages import say


class State(StrEnum):
    """Where a program stands. Only what is published is known to the other services."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place of a program. ``starts_at``: the instant the first round begins there."""

    id: str
    name: str
    time_zone: str
    starts_at: datetime


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program. ``key`` names its title in events; ``topics`` is the vocabulary, empty where any topic will do."""

    id: str
    org: str
    key: str
    title: str
    rounds: int
    round_seconds: int
    break_seconds: int
    warning_seconds: tuple[int, ...]
    sites: tuple[Site, ...]
    topics: tuple[str, ...] = ()
    #: Whether two who met in an earlier program of the organization are kept apart.
    new_pairs_only: bool = False
    state: State = State.DRAFT
    reason: str | None = None

    @property
    def site_ids(self) -> tuple[str, ...]:
        """The sites' ids, in the order of the file."""
        return tuple(site.id for site in self.sites)

    def publish(self) -> "Program":
        """The program, open. Raises :class:`Conflict` if it is no draft any more."""
        if self.state is State.PUBLISHED:
            raise Conflict(say("The program has been published already."))
        self.require_open()
        return replace(self, state=State.PUBLISHED)

    def cancel(self, reason: str) -> "Program":
        """The program, called off. Raises :class:`Conflict` if it has been before."""
        self.require_open()
        return replace(self, state=State.CANCELLED, reason=reason)

    def require_open(self) -> None:
        """Raise :class:`Conflict` for a program that has been called off."""
        if self.state is State.CANCELLED:
            raise Conflict(say("The program has been cancelled: nothing in it can be changed any more."))

    def require_published(self) -> None:
        """Raise :class:`Conflict` unless the program is open."""
        self.require_open()
        if self.state is State.DRAFT:
            raise Conflict(say("The program is still a draft; publish it first."))
