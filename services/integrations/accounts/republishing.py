"""Programs, about which a topic exchange knows nothing: what such an integrator may hear is published to it alone.

The log is the outbox: for each integrator that has programs a position says how far it has got, and what comes after
it, in the scope, goes to the integrator's own exchange in the log's order. A position moves on only behind the broker's
confirmation, so a crash repeats events and loses none. One replica does it, by lease; one that was held up and wakes
cannot move a position back, since it has an older fencing token.
"""

from threading import Event as Flag
from typing import Any

import orjson
import structlog
from pymongo.database import Database
from pymongo.errors import PyMongoError

from services.integrations.accounts import storage
from services.integrations.accounts.broker_account import exchange_of
from services.integrations.log import reading
from services.integrations.log.storage import head
from shared.clock import monotonic
from shared.events import CONTENT_TYPE, full_type, read_time
from shared.faults import Gone
from shared.messaging.connection import LOST, backoff, connect, tend
from shared.messaging.pipelined_publisher import PipelinedPublisher
from shared.messaging.publisher import Outgoing
from shared.storage.lease import Lease
from shared.storage.unit_of_work import Transaction

log = structlog.get_logger()

POSITIONS = "republished"

#: Seconds between two looks at the end of the log.
LOOK = 0.1
#: Seconds after which another replica goes on if this one shows no life any more.
LEASE_SECONDS = 5.0
#: Events read at once, and messages that the broker has not confirmed at most.
PAGE = 500


def begin(transaction: Transaction, name: str) -> None:
    """Have a new integrator hear what is published from now on."""
    now = head(transaction).position
    transaction[POSITIONS].replace_one({"_id": name}, {"position": now, "token": 0}, upsert=True)


def forget(transaction: Transaction, name: str) -> None:
    """Drop the position of an integrator that is removed."""
    transaction[POSITIONS].delete_one({"_id": name})


class NotOurs(Exception):
    """Another replica does it, or the service ends."""


class Republisher:
    """Publishes until stopped what integrators with programs may hear; ``holder`` names this replica in the lease."""

    def __init__(self, database: Database[dict[str, Any]], amqp_uri: str, holder: str) -> None:
        self._database = database
        self._amqp_uri = amqp_uri
        self._name = f"{holder} republisher"
        self._lease = Lease(database["leases"], "republisher", holder, LEASE_SECONDS)
        self._token: int | None = None
        self._prolong_at = 0.0
        self._stopping = Flag()

    def stop(self) -> None:
        """Have :meth:`run` end soon; what is not sent stays due."""
        self._stopping.set()

    def run(self) -> None:
        """Republish until stopped, through losses of broker and database."""
        waits = backoff()
        while not self._stopping.is_set():
            try:
                if not self._is_ours() or not storage.with_programs(self._database):
                    self._stopping.wait(LOOK * 10)
                    continue
                with connect(self._amqp_uri, self._name) as connection:
                    waits, publisher = backoff(), PipelinedPublisher(connection, PAGE)
                    while self._is_ours() and not self._stopping.is_set():
                        if not self.work(publisher):
                            tend(connection.connection)
                            self._stopping.wait(LOOK)
            except NotOurs:
                continue
            except (*LOST, PyMongoError) as error:
                pause = next(waits)
                log.warning("republisher-waits", error=type(error).__name__, detail=str(error)[:300], retry_in=pause)
                self._stopping.wait(pause)
        if self._token is not None:
            self._lease.release()

    def work(self, publisher: PipelinedPublisher) -> bool:
        """Send every integrator its next page; whether there was any."""
        rows = storage.with_programs(self._database)
        end = head(self._database).position
        positions = {each["_id"]: each["position"] for each in self._database[POSITIONS].find()}
        late = [row for row in rows if positions.get(row["_id"], end) < end]
        for row in late:
            self._send(publisher, row, positions[row["_id"]])
        return bool(late)

    def _send(self, publisher: PipelinedPublisher, row: dict[str, Any], position: int) -> None:
        try:
            page = reading.read(self._database, storage.scope(row), str(position), PAGE)
        except Gone:
            log.error("republisher-too-late", integrator=row["_id"], remedy="begin anew from snapshots")
            self._move(row["_id"], int(reading.beginning(self._database)))
            return
        if page.rows:
            publisher.send([_message(row["_id"], each) for each in page.rows], patient=self._is_patient)
            publisher.settle(patient=self._is_patient)
        self._move(row["_id"], int(page.cursor))

    def _is_patient(self) -> bool:
        if self._stopping.is_set() or not self._is_ours():
            raise NotOurs
        return True

    def _move(self, name: str, position: int) -> None:
        """Write down how far it is; raises :class:`NotOurs` where a younger replica has done so."""
        older = {"_id": name, "token": {"$lte": self._token}}
        found = self._database[POSITIONS].update_one(older, {"$set": {"position": position, "token": self._token}})
        if not found.matched_count and self._database[POSITIONS].find_one({"_id": name}) is not None:
            raise NotOurs

    def _is_ours(self) -> bool:
        if monotonic() >= self._prolong_at:
            asked = monotonic()
            self._token = self._lease.acquire()
            self._prolong_at = asked + LEASE_SECONDS / 4
        return self._token is not None


def _message(name: str, row: dict[str, Any]) -> Outgoing:
    """An event as it was published, but to one integrator's exchange."""
    event_type, body = full_type(row["type"]), bytes(row["body"])
    event = orjson.loads(body)
    properties = {
        "content_type": CONTENT_TYPE,
        "delivery_mode": 2,
        "message_id": event["id"],
        "timestamp": int(read_time(event["time"]).timestamp()),
        "type": event_type,
    }
    return Outgoing(exchange_of(name), event_type, body, properties)
