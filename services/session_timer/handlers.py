"""What the session timer makes of the events it listens to.

A session is scheduled for each site once both the program and its plan are known, in whatever order they come.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from services.session_timer.domain.scheduling import schedule
from services.session_timer.domain.session import ON_TIME, Change, Session
from services.session_timer.store import Sessions
from shared.clock import Clock, event_time
from shared.events import Event
from shared.storage.unit_of_work import Transaction


def session_id_of(program_id: str, site_id: str) -> str:
    """The session of a program at a site: always the same, so that scheduling it again is seen."""
    return str(uuid5(NAMESPACE_URL, f"speedmentor:session:{program_id}:{site_id}"))


def on_time(clock: Clock) -> timedelta:
    """How late a bell may be without saying so: a real second, in the time of the event."""
    return max(ON_TIME, event_time(clock, ON_TIME.total_seconds()))


def hear(events: list[Event], transaction: Transaction, sessions: Sessions, punctual: timedelta) -> None:
    """Have the effect of ``events`` from registration and matching."""
    for event in events:
        _HANDLERS[event.name](event, transaction, sessions.following(event), punctual)


def _program_published(event: Event, transaction: Transaction, sessions: Sessions, punctual: timedelta) -> None:
    known = {"org": event.org, "published": event.data}
    _program_is_known(event.data["program_id"], known, event, transaction, sessions, punctual)


def _plan_published(event: Event, transaction: Transaction, sessions: Sessions, punctual: timedelta) -> None:
    known = {"plan_id": event.data["plan_id"]}
    _program_is_known(event.data["program_id"], known, event, transaction, sessions, punctual)


def _program_is_known(
    program_id: str,
    known: dict[str, Any],
    event: Event,
    transaction: Transaction,
    sessions: Sessions,
    punctual: timedelta,
) -> None:
    programs = transaction["programs"]
    programs.update_one({"_id": program_id}, {"$set": known}, upsert=True)
    program = programs.find_one({"_id": program_id})
    if "published" not in program or "plan_id" not in program or program.get("cancelled"):
        return
    published = program["published"]
    ids = {site["site_id"]: session_id_of(program_id, site["site_id"]) for site in published["sites"]}
    there = sessions.known(list(ids.values()))
    added = []
    for number, site in enumerate(published["sites"]):
        if number % 20 == 0:
            # A program may have thousands; bells of others are due meanwhile.
            time.sleep(0)
        if ids[site["site_id"]] in there:
            continue
        session, events = schedule(
            session_id=ids[site["site_id"]],
            program_id=program_id,
            site_id=site["site_id"],
            plan_id=program["plan_id"],
            org=program["org"],
            time_zone=site["time_zone"],
            starts_at=site["starts_at"],
            rounds=published["rounds"],
            round_seconds=published["round_seconds"],
            break_seconds=published["break_seconds"],
            warning_seconds=published["warning_seconds"],
            now=transaction.now,
            on_time=punctual,
        )
        added.append(session)
        transaction.publish(*events, cause=event)
    sessions.add(added)


def _program_cancelled(event: Event, transaction: Transaction, sessions: Sessions, punctual: timedelta) -> None:
    program_id, reason = event.data["program_id"], event.data["reason"]
    transaction["programs"].update_one({"_id": program_id}, {"$set": {"cancelled": reason}}, upsert=True)

    def cancel(session: Session, now: datetime) -> Change:
        return session.cancel(reason, now)

    sessions.change_all(sessions.ids_of(program_id), cancel)


_HANDLERS: dict[str, Callable[[Event, Transaction, Sessions, timedelta], None]] = {
    "registration.program-published": _program_published,
    "registration.program-cancelled": _program_cancelled,
    "matching.plan-published": _plan_published,
}
