"""What the erased have ranked, who has ranked or met them, and what plans tell of them: gone, whatever comes first."""

from collections.abc import Callable
from typing import Any

import pytest

from services.matching.domain.groups import Seat
from services.matching.domain.leaving import ERASED
from services.matching.domain.revision import Revision, plan_id_of
from services.matching.domain.roster import Card
from services.matching.handlers import hear_registration, hear_rounds
from services.matching.storage import meetings, plans, programs, roster
from services.matching.submitting_rankings import rank
from services.matching.views import ledger_view
from shared.events import NewEvent, seal
from shared.faults import Invalid, NotFound
from shared.ids import new_id
from shared.messages import say
from shared.security.principal import Principal
from shared.storage.unit_of_work import Transaction, UnitOfWork

pytestmark = pytest.mark.integration

MENTOR, MENTEE = "mentor", "mentee"


class World:
    """A program of one mentor and one mentee, who have met."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self.unit_of_work = unit_of_work
        self.program_id = new_id()
        self.ids = {role: f"{role}-{self.program_id}" for role in (MENTOR, MENTEE)}
        self.unit_of_work.transact(self._begin)

    def _begin(self, transaction: Transaction) -> None:
        programs.save_program(transaction, self.program_id, {"org": "acme", "sites": [], "begun": {"jkt": 1}})
        cards = [Card(who, self.program_id, role, "jkt", {"remote": False}) for role, who in self.ids.items()]
        roster.save_cards(transaction, cards)
        seat = Seat(self.ids[MENTEE], self.ids[MENTOR], 1, "jkt-1", "jkt", 500, {})
        meetings.save_revision(transaction, self.program_id, plan_id_of(self.program_id), Revision((seat,), (), (), ()))

    def rank(self, transaction: Transaction, role: str) -> None:
        (other,) = set(self.ids.values()) - {self.ids[role]}
        principal = Principal(self.ids[role], role, "acme", (self.program_id,))
        rank(transaction, principal, {"program_id": self.program_id, "ranks": [other], "capacity": None})

    def erase(self, transaction: Transaction, role: str) -> None:
        data = {"participant_id": self.ids[role], "program_id": self.program_id, "role": role}
        new = NewEvent("registration.participant-erased", self.ids[role], data, "acme", self.program_id)
        event = seal(new, id=new_id(), ordinal=2, time=transaction.now, correlationid=new_id())
        hear_registration([event], transaction)

    def begin_round(self, transaction: Transaction, number: int) -> None:
        at = "2026-12-05T02:00:00.000Z"
        data = {"session_id": "session", "program_id": self.program_id, "site_id": "jkt", "round": number}
        data |= {"revision": 1, "late": False, "scheduled_at": at, "actual_at": at, "ends_at": at}
        new = NewEvent("session-timer.round-started", "session", data, "acme", self.program_id, "jkt")
        hear_rounds([seal(new, id=new_id(), ordinal=1, time=transaction.now, correlationid=new_id())], transaction)

    def cancel(self, transaction: Transaction) -> None:
        data = {"program_id": self.program_id, "reason": "weather"}
        new = NewEvent("registration.program-cancelled", self.program_id, data, "acme", self.program_id)
        event = seal(new, id=new_id(), ordinal=2, time=transaction.now, correlationid=new_id())
        hear_registration([event], transaction)

    def plan_second_round(self, transaction: Transaction) -> None:
        """Have the two meet again, and have the plan tell of both in its changes and its reasons."""
        mentee, mentor = self.ids[MENTEE], self.ids[MENTOR]
        seat = Seat(mentee, mentor, 2, "jkt-1", "jkt", 500, {})
        meetings.save_revision(transaction, self.program_id, plan_id_of(self.program_id), Revision((seat,), (), (), ()))
        plans.ask_for_plan(transaction, self.program_id, "request", ["jkt"])
        why = say("the mentee meets {mentor} in round {round}", mentor=mentor, round=1)
        change = {"kind": "added", "round": 2, "mentee": mentee, "mentor": mentor}
        change |= {"why": str(why), "message": why.to_document()}
        unmet = [{"mentee": mentee, "meetings": 0, "reason": "is absent", "messages": [say("is absent").to_document()]}]
        part = {"sites": ["jkt"], "mentors": 1, "mentees": 1, "quality": {}, "unmet": unmet}
        done = {"due": False, "planned": 1, "revision": 1, "touched": [], "parts": [part], "changes": [change]}
        plans.save_plan(transaction, self.program_id, done)

    def held(self) -> list[dict[str, Any]]:
        """The meetings as they are kept, by round."""
        return meetings.of_program(self.unit_of_work.database, self.program_id)

    def plan(self) -> dict[str, Any]:
        """The plan as it is kept."""
        plan = plans.plan(self.unit_of_work.database, self.program_id)
        assert plan is not None
        return plan

    def rankings(self) -> dict[str, list[str]]:
        """What is ranked, by who ranks."""
        rows = self.unit_of_work.database["rankings"].find({"program_id": self.program_id})
        return {row["_id"]: row["ranks"] for row in rows}

    def between(self, first: Callable[[], None], then: Callable[[Transaction], None]) -> None:
        """Do ``then`` in a transaction that has begun to read before ``first`` was done, if it is not done anew."""
        attempts = []

        def work(transaction: Transaction) -> None:
            attempts.append(programs.program(transaction, self.program_id))
            if len(attempts) == 1:
                first()
            then(transaction)

        self.unit_of_work.transact(work)


@pytest.fixture
def world(unit_of_work: UnitOfWork) -> World:
    return World(unit_of_work)


def test_the_erased_rank_nobody_and_are_in_nobodys_ranking(world: World) -> None:
    for role in (MENTOR, MENTEE):
        world.unit_of_work.transact(lambda transaction, role=role: world.rank(transaction, role))
    assert world.rankings() == {world.ids[MENTOR]: [world.ids[MENTEE]], world.ids[MENTEE]: [world.ids[MENTOR]]}
    world.unit_of_work.transact(lambda transaction: world.erase(transaction, MENTOR))
    assert world.rankings() == {world.ids[MENTEE]: []}


@pytest.mark.parametrize("role", [MENTOR, MENTEE])
def test_whoever_ranks_while_the_mentor_is_erased_leaves_no_trace_of_the_mentor(world: World, role: str) -> None:
    def erase() -> None:
        world.unit_of_work.transact(lambda transaction: world.erase(transaction, MENTOR))

    with pytest.raises((NotFound, Invalid)):
        world.between(erase, lambda transaction: world.rank(transaction, role))
    assert world.rankings() == {}


@pytest.mark.parametrize("role", [MENTOR, MENTEE])
def test_an_erasure_sees_what_is_ranked_while_it_begins(world: World, role: str) -> None:
    def submit() -> None:
        world.unit_of_work.transact(lambda transaction: world.rank(transaction, role))
        assert world.rankings()

    world.between(submit, lambda transaction: world.erase(transaction, MENTOR))
    assert world.ids[MENTOR] not in str(world.rankings())


def test_a_round_that_begins_before_there_is_a_new_plan_has_nobody_erased_in_it(world: World) -> None:
    world.unit_of_work.transact(world.plan_second_round)
    world.unit_of_work.transact(lambda transaction: world.erase(transaction, MENTOR))
    world.unit_of_work.transact(lambda transaction: world.begin_round(transaction, 2))
    (held,) = world.held()
    assert (held["round"], held["mentor_id"], held["mentee_id"]) == (2, ERASED, world.ids[MENTEE])


@pytest.mark.parametrize("role", [MENTOR, MENTEE])
def test_a_plan_does_not_tell_of_the_erased_but_releases_their_meetings_ahead(world: World, role: str) -> None:
    world.unit_of_work.transact(world.plan_second_round)
    world.unit_of_work.transact(lambda transaction: world.erase(transaction, role))
    plan, (held,) = world.plan(), world.held()
    assert world.ids[role] not in str(plan)
    assert plan["due"], "a new plan follows"
    assert held[f"{role}_id"] == world.ids[role], "which needs the id to release the meeting"


@pytest.mark.parametrize("role", [MENTOR, MENTEE])
@pytest.mark.parametrize("order", [("cancel", "erase"), ("erase", "cancel")])
def test_nothing_of_the_erased_is_left_in_a_cancelled_program(world: World, role: str, order: tuple[str, str]) -> None:
    world.unit_of_work.transact(world.plan_second_round)
    doing: dict[str, Callable[[Transaction], None]] = {
        "cancel": world.cancel,
        "erase": lambda transaction: world.erase(transaction, role),
    }
    for each in order:
        world.unit_of_work.transact(doing[each])
    plan, (held,) = world.plan(), world.held()
    assert not plan["due"], "no plan follows"
    assert world.ids[role] not in str((plan, held))
    assert held[f"{role}_id"] == ERASED


def test_a_plan_that_is_called_off_after_the_erasure_tells_of_nobody_erased(world: World) -> None:
    world.unit_of_work.transact(world.plan_second_round)
    world.unit_of_work.transact(lambda transaction: world.erase(transaction, MENTEE))
    world.unit_of_work.transact(lambda transaction: plans.call_off_plan(transaction, world.program_id))
    assert world.ids[MENTEE] not in str(world.plan())


@pytest.mark.parametrize("role", [MENTOR, MENTEE])
def test_the_ledger_names_nobody_erased_also_while_no_new_plan_releases_the_meetings(world: World, role: str) -> None:
    world.unit_of_work.transact(world.plan_second_round)
    world.unit_of_work.transact(lambda transaction: world.erase(transaction, role))
    world.unit_of_work.transact(lambda transaction: plans.call_off_plan(transaction, world.program_id))
    ledger = world.unit_of_work.transact(
        lambda transaction: ledger_view(transaction, programs.program(transaction, world.program_id) or {})
    )
    (held,) = world.held()
    sides = {**world.ids, role: ERASED}
    assert ledger["meetings"] == {held["_id"]: f"2/jkt-1/{sides[MENTOR]}/{sides[MENTEE]}"}
    assert ledger["meeting-sites"] == {held["_id"]: "jkt"}


def test_an_erased_persons_relations_are_forgotten_and_do_not_come_back(world: World) -> None:
    mentee = world.ids[MENTEE]
    data = {"participant_id": mentee, "program_id": world.program_id, "role": MENTEE}
    said = NewEvent(
        "registration.relations-stated", mentee, {**data, "wants": [], "avoids": [world.ids[MENTOR]]}, "acme"
    )

    def state(transaction: Transaction, ordinal: int) -> None:
        hear_registration([seal(said, id=new_id(), ordinal=ordinal, time=transaction.now, follows=1)], transaction)

    relations = world.unit_of_work.database["relations"]
    world.unit_of_work.transact(lambda transaction: state(transaction, 1))
    card = roster.card(world.unit_of_work.database, mentee)
    assert card is not None
    assert card.avoided == (world.ids[MENTOR],)
    assert relations.count_documents({"_id": mentee}) == 1
    assert "relations" not in (world.unit_of_work.database["cards"].find_one({"_id": mentee}) or {})
    world.unit_of_work.transact(lambda transaction: world.erase(transaction, MENTEE))
    world.unit_of_work.transact(lambda transaction: state(transaction, 2))
    assert relations.count_documents({"_id": mentee}) == 0
