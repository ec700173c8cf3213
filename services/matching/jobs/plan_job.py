"""The planning job: makes the plans that are due, one program at a time.

What is planned is read in one transaction and written in another, with the planner's work in between. Of the groups
of sites that have changed meanwhile nothing is written, and their plan stays due; of a first plan all or nothing is.
So replicas that work on the same program, and a replica that stalls and comes back, cannot spoil anything. The lease
only spares double work.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import eventlet
import structlog
from prometheus_client import Counter, Histogram

from services.matching.domain.exclusions import named_by
from services.matching.domain.groups import (
    Seat,
    fewest_met,
    groups_of,
    question,
    rounds_begun,
    seats_in,
    touched_groups,
)
from services.matching.domain.leaving import with_those_gone
from services.matching.domain.revision import (
    PlanFacts,
    Revision,
    compare,
    events_of,
    joined_quality,
    plan_id_of,
    wants_in,
)
from services.matching.domain.roster import MENTEE, MENTOR, Card
from services.matching.domain.rounds_begun import begun_now
from services.matching.jobs.leasing import LEASE_SECONDS, failing_alone, keeping_lease
from services.matching.solver.parent import Answer, SolverFailed, Stopped
from services.matching.solver.pool import Pool
from services.matching.storage import history, meetings, plans, programs, roster
from services.matching.storage.progress import Progress
from shared.clock import monotonic
from shared.messages import say
from shared.storage.lease import Lease
from shared.storage.unit_of_work import Transaction, UnitOfWork

log = structlog.get_logger()

PLANNING_SECONDS = Histogram(
    "speedmentor_planning_seconds",
    "Real seconds from reading the roster to the published plan",
    buckets=(0.05, 0.1, 0.3, 1, 3, 10, 30, 100),
)
PLANS_OVERTAKEN = Counter("speedmentor_plans_overtaken_total", "Plans thrown away because the roster changed meanwhile")

#: Seconds the planner may take for one group of sites where no proof is in sight,
TIME_LIMIT = 20.0
#: and for all groups of a program,
PLAN_SECONDS = 120.0
#: of which each gets so much at least.
LEAST_SECONDS = 2.0
#: Seconds after which a plan is stopped that nothing will be kept of. Before that it is done sooner than a process is
#: started anew, and its own is warm.
WORTH_STOPPING = 1.0


@dataclass(frozen=True)
class PlanSnapshot:
    """What a plan is made from, as of one moment."""

    program: Mapping[str, Any]
    plan: Mapping[str, Any]
    groups: tuple[tuple[str, ...], ...]
    cards: tuple[Card, ...]
    seats: tuple[Seat, ...]
    #: Pairs (mentee, mentor) to keep apart because they met in an earlier program.
    met_before: frozenset[tuple[str, str]]
    #: Whom people of these sites avoid who are not at them: they may take part there in the other role.
    others: tuple[Card, ...] = ()

    @property
    def sites(self) -> list[str]:
        """The sites to plan."""
        return [site for group in self.groups for site in group]

    def of(self, groups: Iterable[tuple[str, ...]]) -> "PlanSnapshot":
        """The same for some of its groups only."""
        kept = tuple(groups)
        sites = {site for group in kept for site in group}
        return replace(self, groups=kept, seats=tuple(seat for seat in self.seats if seat.site_id in sites))


class PlanJob:
    """Plans the programs of one database with the processes of ``pool``."""

    def __init__(self, unit_of_work: UnitOfWork, pool: Pool, holder: str) -> None:
        self._unit_of_work = unit_of_work
        self._pool = pool
        self._holder = holder
        #: What is being worked on, and since when (monotonic).
        self._in_hand: tuple[PlanSnapshot, float] | None = None

    def work(self) -> None:
        """Make the plans that are due and that no other replica makes.

        Raises:
            Stopped: no more plans are made here; what was in hand stays due.
        """
        database = self._unit_of_work.database
        for program_id in plans.due_plans(database):
            lease = Lease(database["leases"], f"plan:{program_id}", self._holder, LEASE_SECONDS)
            if lease.acquire() is None:
                continue
            self._in_hand = None
            with (
                keeping_lease(lease, self._is_wanted, partial(self._pool.cancel, self)),
                failing_alone("planning", program_id, self._give_up),
                PLANNING_SECONDS.time(),
            ):
                self.make(program_id)

    def make(self, program_id: str) -> None:
        """Plan what is due of one program and publish what changes.

        Raises:
            Stopped: as in :meth:`work`.
        """
        snapshot = self._unit_of_work.transact(lambda transaction: _snapshot(transaction, program_id))
        if snapshot is None:
            return
        self._in_hand = snapshot, monotonic()
        try:
            answers = self._ask_all(snapshot)
        except SolverFailed as failure:
            if self._give_up(program_id):
                log.error("planning-failed", program=program_id, why=str(failure))
            else:
                log.info("planning-called-off", program=program_id)
            return
        written = self._unit_of_work.transact(lambda transaction: _write(transaction, snapshot, answers))
        if not written:
            PLANS_OVERTAKEN.inc()
            log.info("plan-overtaken", program=program_id)

    def _give_up(self, program_id: str) -> bool:
        """Whether what is given up was still wanted."""
        request = self._in_hand[0].plan["requested"] if self._in_hand else None
        return self._unit_of_work.transact(partial(_give_up, program_id=program_id, request=request))

    def _is_wanted(self) -> bool:
        """Whether anything will be kept of what is in hand."""
        if self._in_hand is None:
            return True
        snapshot, since = self._in_hand
        request = snapshot.plan["requested"]
        now = plans.requests_of(self._unit_of_work.database, snapshot.plan["_id"])
        if now.get("called_off", 0) >= request:
            return False
        newer = plans.asked_since(now, request)
        # Of a first plan all or nothing is kept.
        kept = all if snapshot.plan["revision"] == 0 else any
        return monotonic() - since < WORTH_STOPPING or kept(newer.isdisjoint(group) for group in snapshot.groups)

    def _ask_all(self, snapshot: PlanSnapshot) -> dict[tuple[str, ...], Answer]:
        """The plan of each group; they share nobody, so that they are planned beside each other.

        Raises:
            SolverFailed, Stopped: one has none. The others are given up, since there is no plan without it.
        """
        program_id = snapshot.plan["_id"]
        progress = Progress(self._unit_of_work.database, program_id, snapshot.plan["requested"], len(snapshot.groups))
        deadline, waiting = monotonic() + PLAN_SECONDS, len(snapshot.groups)
        answers: dict[tuple[str, ...], Answer] = {}
        failures: list[SolverFailed | Stopped] = []

        def ask(number: int, group: tuple[str, ...]) -> None:
            nonlocal waiting
            if failures:
                return
            share = (deadline - monotonic()) * self._pool.size / waiting
            waiting -= 1
            note = progress.of_part(number)
            try:
                if not self._is_wanted():
                    raise SolverFailed("called off")
                answers[group] = self._ask(snapshot, group, min(TIME_LIMIT, max(LEAST_SECONDS, share)), note)
            except (SolverFailed, Stopped) as failure:
                # Raised by who waits for all; a green thread that raises has it printed as well.
                if not failures:
                    self._pool.cancel(self)
                failures.append(failure)
            else:
                note(1.0)

        beside = eventlet.GreenPool(self._pool.size)
        asked = [beside.spawn(ask, number, group) for number, group in enumerate(snapshot.groups)]
        beside.waitall()
        self._pool.rest()
        for each in asked:
            each.wait()
        if failures:
            raise failures[0]
        return {group: answers[group] for group in snapshot.groups}

    def _ask(
        self, snapshot: PlanSnapshot, group: tuple[str, ...], seconds: float, progress: Callable[[float], None]
    ) -> Answer:
        asked = question(
            group,
            snapshot.program["rounds"],
            snapshot.cards,
            snapshot.seats,
            snapshot.program.get("begun", {}),
            revised=snapshot.plan["revision"] > 0,
            met_before=snapshot.met_before,
            others=snapshot.others,
        )
        if not asked["mentors"] or not asked["mentees"]:
            return _nobody(asked)
        answer = self._pool.ask(asked, seconds, progress, self)
        answer.plan["quality"]["least"] = fewest_met(asked, answer.plan)
        return answer


def _snapshot(transaction: Transaction, program_id: str) -> PlanSnapshot | None:
    plan = plans.plan(transaction, program_id)
    program = _program(transaction, program_id)
    if plan is None or program is None or not plan["due"] or "sites" not in program:
        return None
    groups = groups_of(program["sites"], roster.remote_sites(transaction, program_id, program["begun"]))
    touched = {*plan["touched"], *plans.asked_since(plan, plan["planned"])}
    due = touched_groups(groups, touched, [part["sites"] for part in plan["parts"]])
    sites = [site for group in due for site in group]
    cards = tuple(roster.cards(transaction, program_id, sites))
    known = {card.id for card in cards}
    return PlanSnapshot(
        program,
        plan,
        tuple(due),
        cards,
        tuple(meetings.seats(transaction, program_id, sites)),
        frozenset(history.met_before(transaction, program, cards) if program.get("new_pairs_only") else ()),
        tuple(roster.cards_by_id(transaction, {other for card in cards for other in named_by(card)} - known).values()),
    )


def _program(transaction: Transaction, program_id: str) -> dict[str, Any] | None:
    """The program, with the rounds that have begun by now, whether their bells have been heard or not."""
    program = programs.program(transaction, program_id)
    if program is None:
        return None
    return {**program, "begun": begun_now(transaction.now, program)}


def _write(transaction: Transaction, snapshot: PlanSnapshot, answers: Mapping[tuple[str, ...], Answer]) -> bool:
    program_id = snapshot.plan["_id"]
    plan = plans.plan(transaction, program_id)
    program = _program(transaction, program_id)
    if (
        plan is None
        or program is None
        or not plan["due"]
        or plan.get("called_off", 0) >= snapshot.plan["requested"]
        or any(plan[each] != snapshot.plan[each] for each in ("revision", "planned"))
        or plans.unnamed_requests(plan) != plans.unnamed_requests(snapshot.plan)
    ):
        return False
    changed = _changed_since(snapshot, plan, program)
    stale = touched_groups(snapshot.groups, changed, [part["sites"] for part in plan["parts"]])
    fresh = [group for group in snapshot.groups if group not in stale]
    # A request may be about no site at all: about somebody of whom no more was ever heard.
    if snapshot.groups and (not fresh or (stale and plan["revision"] == 0)):
        return False
    snapshot = snapshot.of(fresh)
    answers = {group: answers[group] for group in fresh}
    programs.lock_program(transaction, program_id)
    ahead = _ahead(snapshot)
    revision = compare(
        ahead(snapshot.seats), ahead(seat for answer in answers.values() for seat in seats_in(answer.plan))
    )
    parts = _parts(plan["parts"], snapshot, answers)
    left = sorted(changed | {site for group in stale for site in group})
    done: dict[str, Any] = {"planned": snapshot.plan["requested"], "due": bool(left), "touched": left, "parts": parts}
    if (plan["revision"] == 0 and fresh) or not revision.is_empty:
        done |= _publish(transaction, snapshot, revision, parts)
        # Of the revision: a plan made anew that changes nothing leaves them, and what they tell of.
        told = [change for answer in answers.values() for change in answer.changes]
        done["changes"] = with_those_gone(told, revision.removed, {card.id: card for card in snapshot.cards})
    plans.save_plan(transaction, program_id, done)
    return True


def _changed_since(snapshot: PlanSnapshot, plan: Mapping[str, Any], program: Mapping[str, Any]) -> set[str]:
    """The sites of which a plan made by ``snapshot`` does not hold any more: people came or went, or a round began."""
    before, now = snapshot.program.get("begun", {}), program.get("begun", {})
    begun = {site for site in snapshot.sites if before.get(site, 0) != now.get(site, 0)}
    return begun | plans.asked_since(plan, snapshot.plan["requested"])


def _ahead(snapshot: PlanSnapshot) -> Callable[[Iterable[Seat]], list[Seat]]:
    """Leaves out the meetings that are history: those stand as they are, also where somebody has been erased."""
    begun = snapshot.program.get("begun", {})
    through = {site: rounds_begun(group, begun) for group in snapshot.groups for site in group}
    return lambda seats: [seat for seat in seats if seat.round > through[seat.site_id]]


def _publish(
    transaction: Transaction, snapshot: PlanSnapshot, revision: Revision, parts: list[dict[str, Any]]
) -> dict[str, Any]:
    program_id = snapshot.plan["_id"]
    plan_id = plan_id_of(program_id)
    number = snapshot.plan["revision"] + 1
    elsewhere = sum(part["quality"]["meetings"] for part in parts if set(part["sites"]).isdisjoint(snapshot.sites))
    facts = PlanFacts(
        plan_id=plan_id,
        program_id=program_id,
        org=snapshot.program["org"],
        revision=number,
        rounds=snapshot.program["rounds"],
        mentors=sum(part["mentors"] for part in parts),
        mentees=sum(part["mentees"] for part in parts),
        kept_elsewhere=elsewhere + len(snapshot.seats) - len(_ahead(snapshot)(snapshot.seats)),
        quality=joined_quality(part["quality"] for part in parts),
        # Not known of parts that an earlier release has planned.
        wants=sum(part["quality"].get("wants", 0) for part in parts),
    )
    meetings.save_revision(transaction, program_id, plan_id, revision)
    transaction.publish(*events_of(facts, revision, snapshot.plan["cause"]))
    log.info(
        "plan-published",
        program=program_id,
        revision=number,
        cause=snapshot.plan["cause"],
        added=len(revision.added),
        removed=len(revision.removed),
        moved=len(revision.moved),
    )
    return {"revision": number}


def _parts(
    before: list[dict[str, Any]], snapshot: PlanSnapshot, answers: Mapping[tuple[str, ...], Answer]
) -> list[dict[str, Any]]:
    """What is known of each group's plan: the old ones of the groups left alone, and the new ones."""
    left = [part for part in before if set(part["sites"]).isdisjoint(snapshot.sites)]
    return left + [
        {
            "sites": list(group),
            "mentors": _heads(snapshot, group, MENTOR),
            "mentees": _heads(snapshot, group, MENTEE),
            "quality": {**answer.plan["quality"], "wants": wants_in(answer.plan)},
            "unmet": answer.unmet,
        }
        for group, answer in answers.items()
    ]


