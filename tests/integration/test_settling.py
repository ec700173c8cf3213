"""Writing down what has rung, on the real database and without the process around it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from services.session_timer import store
from services.session_timer.domain.claims import Claim
from services.session_timer.domain.scheduling import schedule
from services.session_timer.domain.session import Session
from services.session_timer.ringing.settling import Settler
from services.session_timer.ringing.shard_state import ClaimBatch, ClaimedSession
from services.session_timer.store import Sessions, shard_name, shard_of, stored_session
from shared.events import encode, write_time
from shared.events.times import to_milliseconds
from shared.faults import Stale
from shared.ids import new_id
from shared.storage.unit_of_work import Transaction, UnitOfWork
from shared.trace import Trace

pytestmark = pytest.mark.integration


@pytest.fixture
def unit_of_work(own_unit_of_work: Callable[..., UnitOfWork]) -> UnitOfWork:
    return own_unit_of_work("session_timer", store.prepare)


@dataclass
class Ringing:
    """A session whose first round begins now, on a shard that somebody claims."""

    work: UnitOfWork
    session_id: str

    @property
    def shard(self) -> dict[str, Any]:
        """The document of the shard."""
        found = self.work.database["shards"].find_one({"_id": shard_name(shard_of(self.session_id))})
        assert found is not None
        return found

    def claim(self, ago: timedelta = timedelta()) -> Claim:
        """Claim what is due by now; or what was then, as somebody did who has left it."""
        then = to_milliseconds(self.work.clock.now() - ago)
        claim = Claim(self.shard["claimed"] + 1, then, then)
        self.work.database["shards"].update_one(
            {"_id": self.shard["_id"]},
            {
                "$set": {"claimed": claim.number},
                "$push": {"claims": {"number": claim.number, "since": claim.since, "through": claim.through}},
            },
        )
        return claim

    def batch(self, claim: Claim, sent: bool = True) -> ClaimBatch:
        """What a replica that reads the session now takes the claim to ring; ``sent`` straight, or by the outbox."""
        stored = stored_session(self.work.database["sessions"].find_one({"_id": self.session_id}))  # type: ignore[arg-type]
        ordinal = self.work.outbox.places([self.session_id])[self.session_id].ordinal
        after, events = stored.after(claim, ordinal)
        assert events
        batch = ClaimBatch(stored.shard, claim)
        batch.add(ClaimedSession(stored, ordinal, after, sent))
        return batch

    def recorded(self) -> list[str]:
        """The types of what is in the outbox, in order."""
        return [each["type"].split(".")[2] for each in self.work.database["outbox"].find(sort=[("position", 1)])]


def begun(work: UnitOfWork, since: timedelta = timedelta(), **more: Any) -> Ringing:
    """A session of two rounds of a minute, the first of which began so long ago, and nobody has rung for it."""
    session, events = schedule(
        session_id=new_id(),
        program_id=new_id(),
        site_id="jkt",
        plan_id=new_id(),
        org="acme",
        time_zone="Asia/Jakarta",
        starts_at=write_time(work.clock.now() - since),
        rounds=2,
        round_seconds=60,
        break_seconds=30,
        warning_seconds=[],
        now=work.clock.now() - timedelta(hours=1),
        **more,
    )

    def add(transaction: Transaction) -> None:
        Sessions(transaction, work.outbox, Trace.start(), work.clock).add([session])
        transaction.publish(*events)

    work.transact(add)
    return Ringing(work, session.session_id)


@pytest.fixture
def ringing(unit_of_work: UnitOfWork) -> Ringing:
    return begun(unit_of_work)


@pytest.fixture
def left(unit_of_work: UnitOfWork) -> Ringing:
    """One that waits for its organizer after an outage, and is in its second round when the timer is back."""
    return begun(unit_of_work, timedelta(seconds=100), on_outage="hold")


def test_a_claim_that_a_replica_has_in_two_batches_is_written_down_once(
    ringing: Ringing, eventually: Callable[..., Any]
) -> None:
    """It reads its own claim anew when claiming took so long that another replica might have it."""
    claim = ringing.claim()
    settler = Settler(ringing.work, lambda: None, lambda: 0)
    with settling(settler, ringing.batch(claim), ringing.batch(claim)):
        eventually(lambda: not ringing.shard["claims"], 10, "the claim is taken off")
    assert ringing.recorded() == ["session-scheduled", "round-started"]
    row = ringing.work.database["sessions"].find_one({"_id": ringing.session_id})
    assert row is not None
    assert row["heard"] == claim.number


def test_a_bell_that_goes_by_the_outbox_does_not_wait_until_no_other_rings(
    ringing: Ringing, eventually: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.session_timer.ringing.settling.PATIENCE", 3600)
    always = Settler(ringing.work, seconds_to_bell=lambda: 0.0, in_flight=lambda: 1)
    with settling(always, ringing.batch(ringing.claim(), sent=False)):
        eventually(lambda: ringing.recorded() == ["session-scheduled", "round-started"], 10, "it is in the outbox")


HELD = ["session-scheduled", "round-started", "round-ended", "round-started", "session-paused"]


def test_that_a_session_waits_after_an_outage_is_written_down_with_its_bells(
    left: Ringing, eventually: Callable[..., Any]
) -> None:
    claim = left.claim()
    batch = left.batch(claim)
    settler = Settler(left.work, lambda: None, lambda: 0)
    with settling(settler, batch):
        eventually(lambda: not left.shard["claims"], what="the claim is taken off")
    assert left.recorded() == HELD
    row = left.work.database["sessions"].find_one({"_id": left.session_id})
    assert row is not None
    assert (row["held"], row["paused_at"], row["revision"]) == (True, claim.since, 2)
    # Whoever takes over before the claim was taken off finds nothing else.
    assert stored_session(row).after(claim, len(HELD))[1] == []


def test_a_command_finds_that_a_session_waits_before_its_late_bells_are_settled(left: Ringing) -> None:
    claim = left.claim()

    def command(transaction: Transaction, revision: int) -> Session:
        sessions = Sessions(transaction, left.work.outbox, Trace.start(), left.work.clock)
        return sessions.change(left.session_id, lambda session, now: session.resume(now, revision))

    with pytest.raises(Stale) as stale:
        left.work.transact(lambda transaction: command(transaction, 1))
    assert stale.value.current["held"]
    resumed = left.work.transact(lambda transaction: command(transaction, 2))
    assert (resumed.held, resumed.revision) == (False, 3)
    assert resumed.slots[1].paused >= timedelta()
    assert left.recorded() == [*HELD, "session-resumed"]
    # What was claimed is in the session by now, so settling it adds nothing.
    assert stored_session(left.work.database["sessions"].find_one({"_id": left.session_id})).after(claim, 9)[1] == []


def test_a_command_takes_what_was_claimed_long_before_to_the_letter(
    unit_of_work: UnitOfWork, eventually: Callable[..., Any]
) -> None:
    """Whoever claimed it may have sent it, or it may still be on its way to the bus."""
    ago = timedelta(seconds=55)
    session = begun(unit_of_work, ago)
    batch = session.batch(session.claim(ago))
    (claimed,) = batch.sessions
    (rung,) = claimed.before.after(batch.claim, claimed.ordinal)[1]

    def pause(transaction: Transaction) -> Session:
        sessions = Sessions(transaction, unit_of_work.outbox, Trace.start(), unit_of_work.clock)
        return sessions.change(session.session_id, lambda session, now: session.pause(now))

    unit_of_work.transact(pause)
    row = unit_of_work.database["outbox"].find_one({"_id": rung.id})
    assert row is not None
    assert bytes(row["body"]) == encode(rung)
    # And so does who settles it after that: nothing of it is there twice.
    with settling(Settler(unit_of_work, lambda: None, lambda: 0), batch):
        eventually(lambda: not session.shard["claims"], what="the claim is taken off")
    assert session.recorded() == ["session-scheduled", "round-started", "session-paused"]


@contextmanager
def settling(settler: Settler, *batches: ClaimBatch) -> Iterator[None]:
    """Have the batches, all of which is sent and confirmed, settled."""
    for batch in batches:
        settler.add(batch)
        settler.confirm_one(batch)
    stopping = threading.Event()
    thread = threading.Thread(target=settler.run, args=(stopping,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        settler.wake()
        thread.join()
