"""A session: the rounds of one program at one site, and what an organizer can do to them.

Every command takes ``now`` and gives back the session as it then is and the events to publish, in order. What was
due before the command rings first, so a command never hides a bell. Each change makes a new revision of the
timetable; a command given on an older one is refused with the one that holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from services.session_timer.domain.bells import bells_between, event_of, lateness, ring
from services.session_timer.domain.timetable import (
    MEETING_LIMIT,
    NOTHING,
    Slot,
    as_data,
    moved_after,
    with_slot,
)
from services.session_timer.domain.zones import local_of
from shared.events import NewEvent, write_time
from shared.events.times import to_milliseconds
from shared.faults import Conflict, Invalid, Problem, Stale
from shared.meeting import MEETING_LIMIT_SECONDS
from shared.messages import say

ON_TIME = timedelta(seconds=1)
"""A bell that rings later than this after its instant says that it is late."""

RESTART_WITHIN = timedelta(seconds=30)
"""A round can be restarted this long after its start, and not later: people are deep in talk by then."""

OutagePolicy = Literal["catch-up", "hold"]
HOLD_AFTER = 60
"""Under the policy ``hold``, a bell later than this many times ``on_time`` makes the session wait."""


class State(StrEnum):
    """Where a session stands."""

    SCHEDULED = "scheduled"
    ROUND = "round"
    BREAK = "break"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Phase:
    """The state at an instant; ``round`` is the one running, or the last one that ran (0 before the first)."""

    state: State
    round: int

    def __str__(self) -> str:
        numbered = self.state in (State.ROUND, State.BREAK)
        return f"{self.state} {self.round}" if numbered else str(self.state)


Change = tuple["Session", list[NewEvent]]


@dataclass(frozen=True)
class Session:
    """The rounds of a program at one site. All instants are UTC with milliseconds."""

    session_id: str
    program_id: str
    site_id: str
    plan_id: str
    time_zone: str
    slots: tuple[Slot, ...]
    rung_until: datetime
    warnings: tuple[int, ...]
    org: str | None = None
    revision: int = 1
    paused_at: datetime | None = None
    held: bool = False
    cancelled_at: datetime | None = None
    on_outage: OutagePolicy = "catch-up"
    on_time: timedelta = ON_TIME

    # What it says of itself

    def slot(self, round_: int) -> Slot:
        """The slot of a round, numbered from 1."""
        return self.slots[round_ - 1]

    def ids(self) -> dict[str, str]:
        """The ids that each of its events carries."""
        return {"session_id": self.session_id, "program_id": self.program_id, "site_id": self.site_id}

    def event(self, name: str, data: Mapping[str, Any]) -> NewEvent:
        """An event about this session."""
        return NewEvent(
            type=f"session-timer.{name}",
            subject=self.session_id,
            data=dict(data),
            org=self.org,
            program=self.program_id,
            site=self.site_id,
        )

    def phase(self, now: datetime) -> Phase:
        """Where the session stands at ``now``: it follows from the timetable alone."""
        # Cancelled in a pause, it ended where the pause began: the rounds after it never came.
        at = self.paused_at or self.cancelled_at or now
        begun = [slot for slot in self.slots if slot.starts_at <= at]
        round_ = begun[-1].round if begun else 0
        if self.cancelled_at:
            return Phase(State.CANCELLED, round_)
        if self.paused_at:
            return Phase(State.PAUSED, round_)
        if not begun:
            return Phase(State.SCHEDULED, 0)
        if at < begun[-1].ends_at:
            return Phase(State.ROUND, round_)
        return Phase(State.FINISHED if round_ == len(self.slots) else State.BREAK, round_)

    def running_round(self, now: datetime) -> Slot | None:
        """The round that people meet in at ``now``, or were meeting in when the session was paused."""
        at = self.paused_at or now
        return next((slot for slot in self.slots if slot.starts_at <= at < slot.ends_at), None)

    def rounds_held(self) -> int:
        """How many rounds have rung their end."""
        return sum(slot.ends_at <= self.rung_until for slot in self.slots)

    def view(self, now: datetime) -> dict[str, Any]:
        """The session as screens and organizers get it: enough to count down without asking again."""
        phase = self.phase(now)
        return {
            **self.ids(),
            "org": self.org,
            "plan_id": self.plan_id,
            "time_zone": self.time_zone,
            "revision": self.revision,
            "state": str(phase.state),
            "round": phase.round,
            "rounds": len(self.slots),
            "rounds_held": self.rounds_held(),
            "timetable": as_data(self.slots),
            "paused_seconds": [slot.paused.total_seconds() for slot in self.slots],
            "starts_local": local_of(self.slots[0].starts_at, self.time_zone),
            "ends_local": local_of(self.slots[-1].ends_at, self.time_zone),
            "warning_seconds": list(self.warnings),
            "paused_at": write_time(self.paused_at) if self.paused_at else None,
            "held": self.held,
            "cancelled_at": write_time(self.cancelled_at) if self.cancelled_at else None,
            "on_outage": self.on_outage,
            "now": write_time(now),
        }

    # What an organizer can do

    def shift_start(self, by: timedelta, now: datetime, revision: int | None = None) -> Change:
        """Start that much later (or earlier, but not before ``now``). Only before the first round."""
        session, events, now = self._ready(now, revision)
        if session.phase(now).state is not State.SCHEDULED:
            raise Conflict(say("The session has begun: its start cannot be moved any more."))
        slots = tuple(slot.shifted(by) for slot in session.slots)
        if slots[0].starts_at < now:
            earliest = session.slots[0].starts_at - now
            problem = Problem(
                "by_seconds",
                say("the first round would have started already"),
                say("move the start at most {seconds} s earlier", seconds=int(earliest.total_seconds())),
            )
            raise Invalid(say("The start cannot be moved into the past."), [problem])
        return session._rescheduled(slots, "start-shifted", events, now)

    def pause(self, now: datetime, revision: int | None = None) -> Change:
        """Stop the clock in a round or a break; until :meth:`resume` nothing rings."""
        session, events, now = self._ready(now, revision)
        return session._paused(events, now)

    def resume(self, now: datetime, revision: int | None = None) -> Change:
        """Go on with exactly the time that was left; everything ahead moves by the length of the pause."""
        session, events, now = self._ready(now, revision)
        if session.paused_at is None:
            raise Conflict(say("The session is not paused."))
        paused_at = session.paused_at
        gap = now - paused_at
        running = session.running_round(now)
        slots = tuple(slot.shifted(gap) if slot.starts_at > paused_at else slot for slot in session.slots)
        if running:
            slots = with_slot(slots, replace(running, ends_at=running.ends_at + gap, paused=running.paused + gap))
        session = replace(
            session, slots=slots, paused_at=None, held=False, rung_until=now, revision=session.revision + 1
        )
        data = session._change_data(round=session.phase(now).round, at=write_time(now))
        return session, [*events, session.event("session-resumed", data)]

    def extend(self, seconds: int, now: datetime, revision: int | None = None, meant: int | None = None) -> Change:
        """Give the running round more time; refused if the meeting would pass the limit."""
        session, events, now = self._ready(now, revision, meant)
        slot = session._in_round(now)
        by = timedelta(seconds=seconds)
        if not NOTHING < by <= slot.room:
            problem = Problem(
                "seconds",
                say("a meeting lasts at most {limit} s", limit=MEETING_LIMIT_SECONDS),
                say("add from 1 to {room} s", room=int(slot.room.total_seconds()))
                if slot.room >= timedelta(seconds=1)
                else say("let the round end; it is as long as it may be"),
            )
            raise Invalid(say("The round cannot be extended by {seconds} s.", seconds=seconds), [problem])
        slots = with_slot(moved_after(session.slots, slot.round, by), replace(slot, ends_at=slot.ends_at + by))
        session = replace(session, slots=slots, revision=session.revision + 1)
        data = session._change_data(round=slot.round, seconds=seconds)
        return session, [*events, session.event("round-extended", data)]

    def skip_break(self, now: datetime, revision: int | None = None, meant: int | None = None) -> Change:
        """Start the next round at once."""
        session, events, now = self._ready(now, revision, meant)
        session._not_paused()
        phase = session.phase(now)
        if phase.state is not State.BREAK:
            raise Conflict(say("There is no break to skip."))
        slots = moved_after(session.slots, phase.round, now - session.slot(phase.round + 1).starts_at)
        return session._rescheduled(slots, "break-skipped", events, now)

    def end_round(self, now: datetime, revision: int | None = None, meant: int | None = None) -> Change:
        """End the running round at once; the breaks and rounds after it keep their length."""
        session, events, now = self._ready(now, revision, meant)
        session._not_paused()
        slot = session._in_round(now)
        slots = with_slot(moved_after(session.slots, slot.round, now - slot.ends_at), replace(slot, ends_at=now))
        return session._rescheduled(slots, "round-ended-early", events, now)

    def restart_round(self, now: datetime, revision: int | None = None, meant: int | None = None) -> Change:
        """Begin the running round anew, within :data:`RESTART_WITHIN` of its start.

        It gets its full length again, less what would pass the limit together with the time met so far.
        """
        session, events, now = self._ready(now, revision, meant)
        session._not_paused()
        slot = session._in_round(now)
        met = now - slot.starts_at - slot.paused
        if met > RESTART_WITHIN:
            raise Conflict(
                say(
                    "A round can be restarted in its first {seconds} s only.",
                    seconds=int(RESTART_WITHIN.total_seconds()),
                )
            )
        voided = slot.voided + met
        length = min(slot.ends_at - slot.starts_at - slot.paused, MEETING_LIMIT - voided)
        anew = Slot(slot.round, now, now + length, voided=voided)
        slots = with_slot(moved_after(session.slots, slot.round, anew.ends_at - slot.ends_at), anew)
        return session._rescheduled(slots, "round-restarted", events, now, rings=False)

    def choose_policy(self, on_outage: OutagePolicy, now: datetime, revision: int | None = None) -> Change:
        """Say what happens after an outage: go on by the timetable, or wait for the organizer."""
        session, events, now = self._ready(now, revision)
        if session.phase(now).state is State.FINISHED:
            raise Conflict(say("The session is over: nothing can be changed any more."))
        if session.on_outage == on_outage:
            return session, events
        # A revision too: two organizers who choose otherwise on the same one must not both be told that it is so.
        return replace(session, on_outage=on_outage)._rescheduled(session.slots, "policy-chosen", events, now)

    # What happens to it

    def must_wait(self, now: datetime) -> bool:
        """Whether its bells are so late that by its policy it has to wait for the organizer."""
        return self.on_outage == "hold" and lateness(self, now) > HOLD_AFTER * self.on_time

    def hold(self, now: datetime) -> Change:
        """Wait for the organizer after an outage; like a pause, and said to be none of theirs."""
        session, events, now = self._rung(now)
        if session.phase(now).state not in (State.ROUND, State.BREAK):
            return session, events
        return replace(session, held=True)._paused(events, now)

    def cancel(self, reason: str, now: datetime) -> Change:
        """The program does not take place (any further). Cancelling again, or after the end, changes nothing."""
        session, events, now = self._rung(now)
        if session.phase(now).state in (State.CANCELLED, State.FINISHED):
            return session, events
        session = replace(session, cancelled_at=now, held=False)
        return session._rescheduled(session.slots, "cancelled", events, now)

    # Steps that commands share

    def _ready(
        self, now: datetime, revision: int | None, meant: int | None = None
    ) -> tuple["Session", list[NewEvent], datetime]:
        """The session with everything due rung, if the command was given on what holds.

        ``revision`` is the timetable it was given on, ``meant`` the round that was running or had run last: bells
        make no new revision, and whoever ends round 1 a moment too late must not end round 2. A session that has
        to wait for its organizer after an outage does so before any command.

        Raises:
            Stale: there is a newer timetable, or the rounds have gone on since.
        """
        session, events, at = self._rung(now)
        if self.must_wait(now):
            session, held = session.hold(at)
            events += held
        if revision is not None and revision != session.revision:
            raise Stale(
                say(
                    "The command was given on revision {given}; the timetable is at {current}.",
                    given=revision,
                    current=session.revision,
                ),
                current=session.view(at),
            )
        round_ = session.phase(at).round
        if meant is not None and meant != round_:
            raise Stale(
                say("The command was given in round {given}; it is round {current} now.", given=meant, current=round_),
                current=session.view(at),
            )
        if session.cancelled_at:
            raise Conflict(say("The session is cancelled: nothing can be changed any more."))
        return session, events, at

    def _rung(self, now: datetime) -> tuple["Session", list[NewEvent], datetime]:
        """The session with everything due rung, so that no command hides a bell.

        The time given back is ``now``, but never before what has rung already: the replica that takes a command
        may be a little behind the one that rings.
        """
        session, events = ring(self, now)
        return session, events, max(to_milliseconds(now), session.rung_until)

    def _in_round(self, now: datetime) -> Slot:
        slot = self.running_round(now)
        if slot is None:
            raise Conflict(say("No round is running."))
        return slot

    def _not_paused(self) -> None:
        if self.paused_at:
            raise Conflict(say("The session is paused: resume it first."))

    def _paused(self, events: Sequence[NewEvent], now: datetime) -> Change:
        self._not_paused()
        phase = self.phase(now)
        if phase.state not in (State.ROUND, State.BREAK):
            raise Conflict(say("Only a session that is under way can be paused."))
        session = replace(self, paused_at=now, revision=self.revision + 1)
        data = session._change_data(round=phase.round, at=write_time(now))
        if self.held:
            data["cause"] = "outage"
        return session, [*events, session.event("session-paused", data)]

    def _rescheduled(
        self,
        slots: tuple[Slot, ...],
        cause: str,
        events: Sequence[NewEvent],
        now: datetime,
        *,
        rings: bool = True,
    ) -> Change:
        """The next revision with these slots; what the change itself brings to ``now`` rings at once."""
        session = replace(self, slots=slots, revision=self.revision + 1)
        changed = [*events, session.event("session-rescheduled", session._change_data(cause=cause))]
        if rings:
            just_before = now - timedelta(milliseconds=1)
            rung = {(bell.name, bell.round) for bell in bells_between(self, just_before, now)}
            changed += [
                event_of(session, bell, now)
                for bell in bells_between(session, just_before, now)
                if (bell.name, bell.round) not in rung
            ]
        return session, changed

    def _change_data(self, **more: Any) -> dict[str, Any]:
        data = {**self.ids(), "revision": self.revision, **more, "timetable": as_data(self.slots)}
        # What is changed in a pause (a pause itself says at what time it began).
        if self.paused_at and "at" not in more:
            data["paused_at"] = write_time(self.paused_at)
        return data
