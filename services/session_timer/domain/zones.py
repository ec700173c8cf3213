"""Local times of a site and instants, across daylight-saving changes.

Sessions are timed in instants (UTC), so a round keeps its length when the clocks of a site change under it.
Only the start may be given as a local time; the two odd hours of a year are decided here.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.faults import Invalid, Problem
from shared.messages import say


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that IANA name; raises :class:`Invalid` for a name nobody knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problem = Problem(
            "time_zone",
            say("there is no time zone {name}", name=name),
            say("use a name of the IANA list, such as Asia/Jakarta"),
        )
        raise Invalid(say("The time zone is unknown."), [problem]) from None


def instant_of(written: str, time_zone: str) -> datetime:
    """The instant that an ISO 8601 time means at a site, in UTC.

    A time with an offset (or ``Z``) is an instant already. One without is local: of the two instants of an hour
    that the clocks repeat the first is meant; an hour that they skip is read as if they had not changed yet, so
    02:30 on the night to summer time is 03:30 on the site's clocks (PEP 495, fold 0).
    """
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_of(time_zone), fold=0)
    return moment.astimezone(UTC)


def local_of(instant: datetime, time_zone: str) -> str:
    """What the clocks at the site show at an instant, with the offset that holds then (ISO 8601, minutes)."""
    return instant.astimezone(zone_of(time_zone)).isoformat(timespec="seconds")
