"""What has become of a published program: its sessions, and whether it is closed, as other services tell of it.

A program says when it is to start; the session timer says when it does. What it tells comes as events, each with the
revision of the timetable in it, and of two revisions the higher one holds, whatever order they arrive in.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from services.registration.domain.program import Program, State
from shared.events import Event
from shared.events.times import read_time

SOON = timedelta(days=1)
"""So long before a start its organizers are urged to have a plan."""


class Standing(StrEnum):
    """Where a program stands, for people: its own state, and what has become of it since it was published."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RUNNING = "running"
    FINISHED = "finished"
    CLOSED = "closed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class SiteSession:
    """The session of a site. ``paused``: it stands still, so that nobody knows when it ends.

    ``revision`` is 0, and the times are None, where only its end was heard of yet.
    """

    site_id: str
    revision: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    paused: bool = False
    finished: bool = False
    #: When each round ends, and since when the session stands still, where it does.
    round_ends: tuple[datetime, ...] = ()
    stands_since: datetime | None = None

    def has_begun(self, now: datetime) -> bool:
        """Whether its first round has begun."""
        return self.finished or (self.starts_at is not None and self.starts_at <= now)

    def is_over(self, now: datetime) -> bool:
        """Whether its last round has ended: by the bell, or by the timetable where that bell is still on its way."""
        return self.finished or (self.ends_at is not None and self.ends_at <= now and not self.paused)


@dataclass(frozen=True, kw_only=True)
class Start:
    """When a site is to start by what was published."""

    site_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress of one program.

    ``waiting`` are the starts of the sites that have no session yet, so no plan. It is None where that is not known:
    of a program that was published before its events were listened to.
    """

    program_id: str
    sessions: tuple[SiteSession, ...] = ()
    closed_at: datetime | None = None
    waiting: tuple[Start, ...] | None = None

    def session(self, site_id: str) -> SiteSession | None:
        """The session of a site."""
        return next((each for each in self.sessions if each.site_id == site_id), None)

    def take(self, session: SiteSession) -> "Progress":
        """The progress with what ``session`` tells, if that is not older than what is known."""
        known = self.session(session.site_id) or SiteSession(site_id=session.site_id)
        newer = session if session.revision > known.revision else known
        newer = replace(newer, finished=known.finished or session.finished)
        others = [each for each in self.sessions if each.site_id != session.site_id]
        waiting = self.waiting
        if waiting is not None:
            waiting = tuple(each for each in waiting if each.site_id != session.site_id)
        sessions = tuple(sorted((*others, newer), key=lambda each: each.site_id))
        return replace(self, sessions=sessions, waiting=waiting)

    def close(self, at: datetime) -> "Progress":
        """The progress of a program whose report was made ``at``."""
        return replace(self, closed_at=min(at, self.closed_at or at))


@dataclass(frozen=True)
class MissingPlan:
    """A published program has no plan. ``when`` its first start is: ``ahead``, ``soon`` or ``passed``."""

    starts_at: datetime
    when: str
    sites: tuple[str, ...]


def begin(program: Program) -> Progress:
    """The progress of a program that is published now."""
    starts = tuple(Start(site_id=site.id, at=site.starts_at) for site in program.sites)
    return Progress(program_id=program.id, waiting=starts)


def hear(progress: Progress, event: Event) -> Progress:
    """The progress after an event of the session timer or of feedback."""
    match event.name:
        case "feedback.program-report-ready":
            return progress.close(event.time)
        case "session-timer.session-finished":
            return progress.take(SiteSession(site_id=event.data["site_id"], finished=True))
        case name:
            began_now = event.data["at"] if name == "session-timer.session-paused" else None
            return progress.take(_timed(event.data, began_now or event.data.get("paused_at")))


def catch_up(program: Program, progress: Progress, sessions: Iterable[dict[str, Any]], closed: str | None) -> Progress:
    """The progress with all that happened before its events were listened to.

    Args:
        program: the program.
        progress: what is known from events.
        sessions: the sessions as the session timer shows them.
        closed: when the report was made, as feedback writes it; None if there is none.
    """
    caught_up = replace(progress, waiting=progress.waiting if progress.waiting is not None else begin(program).waiting)
    for view in sessions:
        told = _timed(view, view["paused_at"])
        caught_up = caught_up.take(replace(told, finished=view["state"] == "finished"))
    # Of a session that an event told of first, there is nothing to wait for either.
    for each in progress.sessions:
        caught_up = caught_up.take(each)
    return caught_up.close(read_time(closed)) if closed else caught_up


def standing(program: Program, progress: Progress, now: datetime) -> Standing:
    """Where ``program`` stands at ``now``."""
    if program.state is not State.PUBLISHED:
        return Standing(program.state)
    if progress.closed_at is not None:
        return Standing.CLOSED
    known = {each.site_id: each for each in progress.sessions}
    if known and all(site in known and known[site].is_over(now) for site in program.site_ids):
        return Standing.FINISHED
    return Standing.RUNNING if any(each.has_begun(now) for each in known.values()) else Standing.PUBLISHED


def is_held(program: Program, progress: Progress) -> bool:
    """Whether the session of every site has told that it is over."""
    finished = {each.site_id for each in progress.sessions if each.finished}
    return finished.issuperset(program.site_ids)


def missing_plan(program: Program, progress: Progress, now: datetime) -> MissingPlan | None:
    """What to tell the organizers of a program that has no plan."""
    if program.state is not State.PUBLISHED or not progress.waiting or progress.closed_at is not None:
        return None
    first = min(each.at for each in progress.waiting)
    when = "passed" if first <= now else "soon" if first - now <= SOON else "ahead"
    return MissingPlan(first, when, tuple(each.site_id for each in progress.waiting))


def _timed(told: dict[str, Any], stands_since: str | None) -> SiteSession:
    timetable = told["timetable"]
    return SiteSession(
        site_id=told["site_id"],
        revision=told["revision"],
        starts_at=read_time(timetable[0]["starts_at"]),
        ends_at=read_time(timetable[-1]["ends_at"]),
        paused=stands_since is not None,
        round_ends=tuple(read_time(each["ends_at"]) for each in timetable),
        stands_since=None if stands_since is None else read_time(stands_since),
    )
