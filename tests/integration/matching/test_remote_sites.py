"""Which sites are planned together: those between which people can meet, or have met."""

from typing import Any

import pytest

from services.matching.domain.groups import Seat
from services.matching.domain.revision import Revision, plan_id_of
from services.matching.domain.roster import Card
from services.matching.storage import meetings, programs, roster
from shared.ids import new_id
from shared.storage.unit_of_work import Transaction, UnitOfWork

pytestmark = pytest.mark.integration

MENTOR, MENTEE = "mentor", "mentee"
REMOTE, THERE = {"remote": True}, {"remote": False}
Who = tuple[str, str, dict[str, Any] | None, bool]


class World:
    """A program whose sites begin together."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self.unit_of_work = unit_of_work
        self.program_id = new_id()
        self.begun: dict[str, int] = {}

    def fill(self, *people: Who, begun: dict[str, int] | None = None, seat: Seat | None = None) -> None:
        """Register ``people`` (role, site, data, whether withdrawn), by number; the meeting of ``seat`` is planned."""

        self.begun = begun or {}

        def work(transaction: Transaction) -> None:
            programs.save_program(transaction, self.program_id, {"org": "acme"})
            roster.save_cards(
                transaction,
                [
                    Card(str(number), self.program_id, role, site, data, withdrawn=withdrawn)
                    for number, (role, site, data, withdrawn) in enumerate(people)
                ],
            )
            seats = () if seat is None else (seat,)
            meetings.save_revision(
                transaction, self.program_id, plan_id_of(self.program_id), Revision(seats, (), (), ())
            )

        self.unit_of_work.transact(work)

    def joined(self) -> set[str]:
        def work(transaction: Transaction) -> set[str]:
            return roster.remote_sites(transaction, self.program_id, self.begun)

        return self.unit_of_work.transact(work)


@pytest.fixture
def world(unit_of_work: UnitOfWork) -> World:
    return World(unit_of_work)


@pytest.mark.parametrize(
    ("people", "joined"),
    [
        ([], set()),
        ([(MENTOR, "jkt", REMOTE, False), (MENTEE, "sub", REMOTE, False)], {"jkt", "sub"}),
        ([(MENTOR, "jkt", REMOTE, False), (MENTOR, "sub", REMOTE, False)], set()),
        ([(MENTEE, "jkt", REMOTE, False), (MENTEE, "sub", REMOTE, False)], set()),
        ([(MENTOR, "jkt", REMOTE, False), (MENTEE, "jkt", REMOTE, False)], set()),
        ([(MENTOR, "jkt", REMOTE, False), (MENTEE, "sub", THERE, False)], set()),
        ([(MENTOR, "jkt", REMOTE, True), (MENTEE, "sub", REMOTE, False)], set()),
        ([(MENTOR, "jkt", REMOTE, False), (MENTEE, "sub", REMOTE, True)], set()),
        ([(MENTOR, "jkt", REMOTE, False), (MENTEE, "sub", None, False)], set()),
        (
            [(MENTOR, "jkt", REMOTE, False), *((MENTEE, site, REMOTE, False) for site in ("jkt", "sub", "bdg"))],
            {"jkt", "sub", "bdg"},
        ),
    ],
)
def test_sites_are_joined_where_somebody_can_meet_somebody_of_another(
    world: World, people: list[Who], joined: set[str]
) -> None:
    world.fill(*people)
    assert world.joined() == joined


@pytest.mark.parametrize(
    ("begun", "joined"), [({}, set()), ({"sub": 1}, set()), ({"jkt": 1}, {"jkt", "sub"}), ({"jkt": 2}, {"jkt", "sub"})]
)
@pytest.mark.parametrize("withdrawn", [(True, False), (False, True), (True, True)])
def test_sites_whose_people_have_met_stay_joined_when_they_withdraw(
    world: World, begun: dict[str, int], joined: set[str], withdrawn: tuple[bool, bool]
) -> None:
    seat = Seat("1", "0", 1, "jkt-1", "jkt", 500, {})
    mentor, mentee = withdrawn
    world.fill((MENTOR, "jkt", REMOTE, mentor), (MENTEE, "sub", REMOTE, mentee), begun=begun, seat=seat)
    assert world.joined() == joined


def test_who_has_met_at_the_own_site_joins_none(world: World) -> None:
    seat = Seat("1", "0", 1, "jkt-1", "jkt", 500, {})
    world.fill((MENTOR, "jkt", REMOTE, True), (MENTEE, "jkt", REMOTE, False), begun={"jkt": 1}, seat=seat)
    assert world.joined() == set()
