"""The pairing job: forms the pairs of the programs that ask for it, one program at a time.

As in the planning job, what is read in one transaction is written in another, and only if it was still asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from services.matching.domain.final_pairs import (
    FormedPair,
    PairingFacts,
    Ranking,
    Terms,
    asked_for,
    events_of,
    met,
    pairs_in,
)
from services.matching.domain.groups import Seat, groups_of
from services.matching.domain.roster import MENTEE, MENTOR, Card
from services.matching.jobs.leasing import LEASE_SECONDS, failing_alone, keeping_lease
from services.matching.solver.parent import SolverFailed
from services.matching.solver.pool import Pool
from services.matching.storage import meetings, pairings, programs, roster
from shared.clock import monotonic
from shared.messages import say
from shared.storage.lease import Lease
from shared.storage.unit_of_work import Transaction, UnitOfWork

log = structlog.get_logger()

#: Seconds that placing those left over may take for one group of sites where no proof is in sight,
TIME_LIMIT = 20.0
#: and for all groups of a program,
PAIRING_SECONDS = 60.0
#: of which each gets so much at least.
LEAST_SECONDS = 1.0


@dataclass(frozen=True)
class PairingSnapshot:
    """What the pairs are formed from, as of one moment."""

    program: Mapping[str, Any]
    pairing: Mapping[str, Any]
    groups: tuple[tuple[str, ...], ...]
    cards: tuple[Card, ...]
    seats: tuple[Seat, ...]
    rankings: Mapping[str, Ranking]

    @property
    def terms(self) -> Terms:
        """How they are to be formed."""
        return Terms(**self.pairing["asked"])

    @property
    def begun(self) -> Mapping[str, int]:
        """Rounds begun by site."""
        begun: Mapping[str, int] = self.program.get("begun", {})
        return begun


class PairingJob:
    """Forms the pairs of the programs of one database with the processes of ``pool``."""

    def __init__(self, unit_of_work: UnitOfWork, pool: Pool, holder: str) -> None:
        self._unit_of_work = unit_of_work
        self._pool = pool
        self._holder = holder
        #: Which request for the pairs of the program in hand is being worked on.
        self._request: int | None = None

    def work(self) -> None:
        """Form the pairs that are due and that no other replica forms.

        Raises:
            Stopped: no more pairs are formed here; what was in hand stays due.
        """
        database = self._unit_of_work.database
        for program_id in pairings.due_pairings(database):
            lease = Lease(database["leases"], f"pairing:{program_id}", self._holder, LEASE_SECONDS)
            if lease.acquire() is None:
                continue
            self._request = None
            is_wanted, cancel = partial(self._is_wanted, program_id), partial(self._pool.cancel, self)
            with keeping_lease(lease, is_wanted, cancel), failing_alone("pairing", program_id, self._give_up):
                self.make(program_id)

    def make(self, program_id: str) -> None:
        """Form what is due of one program and publish it.

        Raises:
            Stopped: as in :meth:`work`.
        """
        snapshot = self._unit_of_work.transact(partial(_snapshot, program_id=program_id))
        if snapshot is None:
            return
        self._request = snapshot.pairing["requested"]
        try:
            found = self._ask_all(snapshot)
        except SolverFailed as failure:
            if self._give_up(program_id):
                log.error("pairing-failed", program=program_id, why=str(failure))
            else:
                log.info("pairing-called-off", program=program_id)
            return
        self._unit_of_work.transact(partial(_write, snapshot=snapshot, found=found))

    def _is_wanted(self, program_id: str) -> bool:
        request = self._request
        return request is None or pairings.is_asked_for(self._unit_of_work.database, program_id, request)

    def _give_up(self, program_id: str) -> bool:
        """Whether what is given up was still asked for."""
        return self._unit_of_work.transact(partial(_give_up, program_id=program_id, request=self._request))

    def _ask_all(self, snapshot: PairingSnapshot) -> list[FormedPair]:
        deadline = monotonic() + PAIRING_SECONDS
        found: list[FormedPair] = []
        try:
            for number, group in enumerate(snapshot.groups):
                share = (deadline - monotonic()) / (len(snapshot.groups) - number)
                found += self._ask(snapshot, group, min(TIME_LIMIT, max(LEAST_SECONDS, share)))
        finally:
            self._pool.rest()
        return found

    def _ask(self, snapshot: PairingSnapshot, group: tuple[str, ...], seconds: float) -> list[FormedPair]:
        if not self._is_wanted(snapshot.pairing["_id"]):
            raise SolverFailed("called off")
        asked = asked_for(group, snapshot.cards, snapshot.seats, snapshot.begun, snapshot.rankings, snapshot.terms)
        if asked is None:
            return []
        return pairs_in(self._pool.pair(asked["rankings"], asked["rest"], seconds, self), snapshot.cards)


def _snapshot(transaction: Transaction, program_id: str) -> PairingSnapshot | None:
    pairing, program = pairings.pairing(transaction, program_id), programs.program(transaction, program_id)
    if pairing is None or program is None or not pairing["due"]:
        return None
    if program.get("cancelled"):
        pairings.call_off_pairing(transaction, program_id)
        return None
    return PairingSnapshot(
        program,
        pairing,
        tuple(groups_of(program["sites"], roster.remote_sites(transaction, program_id, program.get("begun", {})))),
        tuple(roster.cards(transaction, program_id)),
        tuple(meetings.seats(transaction, program_id)),
        pairings.rankings(transaction, program_id),
    )


def _write(transaction: Transaction, snapshot: PairingSnapshot, found: list[FormedPair]) -> None:
    program_id = snapshot.pairing["_id"]
    if not _is_asked_for(transaction, snapshot):
        log.info("pairing-overtaken", program=program_id)
        return
    before = pairings.pairs(transaction, program_id)
    terms_before = snapshot.pairing["terms"] or snapshot.pairing["asked"]
    there = {person for seat in met(snapshot.seats, snapshot.begun) for person in seat.pair}
    there &= {card.id for card in snapshot.cards if card.plannable and not card.withdrawn}
    heads = {role: sum(card.role == role and card.id in there for card in snapshot.cards) for role in (MENTOR, MENTEE)}
    alone = there - {person for each in found for person in each.pair}
    facts = PairingFacts(
        program_id=program_id,
        org=snapshot.program["org"],
        revision=snapshot.pairing["revision"] + 1,
        method=snapshot.terms.method,
        mentors=heads[MENTOR],
        mentees=heads[MENTEE],
    )
    old = {each.pair: each for each in before}
    transaction.publish(*events_of(facts, old, terms_before["method"], found))
    pairings.replace_pairs(transaction, program_id, before, found)
    done = {"due": False, "revision": facts.revision, "terms": snapshot.pairing["asked"], "alone": sorted(alone)}
    pairings.save_pairing(transaction, program_id, {**done, "mentors": facts.mentors, "mentees": facts.mentees})
    log.info("pairing-published", program=program_id, revision=facts.revision, method=facts.method, pairs=len(found))


def _give_up(transaction: Transaction, program_id: str, request: int | None) -> bool:
    """Leave the pairing that holds; the next request tries again.

    Returns:
        Whether the pairs were still asked for. Without a ``request`` any are.
    """
    pairing, program = pairings.pairing(transaction, program_id), programs.program(transaction, program_id) or {}
    if not pairing or not pairing["due"] or program.get("cancelled") or request not in (None, pairing["requested"]):
        return False
    failure = say("The pairs could not be formed; the operators can see why in the log.")
    pairings.save_pairing(transaction, program_id, {"due": False, "failure": failure.to_document()})
    return True


def _is_asked_for(transaction: Transaction, snapshot: PairingSnapshot) -> bool:
    """Whether what has been read for is still what is asked for, and nobody else has written it."""
    program_id = snapshot.pairing["_id"]
    now, program = pairings.pairing(transaction, program_id), programs.program(transaction, program_id) or {}
    return bool(
        now
        and now["due"]
        and not program.get("cancelled")
        and all(now[each] == snapshot.pairing[each] for each in ("requested", "revision", "asked"))
    )
