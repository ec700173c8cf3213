"""Which rounds have begun: by the bells that were heard, and by the timetables that were announced ahead.

Bells may be heard late, after an outage of this service say. A round whose time has come is not planned anew all the
same: people sit together in it. Before there is a plan nothing is announced, and the published starts hold: nobody can
meet in a round whose time has passed.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.events import Event
from shared.events.times import read_time, write_time

Timetable = dict[str, Any]


def timetable_in(event: Event) -> Timetable:
    """What an event that carries a timetable says of when rounds begin, and since when the session stands still."""
    began_now = event.data["at"] if event.name == "session-timer.session-paused" else None
    return {
        "revision": event.data["revision"],
        "starts": [each["starts_at"] for each in event.data["timetable"]],
        "paused_at": began_now or event.data.get("paused_at"),
    }


def published_timetable(program: Mapping[str, Any], site: Mapping[str, Any]) -> Timetable:
    """When the rounds of a site begin by what was published: older than any that the session timer announces."""
    first, step = read_time(site["starts_at"]), timedelta(seconds=program["round_seconds"] + program["break_seconds"])
    starts = [write_time(first + number * step) for number in range(program["rounds"])]
    return {"revision": 0, "starts": starts, "paused_at": None}


def begun_now(now: datetime, program: Mapping[str, Any]) -> dict[str, int]:
    """How many rounds of a program, as it is kept, have begun by site."""
    published = {site["site_id"]: published_timetable(program, site) for site in program.get("sites", ())}
    return begun_by(now, program.get("begun", {}), {**published, **program.get("timetables", {})})


def nothing_ahead(now: datetime, program: Mapping[str, Any]) -> bool:
    """Whether the last round of a published program has begun at every site."""
    begun = begun_now(now, program)
    return all(begun.get(site["site_id"], 0) >= program["rounds"] for site in program["sites"])


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
