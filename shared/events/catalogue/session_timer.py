"""What the session timer publishes: timetables, and the moments of a session."""

from shared.events.catalogue.common import MOST_ROUNDS, PlannedRound, round_number
from shared.events.catalogue.kind import EventData, EventType
from shared.events.composites import ListOf, Record
from shared.events.fields import Code, Flag, Id, Time, Whole
from shared.meeting import MEETING_LIMIT_SECONDS


class SessionMoment(EventData):
    """What all events of a session have."""

    session_id = Id("the session: one program at one site")
    program_id = Id("the program")
    site_id = Id("the site", example="jkt")
    revision = Whole("revision of the timetable, counted up; an event of an older one is stale", example=1)


def _timetable() -> ListOf:
    return ListOf(
        Record(PlannedRound), "the whole timetable of this revision, by round", most=MOST_ROUNDS, example=None
    )


def _standing() -> Time:
    return Time("since when the session stands still, where it does", optional=True)


class SessionScheduled(SessionMoment):
    """A session with its timetable."""

    plan_id = Id("the plan that is held")
    timetable = _timetable()


class RoundBell(SessionMoment):
    """The start or the end of a round."""

    round = round_number()
    scheduled_at = Time("when it was due")
    actual_at = Time("when it was announced")
    ends_at = Time("planned end of the round")
    late = Flag("announced after an outage, not at its moment")


class RoundWarned(SessionMoment):
    """The bell before the end of a round."""

    round = round_number()
    seconds_left = Whole("until the end of the round, s", highest=MEETING_LIMIT_SECONDS, example=120)
    scheduled_at = Time("when it was due")
    actual_at = Time("when it was announced")
    ends_at = Time("planned end of the round", optional=True)
    late = Flag("announced after an outage, not at its moment", optional=True)


class SessionHeld(SessionMoment):
    """A pause, or its end."""

    round = round_number("the round that runs or comes next, counted from 1")
    at = Time("when")
    cause = Code("none for the organizer's command; outage where the service holds it", example="outage", optional=True)
    timetable = _timetable()


class RoundExtended(SessionMoment):
    """A round made longer."""

    round = round_number()
    seconds = Whole(
        f"time added, s; no meeting passes {MEETING_LIMIT_SECONDS} s",
        lowest=1,
        highest=MEETING_LIMIT_SECONDS,
        example=60,
    )
    timetable = _timetable()
    paused_at = _standing()


class SessionRescheduled(SessionMoment):
    """A timetable changed by hand."""

    cause = Code("what was done, as a code", example="start-shifted")
    timetable = _timetable()
    paused_at = _standing()


class SessionFinished(SessionMoment):
    """The end of a session."""

    rounds_held = Whole("rounds that took place", highest=MOST_ROUNDS, example=6)


PUBLISHED = (
    EventType("session-timer.session-scheduled", "session", SessionScheduled, "A session has a timetable."),
    EventType("session-timer.round-started", "session", RoundBell, "A round has begun."),
    EventType("session-timer.round-ended", "session", RoundBell, "A round is over."),
    EventType("session-timer.round-warned", "session", RoundWarned, "A round ends soon."),
    EventType("session-timer.session-paused", "session", SessionHeld, "A session stands still."),
    EventType("session-timer.session-resumed", "session", SessionHeld, "A session goes on after a pause."),
    EventType("session-timer.round-extended", "session", RoundExtended, "A round has been made longer."),
    EventType(
        "session-timer.session-rescheduled",
        "session",
        SessionRescheduled,
        "The timetable was changed: start shifted, break skipped, round ended early or started again, the policy after "
        "an outage chosen (which moves nothing), or the program cancelled.",
    ),
    EventType("session-timer.session-finished", "session", SessionFinished, "A session is over."),
)
