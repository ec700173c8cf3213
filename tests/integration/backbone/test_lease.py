"""Leases on the real database, whose clock decides."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo.collection import Collection

from shared.storage.lease import Lease, prolong
from shared.storage.mongo import connect, own_database

pytestmark = pytest.mark.integration


@pytest.fixture
def leases(mongo_uri: Callable[[str], str]) -> Collection[dict[str, Any]]:
    collection = own_database(connect(mongo_uri("leases"), "test"))["leases"]
    collection.delete_many({})
    return collection


def test_of_many_who_want_it_at_once_one_gets_it(leases: Collection[dict[str, Any]]) -> None:
    wanting = [Lease(leases, "relay", f"holder-{number}", 30) for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        tokens = list(pool.map(lambda lease: lease.acquire(), wanting))
    assert [token for token in tokens if token is not None] == [1]


def test_its_holder_prolongs_it_under_the_same_token(leases: Collection[dict[str, Any]]) -> None:
    mine, other = Lease(leases, "relay", "a", 30), Lease(leases, "relay", "b", 30)
    assert [mine.acquire(), other.acquire(), mine.acquire()] == [1, None, 1]


def test_what_is_given_up_is_free_at_once_under_a_higher_token(leases: Collection[dict[str, Any]]) -> None:
    mine, other = Lease(leases, "relay", "a", 30), Lease(leases, "relay", "b", 30)
    mine.acquire()
    other.release()
    assert other.acquire() is None, "what is not one's own cannot be given up"
    mine.release()
    assert [other.acquire(), mine.acquire()] == [2, None]


def test_it_runs_out_and_its_old_holder_finds_out(
    leases: Collection[dict[str, Any]], eventually: Callable[..., Any]
) -> None:
    mine, other = Lease(leases, "relay", "a", 0.3), Lease(leases, "relay", "b", 30)
    assert mine.acquire() == 1
    assert eventually(other.acquire, 5) == 2
    assert mine.acquire() is None


def test_duties_do_not_know_each_other(leases: Collection[dict[str, Any]]) -> None:
    assert [Lease(leases, name, "a", 30).acquire() for name in ("one", "two")] == [1, 1]


def test_many_are_prolonged_at_once_but_none_that_another_has(
    leases: Collection[dict[str, Any]], eventually: Callable[..., Any]
) -> None:
    mine = [Lease(leases, name, "a", 0.3) for name in ("one", "two", "three")]
    assert [each.acquire() for each in mine] == [1, 1, 1]
    assert eventually(Lease(leases, "three", "b", 30).acquire, 5) == 2
    assert prolong(leases, ["one", "two", "three", "never"], "a", 30) == {"one": 1, "two": 1}
    # Prolonged: nobody else can have it, though it would have run out long ago.
    assert Lease(leases, "one", "b", 30).acquire() is None
