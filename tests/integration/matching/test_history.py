"""Who has met whom in earlier programs: forgotten with the people, and known of all who are the same person."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo import ASCENDING

from services.matching.domain.roster import Card
from services.matching.handlers import hear_registration
from services.matching.storage import history, roster
from shared.events import Event, NewEvent, seal
from shared.ids import new_id
from shared.storage.unit_of_work import UnitOfWork

pytestmark = pytest.mark.integration

MENTOR, MENTEE = "mentor", "mentee"
#: Somebody who has met before, as every program of the organization knows the person.
AMI = "person-ami"


class Past:
    """An organization in whose earlier program people have met, and what registration tells of a new one."""

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self.unit_of_work = unit_of_work
        self.org = f"org-{new_id()}"
        self.program_id = new_id()
        self.participant_id = new_id()

    def met(self, mentor: str, mentee: str, *programs: str, org: str = "") -> None:
        """Note that two persons have met."""
        org = org or self.org
        row = {"_id": f"{org}|{mentor}|{mentee}", "org": org, MENTOR: mentor, MENTEE: mentee}
        self.unit_of_work.database["history"].insert_one({**row, "programs": list(programs)})

    def left(self, org: str = "") -> set[tuple[str, str]]:
        """Who is known to have met whom (mentor, mentee)."""
        rows = self.unit_of_work.database["history"].find({"org": org or self.org})
        return {(row[MENTOR], row[MENTEE]) for row in rows}

    def registered(self, role: str, ordinal: int = 1) -> Event:
        """Ami is registered, or told of once more."""
        name = f"{role}-registered" if ordinal == 1 else f"{role}-updated"
        return self._event(name, ordinal, **{f"{role}_id": self.participant_id, "site_id": "jkt", "person_id": AMI})

    def erased(self, role: str) -> Event:
        """Ami is erased."""
        return self._event("participant-erased", 3, participant_id=self.participant_id, role=role)

    def hear(self, *events: Event) -> None:
        """Have all ``events`` in one transaction."""
        self.unit_of_work.transact(lambda transaction: hear_registration(list(events), transaction))

    def _event(self, name: str, ordinal: int, **data: Any) -> Event:
        data = {"program_id": self.program_id, **data}
        new = NewEvent(f"registration.{name}", self.participant_id, data, self.org, self.program_id)
        now = self.unit_of_work.clock.now()
        return seal(new, id=new_id(), ordinal=ordinal, time=now, correlationid=new_id())


@pytest.fixture
def past(unit_of_work: UnitOfWork) -> Past:
    made = Past(unit_of_work)
    made.met(AMI, "person-ben", "earlier")
    made.met("person-ben", AMI, "earlier")
    return made


#: What registration tells of the role, in the batches in which it may come.
ORDERS: dict[str, Callable[[Past, str], list[list[Event]]]] = {
    "one after the other": lambda past, role: [[past.registered(role)], [past.erased(role)]],
    "in one batch": lambda past, role: [[past.registered(role), past.erased(role)]],
    "the erasure first": lambda past, role: [[past.erased(role)], [past.registered(role)]],
    "the erasure first in a batch": lambda past, role: [[past.erased(role), past.registered(role)]],
    "more in between": lambda past, role: [[past.registered(role)], [past.registered(role, 2), past.erased(role)]],
}


@pytest.mark.parametrize("role", [MENTOR, MENTEE])
@pytest.mark.parametrize("order", ORDERS)
def test_who_is_erased_is_not_in_the_history_of_earlier_programs(past: Past, role: str, order: str) -> None:
    for batch in ORDERS[order](past, role):
        past.hear(*batch)
    assert past.left() == {("person-ben", AMI) if role == MENTOR else (AMI, "person-ben")}
    card = roster.card(past.unit_of_work.database, past.participant_id)
    assert card is not None
    assert card.erased


@pytest.mark.parametrize("role", [MENTOR, MENTEE])
def test_the_history_of_another_organization_is_its_own(past: Past, role: str) -> None:
    other = f"other-{past.org}"
    past.met(AMI, "person-ben", "theirs", org=other)
    past.met("person-ben", AMI, "theirs", org=other)
    past.hear(past.registered(role), past.erased(role))
    assert past.left(other) == {(AMI, "person-ben"), ("person-ben", AMI)}


@pytest.mark.parametrize("role", [MENTOR, MENTEE])
def test_forgetting_reads_no_more_of_the_history_than_it_deletes(past: Past, role: str) -> None:
    past.met("person-dewi", "person-eko", "earlier")
    mine = past.unit_of_work.database["history"].find({"org": past.org, role: AMI})
    assert mine.explain()["executionStats"]["totalDocsExamined"] == 1


def test_a_database_of_before_is_prepared_too_and_more_than_once(unit_of_work: UnitOfWork) -> None:
    rows = unit_of_work.database["history"]
    rows.drop_indexes()
    rows.create_index([("org", ASCENDING), (MENTOR, ASCENDING)])
    rows.create_index([(MENTEE, ASCENDING)])
    for _ in range(2):
        history.prepare(unit_of_work.database)
    assert set(rows.index_information()) == {"_id_", "org_1_mentor_1", "org_1_mentee_1"}


def card(participant_id: str, role: str, person_id: str | None, **other: Any) -> Card:
    return Card(participant_id, "now", role, "jkt", {"person_id": person_id}, **other)


#: Ami has withdrawn and registered again as a mentor, and so has a mentee, Ben; Cica has not.
CARDS = [
    card("ami-1", MENTOR, AMI, withdrawn=True),
    card("ami-2", MENTOR, AMI),
    card("ben-1", MENTEE, "person-ben", withdrawn=True),
    card("ben-2", MENTEE, "person-ben"),
    card("cica", MENTEE, "person-cica"),
    card("dewi", MENTOR, "person-dewi"),
    card("unknown", MENTEE, None),
]


@pytest.mark.parametrize(
    ("mentor", "mentee", "programs", "apart"),
    [
        ("person-dewi", "person-cica", ["earlier"], {("cica", "dewi")}),
        ("person-dewi", "person-cica", ["earlier", "now"], {("cica", "dewi")}),
        (AMI, "person-cica", ["earlier"], {("cica", "ami-1"), ("cica", "ami-2")}),
        ("person-dewi", "person-ben", ["earlier"], {("ben-1", "dewi"), ("ben-2", "dewi")}),
        (AMI, "person-cica", ["now"], {("cica", "ami-1"), ("cica", "ami-2")}),
        ("person-dewi", "person-ben", ["now"], {("ben-1", "dewi"), ("ben-2", "dewi")}),
        ("person-dewi", "person-cica", ["now"], set()),
        ("person-dewi", "person-gone", ["earlier", "now"], set()),
    ],
)
def test_who_has_met_is_kept_apart_under_every_id(
    unit_of_work: UnitOfWork, mentor: str, mentee: str, programs: list[str], apart: set[tuple[str, str]]
) -> None:
    past = Past(unit_of_work)
    past.met(mentor, mentee, *programs)
    past.met(mentor, mentee, *programs, org=f"other-{past.org}")
    program = {"_id": "now", "org": past.org}
    found = unit_of_work.transact(lambda transaction: set(history.met_before(transaction, program, CARDS)))
    assert found == apart
