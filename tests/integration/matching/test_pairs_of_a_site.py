"""What an organizer of one site sees of the pairs, where people go on with somebody of another site."""

from typing import Any

import pytest

from services.matching.domain.final_pairs import FormedPair, Ranking
from services.matching.domain.groups import Seat
from services.matching.domain.revision import Revision, plan_id_of
from services.matching.domain.roster import Card
from services.matching.storage import meetings, pairings, programs, roster
from services.matching.views import pairing_view
from shared.ids import new_id
from shared.storage.unit_of_work import Transaction, UnitOfWork

pytestmark = pytest.mark.integration

#: Who is where; ``mona`` meets over a screen the mentor of the other site.
PLACES = {"bima": ("mentor", "jkt"), "mona": ("mentee", "upg"), "nia": ("mentee", "upg"), "dewi": ("mentor", "upg")}


@pytest.fixture
def program_id(unit_of_work: UnitOfWork) -> str:
    """A program in which ``mona`` goes on with ``bima``, while ``nia`` and ``dewi`` have met and go on with nobody."""
    made = new_id()

    def fill(transaction: Transaction) -> None:
        programs.save_program(transaction, made, {"org": "acme", "sites": [], "begun": {"jkt": 1, "upg": 1}})
        cards = [Card(f"{who}-{made}", made, role, site, {}) for who, (role, site) in PLACES.items()]
        roster.save_cards(transaction, cards)
        seats = [
            Seat(f"{mentee}-{made}", f"{mentor}-{made}", 1, f"{site}-1", site, 500, {})
            for mentee, mentor, site in (("mona", "bima", "jkt"), ("nia", "dewi", "upg"))
        ]
        meetings.save_revision(transaction, made, plan_id_of(made), Revision(tuple(seats), (), (), ()))
        for who in ("mona", "bima"):
            pairings.save_ranking(transaction, made, PLACES[who][0], Ranking(f"{who}-{made}", ()))
        pair = FormedPair(f"mona-{made}", f"bima-{made}", "jkt", stable="assigned", most_mutual=None)
        pairings.replace_pairs(transaction, made, [], [pair])
        row = {"due": False, "revision": 1, "terms": {"method": "stable", "top": 3, "capacity": 1}}
        transaction["pairings"].insert_one({"_id": made, **row})

    unit_of_work.transact(fill)
    return made


def seen(unit_of_work: UnitOfWork, program_id: str, *sites: str) -> dict[str, Any]:
    view: dict[str, Any] = unit_of_work.transact(lambda transaction: pairing_view(transaction, program_id, sites))
    names = {f"{who}-{program_id}": who for who in PLACES}
    return {
        "rankings": view["rankings"],
        "pairs": [(names[each["mentee_id"]], names[each["mentor_id"]]) for each in view["pairs"]],
        "left over": {role: [names[who] for who in left] for role, left in view["left_over"].items()},
    }


def test_the_mentors_site_has_the_pair_and_its_own_rankings(unit_of_work: UnitOfWork, program_id: str) -> None:
    assert seen(unit_of_work, program_id, "jkt") == {
        "rankings": {"mentor": 1, "mentee": 0},
        "pairs": [("mona", "bima")],
        "left over": {"mentees": [], "mentors": []},
    }


def test_who_goes_on_with_somebody_of_another_site_is_not_left_over(unit_of_work: UnitOfWork, program_id: str) -> None:
    assert seen(unit_of_work, program_id, "upg") == {
        "rankings": {"mentor": 0, "mentee": 1},
        "pairs": [],
        "left over": {"mentees": ["nia"], "mentors": ["dewi"]},
    }


def test_who_organizes_all_sites_sees_all(unit_of_work: UnitOfWork, program_id: str) -> None:
    assert seen(unit_of_work, program_id) == {
        "rankings": {"mentor": 1, "mentee": 1},
        "pairs": [("mona", "bima")],
        "left over": {"mentees": ["nia"], "mentors": ["dewi"]},
    }
