"""Free ports."""

import socket

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.machine import ports


def test_a_port_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        assert ports.answers(port)
    assert not ports.answers(port)


@given(owner=st.text(max_size=20))
def test_a_chosen_port_is_free_and_in_the_range(owner: str) -> None:
    port = ports.choose(owner)
    assert ports.FIRST <= port < ports.LAST
    with socket.create_server(("127.0.0.1", port)):
        # Now that it is in use the same owner is given another.
        assert ports.choose(owner) != port


@given(owner=st.text(max_size=20), count=st.integers(1, 8))
def test_ports_that_are_taken_are_not_chosen(owner: str, count: int) -> None:
    taken: set[int] = set()
    for _ in range(count):
        taken.add(ports.choose(owner, taken))
    assert len(taken) == count


def test_owners_begin_at_different_places() -> None:
    assert len({ports.choose(f"checkout {number}") for number in range(20)}) > 10
