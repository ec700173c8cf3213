"""Which rounds have begun: by the bells that were heard, and by the timetables that were announced ahead.

Bells may be heard late, after an outage of this service say. A round whose time has come is not planned anew all the
same: people sit together in it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.events import Event
from shared.events.times import read_time

Timetable = dict[str, Any]


def timetable_in(event: Event) -> Timetable:
    """What an event that carries a timetable says of when rounds begin, and since when the session stands still."""
    began_now = event.data["at"] if event.name == "session-timer.session-paused" else None
    return {
        "revision": event.data["revision"],
        "starts": [each["starts_at"] for each in event.data["timetable"]],
        "paused_at": began_now or event.data.get("paused_at"),
    }


def begun_by(now: datetime, heard: Mapping[str, int], timetables: Mapping[str, Timetable]) -> dict[str, int]:
    """How many rounds have begun by site: the more of those ``heard`` of and those due by ``now``."""
    begun = dict(heard)
    for site, timetable in timetables.items():
        paused_at = timetable["paused_at"]
        until = now if paused_at is None else min(now, read_time(paused_at))
        due = sum(read_time(start) <= until for start in timetable["starts"])
        if due > begun.get(site, 0):
            begun[site] = due
    return begun
