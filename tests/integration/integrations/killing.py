"""Kills replicas of the sender while events flow: at moments of the way of a request that a seed chooses."""

import random
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deploy.local.waiting import eventually
from tests.integration.integrations.receiver import Receiver, Request, receiving, status
from tests.integration.integrations.sending import Sending, of

#: Subjects of the events, and events between two kills.
SUBJECTS, EVENTS = 5, 40


@dataclass
class Killer:
    """Two replicas of which one is killed (kill -9) whenever :meth:`arm` has been called, and started again."""

    mongo_uri: str
    dice: random.Random
    replicas: list[subprocess.Popen[bytes]] = field(default_factory=list)
    kills: int = 0
    _countdown: int = 0
    _moment: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Start a replica."""
        command = [sys.executable, "-W", "ignore", "-m", "tests.integration.integrations.sender_process"]
        self.replicas.append(subprocess.Popen([*command, self.mongo_uri, f"replica-{len(self.replicas)}"]))

    def arm(self) -> None:
        """Choose when to kill: at a request so many from now, before it is answered, right after, or a moment later."""
        with self._lock:
            self._countdown = self.dice.randint(1, EVENTS)
            self._moment = self.dice.choice(["before", "after", "later"])

    def answer(self, request: Request, connection: socket.socket) -> None:
        """Answer like any receiver; what is asked for by a dead sender gets no answer."""
        with self._lock:
            self._countdown -= 1
            moment = self._moment if self._countdown == 0 else ""
            pause = self.dice.uniform(0, 0.02)
        if moment == "before":
            self._kill()
        status(204)(request, connection)
        if moment == "later":
            # A moment at which the process that was answered does something, no wait for a condition.
            time.sleep(pause)
        if moment in ("after", "later"):
            self._kill()

    def _kill(self) -> None:
        # Only one of the two serves the endpoint; the other takes over. Which it is, is not known here: both die.
        for replica in self.replicas:
            replica.kill()
            replica.wait()
        self.replicas.clear()
        self.start()
        self.start()
        self.kills += 1


@contextmanager
def killing(mongo_uri: str, seed: int) -> Iterator[tuple[Killer, Receiver]]:
    """Two replicas and the receiver that kills them."""
    killer = Killer(mongo_uri, random.Random(seed))
    with receiving() as receiver:
        receiver.answer = killer.answer
        killer.start()
        killer.start()
        try:
            yield killer, receiver
        finally:
            for replica in killer.replicas:
                replica.kill()
                replica.wait()


def kill_and_check(sending: Sending, mongo_uri: str, seed: int, kills: int) -> None:
    """Kill so often; each event must arrive at least once, and those of a subject in their order."""
    with killing(mongo_uri, seed) as (killer, receiver):
        endpoint = sending.add(receiver.url)
        ordinals: dict[str, int] = defaultdict(int)
        ids = []
        for number in range(kills):
            killer.arm()
            for _ in range(EVENTS):
                subject = f"m-{killer.dice.randrange(SUBJECTS)}"
                ordinals[subject] += 1
                ids += sending.publish(of(subject, ordinals[subject]))
            eventually(lambda number=number: killer.kills > number, 60, "the kill")
        eventually(lambda: sending.is_idle(endpoint), 60, "all to be delivered")
    assert set(receiver.ids()) == set(ids)
    seen: dict[str, list[int]] = defaultdict(list)
    for request in receiver.requests:
        event = request.event
        if event["ordinal"] not in seen[event["subject"]]:
            seen[event["subject"]].append(event["ordinal"])
    assert seen == {subject: list(range(1, last + 1)) for subject, last in ordinals.items()}
    assert sending.endpoint(endpoint)["given_up"] == 0
