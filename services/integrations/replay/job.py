"""The job that replays: one replica does it, under a lease, and another goes on where it was killed.

Events go to the integrator's own exchange, which only its queue is bound to, with the routing keys that they were
published by. So nobody else gets them, and it gets none that it has not bound.
"""

from collections import deque
from collections.abc import Callable
from threading import Event as Flag
from typing import Any

import orjson
import structlog
from amqp.exceptions import NotFound as NoSuchQueue
from pymongo.database import Database
from pymongo.errors import PyMongoError

from services.integrations.accounts.broker_account import MOST_WAITING, exchange_of, queue_of
from services.integrations.accounts.storage import scope_of
from services.integrations.domain.scope import Scope
from services.integrations.log import reading
from services.integrations.replay import storage
from shared.clock import monotonic, wall_clock
from shared.events import CONTENT_TYPE, full_type
from shared.faults import Gone
from shared.messaging.connection import LOST, connect, tend
from shared.messaging.pipelined_publisher import PipelinedPublisher
from shared.messaging.publisher import Outgoing
from shared.storage.lease import Lease
from shared.storage.mongo import is_passing

log = structlog.get_logger()

#: Real time between two looks for replays to do.
LOOK = 0.5
#: Seconds after which another replica goes on if this one shows no life any more.
LEASE_SECONDS = 10.0
#: Messages that the broker has not confirmed at most: a broker that is busy with others gets no more than these.
WINDOW = 1000
#: Events read at once.
PAGE = 1000
#: Seconds of one replay before another has its turn, and between two notes of how far it is.
TURN, NOTE = 5.0, 0.5
#: A queue that is longer than this is left alone until its owner has read: what is too much drops its oldest event.
FULL = MOST_WAITING // 2
#: Seconds between two looks at that: in so long it does not become full.
FULLNESS = 1.0
#: Says in the headers of a message which replay it is of; to whom has seen the event before it is a repetition.
HEADER = "x-speedmentor-replay"


class Stop(Exception):
    """The replay in hand is not ours any more: cancelled, taken over, or the service ends."""


class Replayer:
    """Does what there is to replay in one database, in turns; ``holder`` names this replica in the lease."""

    def __init__(
        self,
        database: Database[dict[str, Any]],
        amqp_uri: str,
        holder: str,
        allowed: Callable[[Database[dict[str, Any]], str], Scope | None] = scope_of,
    ) -> None:
        self._database = database
        self._amqp_uri = amqp_uri
        self._holder = holder
        self._allowed = allowed
        self._lease = Lease(database["leases"], "replays", holder, LEASE_SECONDS)
        self._prolonged_at = 0.0
        self._token: int | None = None
        self._stopping = Flag()

    def stop(self) -> None:
        """Have :meth:`run` end soon; what is not sent stays due."""
        self._stopping.set()

    def run(self) -> None:
        """Replay until stopped."""
        while not self._stopping.is_set():
            try:
                if not self.work():
                    self._stopping.wait(LOOK)
            except Stop:
                continue
            except (*LOST, PyMongoError) as error:
                log.warning("replay-waits", error=type(error).__name__, detail=str(error)[:300])
                self._stopping.wait(LOOK * 4)
        if self._token is not None:
            self._lease.release()

    def work(self) -> bool:
        """Give every replay that is under way its turn; whether one of them has sent anything."""
        running = storage.running(self._database)
        if not running or not self._is_ours():
            return False
        sent = 0
        with connect(self._amqp_uri, f"{self._holder} replay") as connection:
            for row in running:
                try:
                    sent += _Turn(self, connection, row).take()
                except Stop:
                    continue
                except Exception as error:
                    if isinstance(error, LOST) or is_passing(error):
                        raise
                    log.exception("replay-failed", replay=row["_id"])
                    storage.end(self._database, row["_id"], storage.FAILED, wall_clock(), type(error).__name__)
        return sent > 0

    def _is_ours(self) -> bool:
        """Whether this replica has the lease, prolonging it where that is due."""
        if self._token is None or monotonic() - self._prolonged_at > LEASE_SECONDS / 4:
            asked = monotonic()
            self._token = self._lease.acquire()
            self._prolonged_at = asked
        return self._token is not None

    def require_ours(self) -> int:
        """The fencing token; raises :class:`Stop` where nothing may be sent any more."""
        if self._stopping.is_set() or not self._is_ours() or self._token is None:
            raise Stop
        return self._token


