"""What organizers and operators do with replays: ask for one, look at it, and call it off."""

from datetime import datetime
from typing import Any

from services.integrations.accounts.storage import find as find_integrator
from services.integrations.domain.beginnings import first_at, read_beginning
from services.integrations.log import reading
from services.integrations.log.storage import head, next_after
from services.integrations.replay import storage
from services.integrations.replay.storage import Reader
from shared.clock import wall_clock
from shared.events import write_time
from shared.extensions.work import TracedWork
from shared.faults import Conflict, Invalid, NotFound, Problem
from shared.ids import new_id
from shared.messages import say
from shared.security.principal import OPERATOR, Principal
from shared.storage.unit_of_work import Transaction

#: Of the replays to one integrator the last ones are listed.
MOST_LISTED = 50


def start(work: TracedWork, principal: Principal, given: dict[str, Any]) -> dict[str, Any]:
    """Begin to send an integrator what is in the log from ``given["start"]`` on, within its scope.

    Raises:
        NotFound: there is no such integrator.
        Invalid: where to begin is neither a cursor nor a time.
        Gone: that is not kept any more.
        Conflict: another replay to it is under way.
    """

    def begin(transaction: Transaction) -> dict[str, Any]:
        _require(transaction, principal, given["name"])
        after, until = _after(work, given["start"]), head(work.database).position
        if storage.running_to(transaction, given["name"]) is not None:
            raise Conflict(say("A replay to this integrator is under way; wait for its end, or cancel it."))
        row = {
            "_id": new_id(),
            "to": given["name"],
            "types": given["types"],
            "asked_at": wall_clock(),
            "after": after,
            "until": until,
            "position": after,
            "sent": 0,
            "state": storage.RUNNING,
            "why": None,
            "token": None,
        }
        storage.insert(transaction, row)
        return view(row)

    return work.once(principal, "start_replay", given, begin)


def listed(work: TracedWork, principal: Principal, name: str) -> list[dict[str, Any]]:
    """The last replays to an integrator, the latest first."""
    _require(work.database, principal, name)
    return [view(row) for row in storage.latest_to(work.database, name, MOST_LISTED)]


def get(work: TracedWork, principal: Principal, replay_id: str) -> dict[str, Any]:
    """How far one is."""
    return view(_own(work.database, principal, replay_id))


def cancel(work: TracedWork, principal: Principal, given: dict[str, Any]) -> dict[str, Any]:
    """Call one off; what has been sent stays sent. One that has ended stays as it is."""

    def call_off(transaction: Transaction) -> dict[str, Any]:
        _own(transaction, principal, given["replay_id"])
        storage.end(transaction, given["replay_id"], storage.CANCELLED, wall_clock())
        return view(_own(transaction, principal, given["replay_id"]))

    return work.once(principal, "cancel_replay", given, call_off)


def view(row: dict[str, Any]) -> dict[str, Any]:
    """A replay as it is shown. ``looked_at`` of ``of`` places in the log are done."""
    return {
        "replay_id": row["_id"],
        "name": row["to"],
        "types": row["types"],
        "state": row["state"],
        "why": row["why"],
        "asked_at": write_time(row["asked_at"]),
        "ended_at": write_time(row["ended_at"]) if row.get("ended_at") else None,
        "after": str(row["after"]),
        "cursor": str(row["position"]),
        "until": str(row["until"]),
        "sent": row["sent"],
        "looked_at": row["position"] - row["after"],
        "of": row["until"] - row["after"],
    }


def _after(work: TracedWork, start: str) -> int:
    begin, until = read_beginning(start), head(work.database)
    if begin is None:
        raise Invalid(
            say("There is no such place in the log."),
            [
                Problem(
                    "/start",
                    say("it is neither a cursor nor a time"),
                    say("give a cursor as events come with, or a time such as 2026-11-24T09:30:00Z or 2026-11-24"),
                )
            ],
        )
    if isinstance(begin, datetime):
        return first_at(begin, until.oldest - 1, until.position, lambda after: next_after(work.database, until, after))
    return reading.position_of(str(begin), until, "/start")


def _require(reader: Reader, principal: Principal, name: str) -> None:
    """Raise :class:`NotFound` unless there is such an integrator of the caller's organization."""
    principal.require_operator()
    row = find_integrator(reader, name)
    if row is None or (principal.role != OPERATOR and row["org"] != principal.org):
        raise NotFound(say("There is no such integrator."))


def _own(reader: Reader, principal: Principal, replay_id: str) -> dict[str, Any]:
    row = storage.find(reader, replay_id)
    if row is None:
        principal.require_operator()
        raise NotFound(say("There is no such replay."))
    _require(reader, principal, row["to"])
    return row
