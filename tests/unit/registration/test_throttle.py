"""Guessing is bounded whoever guesses from wherever, and nobody is locked out by who does."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain import throttle
from services.registration.domain.throttle import ACCOUNT, ADDRESS, CODES, Decision, network, try_code, try_password


class Lanes:
    """The lanes as the database keeps them, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: dict[tuple[str, str], float] = {}

    def fill(self, kind: str, whose: str, fullest: float, seconds: float) -> float:
        lane = (kind, whose)
        backlog = max(self._due.get(lane, 0.0) - self.now, 0.0)
        if backlog <= fullest:
            self._due[lane] = self.now + backlog + seconds
        return backlog

    def guess(self, address: str = "192.0.2.1", device: str | None = None) -> Decision:
        return try_password(self.fill, "acme", address, device, right=False)

    def knows(self, address: str = "192.0.2.1", device: str | None = None) -> Decision:
        return try_password(self.fill, "acme", address, device, right=True)


@pytest.fixture
def lanes() -> Lanes:
    return Lanes()


tries = st.lists(
    st.tuples(
        st.floats(0, 4),
        st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "198.51.100.1"]),
        st.sampled_from([None, None, "laptop", "phone"]),
        st.booleans(),
    ),
    max_size=150,
)


@given(tries)
def test_so_many_wrong_passwords_are_looked_at_in_any_time_and_no_more(tried) -> None:
    lanes = Lanes()
    looked_at: list[tuple[float, str]] = []
    for after, address, device, right in tried:
        lanes.now += after
        found = try_password(lanes.fill, "acme", address, device, right=right)
        assert found.retry_after >= 1
        if found.wait is not None:
            assert 0 <= found.wait <= ADDRESS.longest_wait
            if not right:
                looked_at.append((lanes.now, device or network(address)))
    for first, (begun, _) in enumerate(looked_at):
        of_each: Counter[str] = Counter()
        for together, (at, whose) in enumerate(looked_at[first:], start=1):
            of_each[whose] += 1
            assert together <= ACCOUNT.most + (at - begun) / ACCOUNT.seconds_each
            assert of_each[whose] <= ADDRESS.most + (at - begun) / ADDRESS.seconds_each


@given(tries)
def test_whether_a_password_is_right_cannot_be_told_from_what_becomes_of_the_try(tried) -> None:
    right, wrong = Lanes(), Lanes()
    for after, address, device, known in tried:
        right.now = wrong.now = right.now + after
        for lanes in (right, wrong):
            try_password(lanes.fill, "acme", address, device, right=known)
    assert right.knows() == wrong.guess()


@given(st.floats(0, 60), st.integers(0, 100))
def test_right_passwords_fill_nothing(after, count) -> None:
    lanes = Lanes()
    for _ in range(count):
        assert lanes.knows() == Decision(0.0, 1)
    lanes.now += after
    assert lanes.guess() == Decision(0.0, 1)


def test_ten_wrong_ones_are_answered_at_once_and_the_right_one_after_them_is_let_in(lanes: Lanes) -> None:
    assert [lanes.guess().wait for _ in range(10)] == [0.0] * 10
    assert lanes.knows().wait == 2.0


def test_after_the_fastest_guessing_the_right_one_is_let_in_within_seconds_at_the_guessers_address(
    lanes: Lanes,
) -> None:
    waits = [lanes.guess().wait for _ in range(1000)]
    assert waits == [0.0] * 10 + [2.0, 4.0, 6.0, 8.0] + [None] * 986
    refused = lanes.knows()
    assert refused.wait is None
    lanes.now += refused.retry_after
    assert lanes.knows().wait is not None
    assert refused.retry_after <= 2


def test_an_address_that_guesses_slows_no_other(lanes: Lanes) -> None:
    for second in range(600):
        lanes.now = float(second)
        for _ in range(50):
            lanes.guess("192.0.2.1")
        assert lanes.knows("198.51.100.1") == Decision(0.0, 1)


def test_a_thousand_addresses_that_guess_lock_nobody_out_whose_address_does_not(lanes: Lanes) -> None:
    guessed = 0
    for second in range(150):
        lanes.now = float(second)
        for number in range(1000):
            guessed += lanes.guess(f"10.0.{number // 250}.{number % 250}").wait is not None
        # Once every guesser has been seen, those who have not are let in at once.
        if second > 60:
            assert lanes.knows("198.51.100.1").wait == 0.0
        assert lanes.knows(device="laptop").wait == 0.0, "and known devices always"
    assert guessed <= ACCOUNT.most + 150 / ACCOUNT.seconds_each


def test_a_known_device_does_not_wait_for_its_neighbours_but_for_itself(lanes: Lanes) -> None:
    for _ in range(1000):
        lanes.guess("192.0.2.1")
    assert lanes.knows("192.0.2.1", "laptop").wait == 0.0
    waits = [lanes.guess("192.0.2.1", "laptop").wait for _ in range(1000)]
    assert sum(wait is not None for wait in waits) == ADDRESS.most
    assert lanes.knows("192.0.2.1", "other laptop").wait == 0.0


def test_many_devices_of_somebody_who_knew_the_password_once_are_bounded_together(lanes: Lanes) -> None:
    looked_at = sum(lanes.guess(device=f"device {number % 500}").wait is not None for number in range(10_000))
    assert looked_at == ACCOUNT.most


@pytest.mark.parametrize("seed", range(5))
def test_a_hall_of_500_phones_gets_in_within_a_minute_while_somebody_in_it_guesses_at_full_speed(seed: int) -> None:
    chance, lanes, hall = random.Random(seed), Lanes(), "192.0.2.1"
    #: When each types next, and whether rightly: every fifth mistypes first, and then does as it is told.
    coming = [(chance.uniform(0, 25), phone % 5 != 0) for phone in range(500)]
    guesses = told_to_wait = people_in = 0
    while coming:
        coming.sort(reverse=True)
        at, right = coming.pop()
        # The guesser: 200 a second, whatever it is told.
        while guesses < at * 200:
            lanes.now = guesses / 200
            told_to_wait += try_code(lanes.fill, hall, right=False) > 0
            guesses += 1
        lanes.now = at
        told = try_code(lanes.fill, hall, right=right)
        if right:
            assert told == 0
            assert at <= 60
            people_in += 1
        else:
            coming.append((at + max(told, chance.uniform(2, 10)), True))
    assert people_in == 500
    assert told_to_wait >= guesses - CODES.most - 60 / CODES.seconds_each, "and who guesses is told to wait"


def test_wrong_codes_of_an_address_are_told_to_wait_longer_and_longer(lanes: Lanes) -> None:
    waits = [try_code(lanes.fill, "192.0.2.1", right=False) for _ in range(100)]
    assert waits[:60] == [0] * 60
    assert waits[60:66] == [5, 10, 15, 20, 25, 30]
    assert set(waits[66:]) == {30}
    assert try_code(lanes.fill, "192.0.2.2", right=False) == 0
    lanes.now += 300 + 30
    assert try_code(lanes.fill, "192.0.2.1", right=False) == 0


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("", "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_an_address_is_counted_as_what_one_customer_has(address: str, counted_as: str) -> None:
    assert network(address) == counted_as


def test_lanes_are_meant_as_they_are_said() -> None:
    assert (ADDRESS.most, ACCOUNT.most, CODES.most) == (14, 100, 66)
    assert throttle.ACCOUNT_FOR_SLOWED.most < throttle.ACCOUNT_FROM_ELSEWHERE.most < ACCOUNT.most
