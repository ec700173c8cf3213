"""Makes the broker as the documents want it: adds what is missing, deletes what nobody wants, and can be repeated.

Database and broker take part in no transaction together. So a document is written first, and then the broker is made
so; a crash in between leaves a wish, which the next look fulfils, in whatever replica. What is at the broker and in no
document any more goes: users first, which cuts their connections.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from threading import Lock
from typing import Any

import structlog
from pymongo.database import Database

from services.integrations.accounts import storage
from services.integrations.accounts.broker_account import (
    Account,
    Row,
    Rows,
    exchange_of,
    first_bindings,
    owner_of,
    tag_of,
    wanted,
)
from services.integrations.accounts.management_api import ManagementApi
from services.integrations.domain.rights import may_bind
from shared.clock import wall_clock
from shared.messaging.topology import EVENTS

log = structlog.get_logger()

#: In which order what nobody wants is deleted: who could use it first.
_LAST_FIRST = ("users", "permissions", "topic_permissions", "bindings", "queues", "exchanges")


class Reconciler:
    """Settles integrators at the broker; one at a time in each replica."""

    def __init__(
        self, database: Database[dict[str, Any]], api: ManagementApi, now: Callable[[], datetime] = wall_clock
    ) -> None:
        self._database = database
        self._api = api
        self._now = now
        self._lock = Lock()

    def settle(self, names: Collection[str] | None = None) -> None:
        """Make what is at the broker of these integrators (None: of all, and of those that were) as it should be.

        Raises:
            NotYet: the broker cannot be asked or changed now; what is done so far stands, and is gone on with later.
        """
        with self._lock:
            if names is None:
                storage.drop_what_is_over(self._database, self._now())
            # The broker before the documents: what is there and in no document afterwards is really not wanted.
            found = self._api.rows()
            if names is None:
                owned = {owner for (kind, *_), row in found.items() if (owner := self._owner(kind, row))}
                names = owned | {row["_id"] for row in storage.all_of(self._database)}
            for name in sorted(names):
                while not self._settle(name, found):
                    found = self._api.rows()

    def foreign_users(self, names: Collection[str]) -> list[str]:
        """Which of these users the broker has that are nobody's here."""
        return _foreign(names, self._api.rows(), self._api.vhost)

    def _owner(self, kind: str, row: Row) -> str | None:
        return owner_of(kind, row, self._api.vhost)

    def _settle(self, name: str, found: Rows) -> bool:
        """Whether it is settled; False: its document was changed meanwhile."""
        row = storage.find(self._database, name)
        there = {key: each for key, each in found.items() if self._owner(key[0], each) == name}
        if row is None:
            self._delete(name, there)
            return storage.find(self._database, name) is None
        account = storage.account(row, self._now())
        want = wanted(account, self._api.vhost)
        if foreign := _foreign(account.users, found, self._api.vhost):
            log.error("integrator-user-foreign", users=foreign, remedy="remove the integrator, or the user")
            return True
        missing = {key: each for key, each in want.items() if not _is_there(key, each, found)}
        if not row["bound"] or any(key[0] == "queues" for key in missing):
            first = first_bindings(account, self._api.vhost)
            missing |= {key: each for key, each in first.items() if key not in found}
        self._warn_of_queues(want, found)
        if missing:
            self._api.add(missing)
            log.info("integrator-settled", integrator=name, added=len(missing))
        # An open channel remembers what it was allowed.
        for user in {key[1] for key in missing if key[0].endswith("permissions") and key in found}:
            self._api.close_connections(user)
        extra = {key: each for key, each in there.items() if key not in want and not _may_stay(account, key, each)}
        self._delete(name, extra)
        return row["settled"] == row["revision"] or storage.settled(self._database, name, row["revision"])

    def _delete(self, name: str, rows: Rows) -> None:
        gone = {key[1] for key in rows if key[0] in ("users", "queues")}
        for kind in _LAST_FIRST:
            for key, row in rows.items():
                # Rights go with their user, bindings with their queue.
                if key[0] == kind and not {row.get("user"), row.get("destination")} & gone:
                    self._api.delete(kind, row)
        if rows:
            log.info("integrator-tidied", integrator=name, deleted=len(rows))

    def _warn_of_queues(self, want: Rows, found: Rows) -> None:
        for key, row in want.items():
            if key[0] == "queues" and key in found and found[key]["arguments"] != row["arguments"]:
                log.warning(
                    "integrator-queue-differs",
                    queue=key[1],
                    has=found[key]["arguments"],
                    remedy="a queue's arguments cannot be changed: when it is empty, delete it, and it is made anew",
                )


def _foreign(users: Collection[str], found: Rows, vhost: str) -> list[str]:
    there = [found[key] for each in users if (key := ("users", each)) in found]
    return [row["name"] for row in there if tag_of(vhost) not in row["tags"]]


def _is_there(key: tuple[str, ...], row: Row, found: Rows) -> bool:
    if key not in found:
        return False
    # An import passes over a queue, and an exchange of another kind cannot be changed.
    return key[0] in ("queues", "exchanges", "bindings") or found[key] == row


def _may_stay(account: Account, key: tuple[str, ...], row: Row) -> bool:
    """Whether a binding is one that the integrator may have made, or had at first, and keep."""
    if key[0] != "bindings":
        return False
    if row["source"] in (account.exchange, exchange_of(account.name)):
        return may_bind(account.types, row["routing_key"])
    # Others only an administrator of the broker can have made.
    return row["source"] != EVENTS
