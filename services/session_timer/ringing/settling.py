"""Writes down what has rung: sessions and outbox are brought up to what the claims say, and the claims taken off.

Nobody waits for this, so it stands back while bells are about to be sent or on their way; unless bells are among it
that go on the bus only by it, because events of their sessions wait in the outbox.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event as Flag

import eventlet
import structlog
from pymongo.errors import PyMongoError

from services.session_timer.ringing.shard_state import ClaimBatch, ClaimedSession
from services.session_timer.store import settled, shard_name
from shared.events import Event
from shared.storage.unit_of_work import Transaction, UnitOfWork

log = structlog.get_logger()

CHUNK = 250
"""Sessions settled in one transaction."""
STAND_BACK = 0.05
"""Real seconds before a bell in which nothing is begun that could make it late."""
PATIENCE = 2.0
"""Real seconds for which settling stands back at most."""


class Settler:
    """Settles the batches of this replica, those of a shard in the order of their claims."""

    def __init__(
        self, unit_of_work: UnitOfWork, seconds_to_bell: Callable[[], float | None], in_flight: Callable[[], int]
    ) -> None:
        self._work = unit_of_work
        self._outbox = unit_of_work.outbox
        self._seconds_to_bell = seconds_to_bell
        self._in_flight = in_flight
        self._batches: dict[int, deque[ClaimBatch]] = {}
        self._there = Flag()

    def add(self, batch: ClaimBatch) -> None:
        """Expect a batch; it is settled when it is confirmed."""
        self._batches.setdefault(batch.shard, deque()).append(batch)

    def confirm_one(self, batch: ClaimBatch) -> None:
        """One event of the batch fewer is waited for."""
        if batch.confirm_one():
            self._there.set()

    def clear(self) -> None:
        """Forget all; what is claimed and not settled is loaded from the database again."""
        self._batches.clear()

    def wake(self) -> None:
        """Have the loop look whether it is to end."""
        self._there.set()

    def run(self, stopping: Flag) -> None:
        """Settle until stopped."""
        while not stopping.is_set():
            self._there.wait(1.0)
            self._there.clear()
            for shard, batches in list(self._batches.items()):
                self._stand_back(batches, stopping)
                done = list(_confirmed(batches))
                if not done or stopping.is_set():
                    continue
                try:
                    self._settle(done)
                except PyMongoError as error:
                    log.warning(
                        "settling-interrupted", shard=shard, error=type(error).__name__, detail=str(error)[:300]
                    )
                    stopping.wait(0.2)
                    self._there.set()
                    continue
                while batches and batches[0] in done:
                    batches.popleft()

    def _stand_back(self, batches: deque[ClaimBatch], stopping: Flag) -> None:
        while batches and (at := batches[0].confirmed_at) is not None and not stopping.is_set():
            seconds = self._seconds_to_bell()
            # What is sent and not confirmed keeps the broker busy, on cores that settling would take from it.
            at_rest = (seconds is None or seconds > STAND_BACK) and not self._in_flight()
            if at_rest or self._is_waited_for() or time.monotonic() - at > PATIENCE:
                return
            eventlet.sleep(0.02)

    def _is_waited_for(self) -> bool:
        return any(batch.queued for batches in self._batches.values() for batch in _confirmed(batches))

    def _settle(self, batches: list[ClaimBatch]) -> None:
        claimed = [(batch, each) for batch in batches for each in batch.sessions]
        for start in range(0, len(claimed), CHUNK):
            self._work.transact(partial(self._write_down, claimed[start : start + CHUNK]))
        for batch in batches:
            batch.settled_to = self._written_to(batch)
        last = batches[-1]
        self._work.database["shards"].update_one(
            {"_id": shard_name(last.shard)}, {"$pull": {"claims": {"number": {"$lte": last.claim.number}}}}
        )

    def _written_to(self, batch: ClaimBatch) -> int:
        """The position in the outbox of the last event of those sessions that rang through it.

        Asked for, not computed from the time: positions go by the clock of whichever replica wrote them.
        """
        queued = [each.after.session.session_id for each in batch.sessions if not each.sent]
        return max((place.position for place in self._outbox.places(queued).values()), default=0) if queued else 0

    def _write_down(self, part: list[tuple[ClaimBatch, ClaimedSession]], tx: Transaction) -> None:
        """Any replica may do this, and twice: all of it follows from the claims."""
        ids = list({each.after.session.session_id for _, each in part})
        applied = {row["_id"]: row["heard"] for row in tx["sessions"].find({"_id": {"$in": ids}}, {"heard": 1})}
        fresh = []
        for batch, each in part:
            session_id = each.after.session.session_id
            # A claim may be here twice: this replica loads it anew after it took so long that others may have it.
            if applied.get(session_id, each.after.applied_claims) < each.after.applied_claims:
                applied[session_id] = each.after.applied_claims
                fresh.append((batch, each))
        for sent in (True, False):
            self._outbox.record(tx.session, list(_events(fresh, sent)), sent=sent)
        if fresh:
            latest = {each.after.session.session_id: each.after for _, each in fresh}
            tx["sessions"].bulk_write([settled(stored) for stored in latest.values()], ordered=False)


def _confirmed(batches: deque[ClaimBatch]) -> Iterator[ClaimBatch]:
    for batch in batches:
        if batch.confirmed_at is None:
            return
        yield batch


def _events(claimed: list[tuple[ClaimBatch, ClaimedSession]], sent: bool) -> Iterator[Event]:
    for number, (batch, each) in enumerate(claimed):
        if number % 20 == 0:
            # Working out thousands of events takes long; a bell may be due meanwhile.
            eventlet.sleep(0)
        if each.sent is sent:
            yield from each.before.after(batch.claim, each.ordinal)[1]