def _heads(snapshot: PlanSnapshot, group: tuple[str, ...], role: str) -> int:
    return sum(
        card.role == role and card.plannable and not card.withdrawn and card.site_id in group for card in snapshot.cards
    )


def _give_up(transaction: Transaction, program_id: str, request: int | None) -> bool:
    """Leave the plan that holds; the next request, or the next change of the roster, tries again.

    Returns:
        Whether the plan was still wanted. Without a ``request`` any is.
    """
    failure = say("The planner could not make this plan; the operators can see why in the log.")
    plan = plans.plan(transaction, program_id)
    if plan is not None and plan["due"] and request in (None, plan["requested"]):
        plans.save_plan(transaction, program_id, {"due": False, "failure": failure.to_document()})
        return True
    return False


def _nobody(asked: Mapping[str, Any]) -> Answer:
    """The plan where one side is missing altogether: nobody meets, and that is proved."""
    reason = say("no mentor is at the site")
    unmet = [{"mentee": mentee["id"], "meetings": 0, "reason": str(reason)} for mentee in asked["mentees"]]
    nothing = dict.fromkeys(("meetings", "score", "bound", "least", "most"), 0)
    return Answer(
        {"meetings": [], "unmet": unmet, "quality": {**nothing, "certified": True, "seconds": 0.0}},
        [{**each, "messages": [reason.to_document()]} for each in unmet],
        [],
    )
