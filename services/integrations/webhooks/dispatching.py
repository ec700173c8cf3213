"""Sending for one endpoint: takes its events from the log, has them sent side by side, and writes what came of it.

One replica does this for an endpoint at a time. Of a subject one event is on its way at a time, and one that fails
holds back those after it; other subjects go on. All that is known is in the database, so a replica that dies leaves
nothing but requests that are made again.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Event as Flag
from threading import Thread
from typing import Any, Final

import structlog
from pymongo.errors import PyMongoError

from services.integrations.domain import signing
from services.integrations.domain.retrying import Outcome, Reason
from services.integrations.domain.scope import Scope
from services.integrations.log import reading
from services.integrations.webhooks import deliveries, endpoints, figures
from services.integrations.webhooks.requesting import Client
from services.integrations.webhooks.sealing import Seal
from services.integrations.webhooks.settling import Ended, TakenOver, settle, tell
from shared.clock import monotonic
from shared.faults import Gone
from shared.messaging.connection import backoff
from shared.storage.mongo import is_passing
from shared.storage.unit_of_work import Transaction, UnitOfWork

log = structlog.get_logger()

#: Requests of one endpoint at a time, each of another subject.
AT_ONCE: Final = 8
#: Events that an endpoint may have taken from the log and not got; further ones wait in the log.
MOST_PENDING: Final = 10_000
#: Rows taken from the log in one transaction.
TAKEN: Final = 100
#: Positions that the place in the log may be ahead of what is stored, where nothing in between was for the endpoint.
UNSAVED: Final = 1_000
#: Real seconds that requests on their way may take when no more are begun.
FINISHING: Final = 2.0

#: What an integrator may hear, None if there is no such integrator.
ScopeOf = Callable[[Any, str], Scope | None]
HEADERS: Final = {"Content-Type": "application/cloudevents+json; charset=utf-8", "User-Agent": "speedmentor-webhooks/1"}


@dataclass(frozen=True)
class Means:
    """What all endpoints of a replica are served with. ``now`` is the real time, ``chance`` a number from 0 to 1."""

    unit_of_work: UnitOfWork
    client: Client
    seal: Seal
    scope_of: ScopeOf
    now: Callable[[], datetime]
    chance: Callable[[], float]


class Dispatcher:
    """Sends for the endpoint ``endpoint_id`` under the fencing ``token``; ``is_held``: may a request begin now?"""

    def __init__(self, means: Means, endpoint_id: str, token: int, is_held: Callable[[], bool]) -> None:
        self.endpoint_id = endpoint_id
        self.revision = -1
        #: How far the log has been looked through.
        self.position = -1
        self._means = means
        self._database = means.unit_of_work.database
        self._token = token
        self._is_held = is_held
        self._in_flight: dict[str, dict[str, Any]] = {}
        self._ended: deque[Ended] = deque()
        self._awake = Flag()
        self._over = False
        #: Set when nothing more is begun or written here.
        self.stopped = Flag()

    def wake(self) -> None:
        """There may be something to do."""
        self._awake.set()

    def stop(self) -> None:
        """Begin nothing more; what does not end within moments is made again by whoever comes after."""
        self._over = True
        self._awake.set()

    def run(self) -> None:
        """Serve the endpoint until stopped or taken over."""
        pauses = iter(backoff())
        while not self._over:
            self._awake.wait()
            self._awake.clear()
            try:
                self.step()
                pauses = iter(backoff())
            except TakenOver:
                break
            except Exception as error:
                if not is_passing(error):
                    log.exception("webhook-sending-error", endpoint=self.endpoint_id)
                self._awake.set()
                pause = Flag()
                pause.wait(next(pauses))
        self._over = True
        self._finish()
        self.stopped.set()

    def step(self) -> None:
        """Write what has ended, take what is new, and begin what is due.

        Raises:
            TakenOver: another replica serves the endpoint, or it is gone.
        """
        self._settle()
        endpoint = endpoints.find(self._database, self.endpoint_id)
        if endpoint is None or endpoint["token"] != self._token:
            raise TakenOver
        self.revision = endpoint["revision"]
        self.position = max(self.position, endpoint["position"])
        standing, now = endpoints.standing_of(endpoint), self._means.now()
        scope = self._scope(endpoint) if endpoint["state"] == endpoints.ACTIVE else None
        if scope is None and endpoint["state"] == endpoints.ACTIVE:
            self._disable(endpoint, Reason.NO_INTEGRATOR)
            return
        free = max((1 if standing.is_probed else AT_ONCE) - len(self._in_flight), 0)
        goes = scope is not None and not standing.rests(now)
        if scope is not None and goes and free > 0:
            self._take(endpoint, scope)
        # A test event is for finding out whether it works again, so it goes in any case.
        most = free if goes else AT_ONCE
        for row in deliveries.due(self._database, self.endpoint_id, now, most, self._in_flight, tests=not goes):
            self._begin(endpoint, scope, row)

    def _finish(self) -> None:
        """Write what still ends in the next moments, so that it is not sent again."""
        ends_at = monotonic() + FINISHING
        while self._in_flight and monotonic() < ends_at:
            self._awake.wait(0.1)
            self._awake.clear()
            try:
                self._settle()
            except (TakenOver, PyMongoError):
                return

    def _settle(self) -> None:
        ended = []
        while self._ended:
            ended.append(self._ended.popleft())
        if not ended:
            return
        means = self._means
        try:
            told = means.unit_of_work.transact(
                lambda transaction: settle(transaction, self.endpoint_id, self._token, ended, means.chance)
            )
        except BaseException:
            # Those not written stay on their way until they are, or until another makes them again.
            self._ended.extendleft(reversed(ended))
            raise
        for each in ended:
            self._in_flight.pop(each.row["_id"], None)
        if told and (endpoint := endpoints.find(self._database, self.endpoint_id)):
            tell(endpoint, told)
        # There is room for others, and for the next of each subject.
        self._awake.set()

    def _scope(self, endpoint: Mapping[str, Any]) -> Scope | None:
        own = self._means.scope_of(self._database, endpoint["integrator"])
        if own is None:
            return None
        programs = tuple(endpoint["programs"]) if endpoint["programs"] else None
        return Scope(tuple(endpoint["types"]) or ("#",), programs, endpoint["org"], own)

    def _take(self, endpoint: Mapping[str, Any], scope: Scope) -> None:
        waiting = deliveries.due(self._database, self.endpoint_id, self._means.now(), AT_ONCE, self._in_flight)
        if len(waiting) >= AT_ONCE or endpoint["pending"] >= MOST_PENDING:
            return
        try:
            page = reading.read(self._database, scope, str(self.position), TAKEN)
        except Gone:
            self._jump(int(reading.beginning(self._database)))
            return
        position = int(page.cursor)
        if page.rows or position - endpoint["position"] >= UNSAVED:
            self._means.unit_of_work.transact(lambda transaction: self._add(transaction, page.rows, position))
        self.position = position
        if page.more:
            self._awake.set()

    def _add(self, transaction: Transaction, rows: list[dict[str, Any]], position: int) -> None:
        endpoint = endpoints.hold(transaction, self.endpoint_id, self._token)
        if endpoint is None:
            raise TakenOver
        if endpoint["state"] != endpoints.ACTIVE or endpoint["position"] >= position:
            # Disabled, or set on by hand, since the log was read.
            return
        new = [row for row in rows if row["_id"] > endpoint["position"]]
        if new:
            deliveries.add(transaction, self.endpoint_id, new, self._means.now())
        changes = {"position": position, "pending": endpoint["pending"] + len(new)}
        endpoints.save(transaction, self.endpoint_id, changes)

    def _jump(self, position: int) -> None:
        """Go on with the oldest event that is kept, and say that those before it are missing."""

        def jump(transaction: Transaction) -> None:
            endpoint = endpoints.hold(transaction, self.endpoint_id, self._token)
            if endpoint is None:
                raise TakenOver
            gap = {"at": self._means.now(), "after": endpoint["position"], "until": position}
            endpoints.save(transaction, self.endpoint_id, {"position": position, "gap": gap})

        self._means.unit_of_work.transact(jump)
        log.warning("webhook-gap", endpoint=self.endpoint_id, after=self.position, until=position)
        self.position = position
        self._awake.set()

    def _disable(self, endpoint: Mapping[str, Any], reason: Reason) -> None:
        def disable(transaction: Transaction) -> None:
            if endpoints.hold(transaction, self.endpoint_id, self._token) is None:
                raise TakenOver
            endpoints.save(transaction, self.endpoint_id, endpoints.disabled(reason, self._means.now()))

        self._means.unit_of_work.transact(disable)
        tell(dict(endpoint), [("webhook-disabled", str(reason))])

    def _begin(self, endpoint: Mapping[str, Any], scope: Scope | None, row: dict[str, Any]) -> None:
        if self._over or not self._is_held():
            # Whoever takes over begins when this replica cannot have a request on its way any more.
            return
        body = row.get("body") if deliveries.is_test(row) else self._body(scope, row["position"])
        self._in_flight[row["_id"]] = row
        if body is None:
            figures.NOT_KEPT.inc()
            self._end(row, None)
            return
        secrets = self._means.seal.opened(endpoint["secrets"])
        sending = Thread(
            target=self._send, args=(row, endpoint["url"], secrets, bytes(body)), name="webhook", daemon=True
        )
        sending.start()

    def _body(self, scope: Scope | None, position: int) -> bytes | None:
        """What was published, as it is in the log now; None if it is not kept, or not for this endpoint, any more."""
        if scope is None:
            return None
        try:
            page = reading.read(self._database, scope, str(position - 1), 1)
        except Gone:
            return None
        return page.rows[0]["body"] if page.rows and page.rows[0]["_id"] == position else None

    def _send(self, row: dict[str, Any], url: str, secrets: tuple[signing.Secret, ...], body: bytes) -> None:
        try:
            outcome = self._request(row["event"], url, secrets, body)
        except Exception:
            # A fault of ours must not hold up the subject unseen: it counts as a failure, and is said.
            log.exception("webhook-request-error", endpoint=self.endpoint_id)
            outcome = Outcome(None, "internal")
        figures.ATTEMPTS.labels(outcome.failure or outcome.verdict).inc()
        figures.SECONDS.observe(outcome.seconds)
        self._end(row, outcome)

    def _request(self, event_id: str, url: str, secrets: tuple[signing.Secret, ...], body: bytes) -> Outcome:
        now = self._means.now()
        if not signing.valid(secrets, now):
            # The key by which it was kept is gone; nothing goes out unsigned.
            return Outcome(None, "secret")
        signed = signing.headers(secrets, event_id, now, body)
        return self._means.client.post(url, {**HEADERS, **signed}, body)

    def _end(self, row: dict[str, Any], outcome: Outcome | None) -> None:
        self._ended.append(Ended(row, outcome, self._means.now()))
        self._awake.set()
