import threading
from itertools import islice
from typing import Any

from shared.messaging.connection import backoff, tend
from shared.messaging.heartbeat import Pulse


class Wire:
    """A connection that notes what is done with it."""

    def __init__(self) -> None:
        self.sent = threading.Semaphore(0)
        self.ticks = 0
        self.broken = False

    def send_heartbeat(self) -> None:
        self.sent.release()
        if self.broken:
            raise ConnectionResetError

    def heartbeat_tick(self) -> None:
        self.ticks += 1

    def drain_events(self, timeout: float) -> Any:
        raise TimeoutError


def test_waits_double_up_to_a_limit() -> None:
    assert list(islice(backoff(0.5, 3), 5)) == [0.5, 1, 2, 3, 3]


def test_tending_is_not_disturbed_by_silence() -> None:
    wire = Wire()
    tend(wire)
    assert wire.ticks == 1


def test_a_pulse_beats_while_its_owner_is_busy_and_only_then() -> None:
    wire = Wire()
    pulse = Pulse(wire, 0.01)
    try:
        assert not wire.sent.acquire(timeout=0.05)
        with pulse.beating():
            assert all(wire.sent.acquire(timeout=10) for _ in range(3))
        while wire.sent.acquire(timeout=0):
            pass
        assert not wire.sent.acquire(timeout=0.05)
    finally:
        pulse.close()


def test_a_pulse_on_a_broken_connection_ends_quietly() -> None:
    wire = Wire()
    wire.broken = True
    pulse = Pulse(wire, 0.01)
    with pulse.beating():
        assert wire.sent.acquire(timeout=10)
        pulse._thread.join(10)
    assert not pulse._thread.is_alive()
