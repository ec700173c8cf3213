"""What comes too late: for a round that is over, after the end, with a start that has passed.

It may be meant: a list is put right afterwards, an event is rehearsed. So it is asked about, and taken with a yes. Once
the program is closed nothing of it is taken any more: its report has been made of what was there.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.registration.domain.confirming import code
from services.registration.domain.participant import Participant
from services.registration.domain.program import Program, State
from services.registration.domain.progress import Progress
from shared.events import write_time
from shared.faults import Conflict, Invalid, Problem
from shared.messages import say


@dataclass(frozen=True)
class TimeCheck:
    """A program and how far it is, to judge at an instant what comes too late."""

    program: Program
    progress: Progress
    now: datetime

    def rounds_over(self, site_id: str) -> int:
        """How many rounds have ended at a site: by the timer's timetable or, before there is one, as published."""
        program, session = self.program, self.progress.session(site_id)
        if session is not None and session.finished:
            return program.rounds
        if session is not None and session.round_ends:
            until = min(self.now, session.stands_since or self.now)
            return sum(end <= until for end in session.round_ends)
        length, step = program.round_seconds, program.round_seconds + program.break_seconds
        starts = [site.starts_at for site in program.sites if site.id == site_id]
        ends = (
            start + timedelta(seconds=number * step + length) for start in starts for number in range(program.rounds)
        )
        return sum(end <= self.now for end in ends)

    def require_round_ahead(self, person: Participant, from_round: int, confirmed: Collection[str]) -> None:
        """Refuse an absence that begins with a round that is over, unless it is ``confirmed``.

        Raises:
            Conflict: the program is closed.
            Invalid: it has to be confirmed.
        """
        self._require_not_closed()
        over = self.rounds_over(person.site_id)
        yes = code("past-absence", person.id, str(from_round))
        if not 1 <= from_round <= over or yes in confirmed:
            return
        if over < self.program.rounds:
            remedy = say("give round {round} or a later one, or confirm that the past is meant", round=over + 1)
        else:
            remedy = say("all rounds are over: leave it as it is, or confirm that the past is meant")
        problem = Problem("/from_round", say("round {round} is over", round=from_round), remedy, confirm=(yes,))
        raise Invalid(say("The absence begins with a round that is over."), [problem])

    def require_before_the_end(self, site_id: str, field: str, about: str, confirmed: Collection[str]) -> None:
        """Refuse whoever comes to a published program after its last round at a site, unless it is ``confirmed``.

        ``field`` is what the problem names; a yes holds for whom it is ``about``.

        Raises:
            Conflict: the program is closed, or it has to be confirmed.
        """
        if self.program.state is not State.PUBLISHED:
            return
        self._require_not_closed()
        yes = code("after-the-end", self.program.id, site_id, about)
        if self.rounds_over(site_id) < self.program.rounds or yes in confirmed:
            return
        what = say("all rounds at {site} are over", site=site_id)
        remedy = say("nobody can be met there any more; confirm if it is to be noted all the same")
        raise Conflict(say("The last round is over."), [Problem(field, what, remedy, confirm=(yes,))])

    def _require_not_closed(self) -> None:
        if self.progress.closed_at is not None:
            raise Conflict(say("The program is closed: its report has been made, and nothing is noted any more."))


def require_start_ahead(program: Program, file: str, confirmed: Collection[str], now: datetime) -> None:
    """Refuse a new program of which a site has begun in the past, unless it is ``confirmed``.

    Raises:
        Invalid: it has to be confirmed.
    """
    past = [site for site in program.sites if site.starts_at <= now]
    yes = code("past-start", *(f"{site.id} {write_time(site.starts_at)}" for site in past))
    if not past or yes in confirmed:
        return
    what = say(
        "the start has passed at {count} of {all} sites, first at {site}",
        count=len(past),
        all=len(program.sites),
        site=min(past, key=lambda site: site.starts_at).name,
    )
    remedy = say("correct the date or the start, or confirm that the past is meant")
    problem = Problem("/date", what, remedy, file, confirm=(yes,))
    raise Invalid(say("The program begins in the past; nothing was created."), [problem])
