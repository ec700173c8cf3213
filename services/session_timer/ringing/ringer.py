"""The loop that takes a replica's bells through all stages, and what runs beside it."""

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from datetime import datetime
from itertools import repeat
from threading import Event as Flag
from typing import Any

import eventlet
import structlog
from pymongo.errors import PyMongoError

from services.session_timer.leases.abandoned_transactions import AbandonedTransactions
from services.session_timer.leases.shard_leases import LOOK_SECONDS, ShardLeases
from services.session_timer.publishing.amqp_frames import FrameEncoder
from services.session_timer.publishing.channel_pool import CHANNELS, ChannelPool
from services.session_timer.publishing.confirm_channel import PROBE_SECONDS, SILENCE_SECONDS, ConfirmChannel
from services.session_timer.ringing.claiming import Claimer
from services.session_timer.ringing.dispatching import Dispatcher
from services.session_timer.ringing.loading import ShardLoader
from services.session_timer.ringing.preparing import Preparer
from services.session_timer.ringing.settling import Settler
from services.session_timer.ringing.shard_state import ClaimBatch, ShardState, earliest
from shared.clock import event_time, monotonic
from shared.events.times import to_milliseconds
from shared.messaging.connection import LOST, backoff, connect
from shared.messaging.topology import declare
from shared.steady_clock import SteadyClock
from shared.storage.unit_of_work import UnitOfWork

log = structlog.get_logger()

PREPARE_AHEAD = 10.0
"""Real seconds before its instant in which a bell's frames are made."""
LEAD = 0.2
"""Real seconds before its instant at which a bell is claimed at the latest: as long as a claim may take."""
LEAD_EACH = 0.0004
"""Real seconds more for each bell that rings with it: as long as it takes to hand one over."""
LONGEST_LEAD = 2.0
"""Real seconds before its instant at which a bell is claimed at the earliest: a command waits for what is claimed."""
MOMENT = 0.2
"""Real seconds of further bells that a claim takes along."""
PROBE_AHEAD = 1.0
"""Real seconds before a claim from which on probes tell whether the broker takes messages."""
HELD_BACK_LOOK = 0.02
"""Real seconds after which it is looked whether the broker takes messages again."""
LONGEST_WAIT = PROBE_SECONDS
"""Real seconds after which a waiting ringer looks whether anything is to be prepared, loaded or probed."""
MOST_PREPARED = 10
"""Sessions prepared before others in the process get their turn."""