class _Turn:
    """One replay's turn."""

    def __init__(self, replayer: Replayer, connection: Any, row: dict[str, Any]) -> None:
        self._replayer = replayer
        self._amqp = connection.connection
        self._connection = connection
        self._row = row
        self._headers = {HEADER: row["_id"]}
        #: (number of the last message of a page, the position that the page reaches, events in it)
        self._unconfirmed: deque[tuple[int, int, int]] = deque()
        #: How far the broker has confirmed all; None before the first page is.
        self._position: int | None = None
        self._sent = 0
        self._noted_at = monotonic()
        self._looked_at = -FULLNESS

    def take(self) -> int:
        """Send for a while; returns how many events were."""
        replayer, row = self._replayer, self._row
        database, name = replayer._database, row["to"]
        publisher = PipelinedPublisher(self._connection, WINDOW)
        position, ends_at, whole = row["position"], monotonic() + TURN, 0
        while position < row["until"] and monotonic() < ends_at and not self._is_full(name):
            replayer.require_ours()
            allowed = replayer._allowed(database, name)
            if allowed is None:
                raise self._ended(storage.FAILED, "integrator-removed")
            try:
                page = reading.read(database, allowed.narrowed(row["types"]), str(position), PAGE, row["until"])
            except Gone:
                # Months went while it waited: what is left is sent.
                position = int(reading.beginning(database))
                continue
            position = int(page.cursor)
            number = publisher.send([self._message(each) for each in page.rows], patient=self._is_patient)
            self._unconfirmed.append((number, position, len(page.rows)))
            whole += len(page.rows)
            self._note(publisher.confirmed)
        publisher.settle(patient=self._is_patient)
        self._note(publisher.confirmed, now=True)
        if position >= row["until"]:
            storage.end(database, row["_id"], storage.DONE, wall_clock())
            log.info("replay-done", replay=row["_id"], to=name)
        return whole

    def _message(self, row: dict[str, Any]) -> Outgoing:
        event_type, body = full_type(row["type"]), bytes(row["body"])
        properties = {
            "content_type": CONTENT_TYPE,
            "delivery_mode": 2,
            "message_id": orjson.loads(body)["id"],
            "type": event_type,
            "application_headers": self._headers,
        }
        return Outgoing(exchange_of(self._row["to"]), event_type, body, properties)

    def _is_full(self, name: str) -> bool:
        """Whether the queue has no room for what is sent until the next look.

        Raises:
            Stop: there is no queue (any more).
        """
        if monotonic() - self._looked_at < FULLNESS:
            return False
        self._looked_at = monotonic()
        try:
            with self._connection.channel() as channel:
                waiting: int = channel.queue_declare(queue_of(name), passive=True).message_count
        except NoSuchQueue:
            raise self._ended(storage.FAILED, "no-queue") from None
        return waiting > FULL

    def _is_patient(self) -> bool:
        """Whether to go on waiting for a broker that takes nothing now."""
        self._replayer.require_ours()
        tend(self._amqp)
        return True

    def _note(self, confirmed: int, now: bool = False) -> None:
        """Write down how far it is: behind what the broker has confirmed, never ahead."""
        while self._unconfirmed and self._unconfirmed[0][0] <= confirmed:
            _, self._position, count = self._unconfirmed.popleft()
            self._sent += count
        if self._position is not None and (now or monotonic() - self._noted_at > NOTE):
            token = self._replayer.require_ours()
            if not storage.proceed(self._replayer._database, self._row["_id"], token, self._position, self._sent):
                raise Stop
            self._sent, self._noted_at = 0, monotonic()

    def _ended(self, state: str, why: str) -> Stop:
        storage.end(self._replayer._database, self._row["_id"], state, wall_clock(), why)
        log.warning("replay-ended", replay=self._row["_id"], why=why)
        return Stop()
