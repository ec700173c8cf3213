"""A new session: what a published program and its plan make of one site."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.session_timer.domain.session import ON_TIME, Change, OutagePolicy, Session
from services.session_timer.domain.timetable import as_data, lay_out
from services.session_timer.domain.zones import instant_of, zone_of
from shared.events.times import to_milliseconds


def schedule(
    *,
    session_id: str,
    program_id: str,
    site_id: str,
    plan_id: str,
    org: str | None,
    time_zone: str,
    starts_at: str,
    rounds: int,
    round_seconds: int,
    break_seconds: int,
    warning_seconds: Sequence[int],
    now: datetime,
    on_outage: OutagePolicy = "catch-up",
    on_time: timedelta = ON_TIME,
) -> Change:
    """A new session of a published program and plan. ``starts_at`` is ISO 8601, local if it has no offset."""
    zone_of(time_zone)
    start, now = to_milliseconds(instant_of(starts_at, time_zone)), to_milliseconds(now)
    slots = lay_out(start, rounds, timedelta(seconds=round_seconds), timedelta(seconds=break_seconds))
    session = Session(
        session_id=session_id,
        program_id=program_id,
        site_id=site_id,
        plan_id=plan_id,
        org=org,
        time_zone=time_zone,
        slots=slots,
        warnings=tuple(sorted({int(seconds) for seconds in warning_seconds if seconds > 0}, reverse=True)),
        # Where the plan comes after the start, the bells so far are still to ring.
        rung_until=min(now, start - timedelta(milliseconds=1)),
        on_outage=on_outage,
        on_time=on_time,
    )
    data = {**session.ids(), "plan_id": plan_id, "revision": 1, "timetable": as_data(slots)}
    return session, [session.event("session-scheduled", data)]