class Ringer:
    """Rings for one replica until stopped. :meth:`threads` are what it needs a thread each for."""

    def __init__(self, unit_of_work: UnitOfWork, clock: SteadyClock, amqp_uri: str, holder: str) -> None:
        self._database = unit_of_work.database
        self._amqp_uri = amqp_uri
        self._holder = holder
        self._clock = clock
        self._leases = ShardLeases(self._database, holder, clock.witnessed)
        self._states: dict[int, ShardState] = {}
        self._channels: ChannelPool | None = None
        self._dispatcher = Dispatcher(self._clock, self._confirm_one, self._reload_all)
        self._settler = Settler(unit_of_work, self._dispatcher.real_seconds_left, self._in_flight)
        self._preparer = Preparer(unit_of_work.outbox, self._dispatcher)
        self._loader = ShardLoader(self._database, unit_of_work.outbox, clock, self._preparer, self._settler)
        self._claimer = Claimer(self._database, holder)
        self._wake = Flag()
        self._stopping = Flag()
        #: Since when bells are held back because the broker does not take them (monotonic), and whether that was said.
        self._held_back_at: float | None = None
        self._held_back_told = False
        self.ended = Flag()

    @property
    def works(self) -> bool:
        """Whether the broker is reached."""
        return self._channels is not None

    def threads(self) -> Iterable[Any]:
        """What runs beside each other."""
        return (self.run, self.keep_leases, self.watch_changes, self.settle, self.end_abandoned)

    def end_abandoned(self) -> None:
        """End what killed or stopped replicas have begun and left, until stopped."""
        AbandonedTransactions(self._database, self._holder).run(self._stopping)

    def settle(self) -> None:
        """Write down what has rung, until stopped."""
        self._settler.run(self._stopping)

    def stop(self) -> None:
        """Ask all threads to end; what has been claimed is rung and settled by whoever comes next."""
        self._stopping.set()
        self._wake.set()
        self._settler.wake()

    # Holding shards

    def keep_leases(self) -> None:
        """Keep a fair share of the shards until stopped."""
        while not self._stopping.is_set():
            try:
                self._leases.turn()
                self._follow_leases()
            except PyMongoError as error:
                log.warning("shards-unreachable", error=type(error).__name__, detail=str(error)[:300])
            self._stopping.wait(LOOK_SECONDS)
        self._states.clear()
        with suppress(PyMongoError):
            self._leases.release_all()

    def _follow_leases(self) -> None:
        for shard in list(self._states):
            lease = self._leases.by_shard.get(shard)
            if lease is None or lease.token != self._states[shard].lease.token:
                log.info("shard-left", shard=shard)
                del self._states[shard]
        for shard, lease in self._leases.by_shard.items():
            state = self._states.get(shard)
            if state is None:
                log.info("shard-taken", shard=shard, token=lease.token)
                self._states[shard] = ShardState(lease)
                self._wake.set()
            else:
                state.lease = lease

    # Hearing of changes

    def watch_changes(self) -> None:
        """Hear of changes that other transactions make in the shards, until stopped."""
        waits = backoff()
        pipeline = [{"$match": {"updateDescription.updatedFields.changes": {"$exists": True}}}]
        while not self._stopping.is_set():
            try:
                with self._database["shards"].watch(pipeline, max_await_time_ms=500) as changes:
                    waits = backoff()
                    for state in self._states.values():
                        state.stale = True
                    while not self._stopping.is_set():
                        change = changes.try_next()
                        if change is not None:
                            self._mark_stale(change["documentKey"]["_id"])
            except PyMongoError as error:
                pause = next(waits)
                log.warning("watch-interrupted", error=type(error).__name__, detail=str(error)[:300], retry_in=pause)
                self._stopping.wait(pause)

    def _mark_stale(self, name: str) -> None:
        state = self._states.get(int(name.removeprefix("shard-")))
        if state is not None:
            state.stale = True
            self._wake.set()

    # Ringing

    def run(self) -> None:
        """Ring until stopped, through losses of broker and database."""
        waits = backoff()
        while not self._stopping.is_set():
            try:
                with ExitStack() as open_connections:
                    names = [f"{self._holder} bells {number}" for number in range(1, CHANNELS + 1)]
                    connections = [open_connections.enter_context(connect(self._amqp_uri, name)) for name in names]
                    declare(connections[0])
                    self._channels = ChannelPool(
                        [ConfirmChannel(connection, self._confirm_one) for connection in connections]
                    )
                    waits = backoff()
                    self._reload_all()
                    self._run_on(self._channels)
            except (*LOST, PyMongoError) as error:
                pause = next(waits)
                log.warning("ringing-interrupted", error=type(error).__name__, detail=str(error)[:300], retry_in=pause)
                self._stopping.wait(pause)
            finally:
                self._channels = None
        self.ended.set()

    def _run_on(self, channels: ChannelPool) -> None:
        helpers = [eventlet.spawn(self._listen, channel) for channel in channels.all]
        helpers.append(eventlet.spawn(self._dispatcher.run, channels, self._stopping))
        try:
            while not self._stopping.is_set():
                for helper in helpers:
                    if helper.dead:
                        helper.wait()
                self._turn(channels)
        finally:
            for helper in helpers:
                helper.kill()

    def _turn(self, channels: ChannelPool) -> None:
        """Load what has changed, claim what comes next, and prepare what comes after; or wait."""
        encoder = channels.encoder
        self._wake.clear()
        outdated = [state for state in self._states.values() if self._loader.needs_loading(state)]
        # All at once: after a takeover every round trip counts.
        for _ in eventlet.GreenPool(len(outdated) or 1).imap(self._load, outdated, repeat(encoder)):
            pass
        now = self._clock.now()
        next_at = earliest(state.next_at() for state in self._states.values())
        wait = LONGEST_WAIT
        lead = LEAD
        if next_at is not None:
            lead = self._lead(next_at)
            wait = self._clock.real_seconds((next_at - now).total_seconds()) - lead
            if wait < PROBE_AHEAD:
                channels.probe()
        if wait <= 0 and self._claim_due(channels, now, lead):
            return
        if not self._prepare_soon(encoder, now):
            self._wake.wait(min(wait, LONGEST_WAIT) if wait > 0 else HELD_BACK_LOOK)

    def _load(self, state: ShardState, encoder: FrameEncoder) -> None:
        if not self._loader.load(state, encoder) and self._states.get(state.lease.shard) is state:
            del self._states[state.lease.shard]
            self._leases.by_shard.pop(state.lease.shard, None)

    def _listen(self, channel: ConfirmChannel) -> None:
        while not self._stopping.is_set():
            channel.listen(1.0)

    def _in_flight(self) -> int:
        return self._channels.in_flight if self._channels is not None else 0

    def _reload_all(self) -> None:
        """After a loss: load everything anew, and with it what was claimed and perhaps not sent."""
        self._dispatcher.clear()
        self._settler.clear()
        for shard, state in list(self._states.items()):
            self._states[shard] = ShardState(state.lease)
        self._wake.set()

    def _confirm_one(self, batch: ClaimBatch) -> None:
        self._settler.confirm_one(batch)

    # Preparing and claiming

    def _prepare_soon(self, encoder: FrameEncoder, now: datetime) -> bool:
        """Prepare what rings soon, a few sessions at a time; whether there were any."""
        limit = now + event_time(self._clock, PREPARE_AHEAD)
        count = 0
        for state in self._states.values():
            while count < MOST_PREPARED and (prepared := state.take_unprepared(limit)) is not None:
                self._preparer.prepare(encoder, prepared)
                count += 1
        eventlet.sleep(0)
        return count > 0

    def _lead(self, next_at: datetime) -> float:
        """How long before the next bell all that rings with it has to be claimed, to be ready at the instant."""
        by = next_at + event_time(self._clock, MOMENT)
        together = sum(state.count_due(by) for state in self._states.values())
        return min(LEAD + together * LEAD_EACH, LONGEST_LEAD)

    def _claim_due(self, channels: ChannelPool, now: datetime, lead: float) -> bool:
        """Claim what rings in the next moment in all shards held here, and have it sent at its instants.

        What is claimed says when that was, whenever it is taken. So what the broker would not take now stays unclaimed,
        and says afterwards how late it is.

        Returns:
            Whether anything was to be claimed.
        """
        since = to_milliseconds(now)
        through = since + event_time(self._clock, lead + MOMENT)
        due = [state for state in self._states.values() if (at := state.next_at()) is not None and at <= through]
        taken = [state for state in due if channels.takes(state.lease.shard)]
        self._note_held_back(len(due) - len(taken))
        for state, claim in self._claimer.claim(taken, since, through) if taken else ():
            if self._states.get(state.lease.shard) is not state:
                continue
            if claim is None:
                self._states[state.lease.shard] = ShardState(state.lease)
                continue
            batch = ClaimBatch(state.lease.shard, claim)
            self._settler.add(batch)
            self._preparer.dispatch(channels.encoder, state, batch)
            self._confirm_one(batch)
            eventlet.sleep(0)
        return bool(taken)

    def _note_held_back(self, shards: int) -> None:
        """Say when bells of so many shards are held back for longer than a moment, and when they go on."""
        if not shards:
            if self._held_back_told and self._held_back_at is not None:
                log.info("bells-go-on", seconds=round(monotonic() - self._held_back_at, 1))
            self._held_back_at, self._held_back_told = None, False
        elif self._held_back_at is None:
            self._held_back_at = monotonic()
        elif not self._held_back_told and monotonic() - self._held_back_at > SILENCE_SECONDS:
            self._held_back_told = True
            log.warning("bells-held-back", shards=shards, reason="the broker does not take messages")
