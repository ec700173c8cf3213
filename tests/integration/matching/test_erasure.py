"""What the erased have ranked, and who has ranked or met them: gone, even where the two happen at the same time."""

from collections.abc import Callable

import pytest

from services.matching import store
from services.matching.domain.groups import Seat
from services.matching.domain.revision import Revision, plan_id_of
from services.matching.domain.roster import Card
from services.matching.events import hear_registration, hear_rounds
from services.matching.ranking import rank
from shared.events import NewEvent, seal
from shared.faults import Invalid, NotFound
from shared.ids import new_id
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
        store.save_program(transaction, self.program_id, {"org": "acme", "sites": [], "begun": {"jkt": 1}})
        cards = [Card(who, self.program_id, role, "jkt", {"remote": False}) for role, who in self.ids.items()]
        store.save_cards(transaction, cards)
        seat = Seat(self.ids[MENTEE], self.ids[MENTOR], 1, "jkt-1", "jkt", 500, {})
        store.save_revision(transaction, self.program_id, plan_id_of(self.program_id), Revision((seat,), (), (), ()))

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

    def rankings(self) -> dict[str, list[str]]:
        """What is ranked, by who ranks."""
        rows = self.unit_of_work.database["rankings"].find({"program_id": self.program_id})
        return {row["_id"]: row["ranks"] for row in rows}

    def between(self, first: Callable[[], None], then: Callable[[Transaction], None]) -> None:
        """Do ``then`` in a transaction that has begun to read before ``first`` was done, if it is not done anew."""
        attempts = []

        def work(transaction: Transaction) -> None:
            attempts.append(store.program(transaction, self.program_id))
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
    def plan_second_round(transaction: Transaction) -> None:
        seat = Seat(world.ids[MENTEE], world.ids[MENTOR], 2, "jkt-1", "jkt", 500, {})
        store.save_revision(transaction, world.program_id, plan_id_of(world.program_id), Revision((seat,), (), (), ()))

    world.unit_of_work.transact(plan_second_round)
    world.unit_of_work.transact(lambda transaction: world.erase(transaction, MENTOR))
    world.unit_of_work.transact(lambda transaction: world.begin_round(transaction, 2))
    (held,) = store.meetings(world.unit_of_work.database, world.program_id)
    assert (held["round"], held["mentor_id"], held["mentee_id"]) == (2, store.ERASED, world.ids[MENTEE])
