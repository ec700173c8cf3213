"""Troubles of the broker that last: what people and operators meet meanwhile is asked for all the time, and kept."""

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from deploy.demo.system import System
from deploy.local import Infrastructure
from deploy.local.waiting import eventually
from tests.faults.event.fault_injection import InjectedFault
from tests.faults.event.ground import KEPT
from tests.integration.broker_troubles import Trouble, disk_alarm, hanging, memory_alarm

#: Of how many packets to and from the broker so many are lost, in both directions.
LOST_PACKETS = 0.25


@contextmanager
def losing(infrastructure: Infrastructure) -> Iterator[None]:
    """Lose packets between all and the broker; only in a network namespace of its own, see :mod:`lossy`."""
    port = str(infrastructure.state.ports["amqp"])
    lost = ["-m", "statistic", "--mode", "random", "--probability", str(LOST_PACKETS), "-j", "DROP"]
    rules = [["INPUT", "-i", "lo", "-p", "tcp", way, port, *lost] for way in ("--dport", "--sport")]
    for rule in rules:
        subprocess.run(["iptables", "-I", *rule], check=True)
    try:
        yield
    finally:
        for rule in rules:
            subprocess.run(["iptables", "-D", *rule], check=True)


TROUBLES: dict[str, Trouble] = {"memory": memory_alarm, "disk": disk_alarm, "hanging": hanging, "losing": losing}

#: What ``/health/ready`` gives as the reason; none where it may be ready now and then.
REASONS = {"memory": "broker blocks: memory", "disk": "broker blocks: disk", "hanging": "broker does not answer"}

#: Who ask at the same time, and seconds between two of their questions.
ASKING, PAUSE = 4, 0.1


@dataclass
class Met:
    """What was met: real seconds, and HTTP status with how often it came."""

    longest_answer: float = 0.0
    answers: Counter[int] = field(default_factory=Counter)
    #: What a pause that was sent in the middle of it was answered with.
    pauses: Counter[int] = field(default_factory=Counter)
    #: Until the last of the replicas was not ready, and until all were ready again.
    unready_after: float = 0.0
    ready_after: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The figures, for the report."""
        return {
            "longest answer": round(self.longest_answer, 2),
            "answers": dict(self.answers),
            "pauses": dict(self.pauses),
            "not ready after": round(self.unready_after, 2),
            "ready again after": round(self.ready_after, 2),
        }

    def keep(self, name: str) -> None:
        """Put the figures beside those of other troubles."""
        path = KEPT / "broker-troubles.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        path.write_text(json.dumps(known | {name: self.document()}, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Lasting(InjectedFault):
    """A trouble of the broker, called ``how``, that ``lasts`` so many real seconds. What is ``met`` is for all."""

    lasts: float = 60.0
    met: Met = field(default_factory=Met, compare=False)

    def carry_out(self, system: System) -> None:
        """Have the trouble and ask meanwhile; returns when all is ready again."""
        asking = _Asking(system, self.met)
        with asking.all_the_time():
            with TROUBLES[self.how](system.infrastructure):
                began = time.monotonic()
                if self.how in REASONS:
                    asking.wait_unready(REASONS[self.how])
                    self.met.unready_after = time.monotonic() - began
                    # Nobody waits for so long: a pause is refused, and must not be carried out afterwards.
                    asking.pause()
                ends = began + self.lasts
                eventually(lambda: time.monotonic() > ends, self.lasts + 10)
            over = time.monotonic()
            eventually(asking.all_ready, 60, "all are ready again")
            self.met.ready_after = time.monotonic() - over


class _Asking:
    def __init__(self, system: System, met: Met) -> None:
        self._system = system
        self._met = met
        self._lock = threading.Lock()
        organizer = system.organizer()
        token = organizer.post("/log-in", {"password": system.infrastructure.organizer_password})["token"]
        self._headers = {"Authorization": f"Bearer {token}"}
        program = organizer.get("/programs")[-1]["program_id"]
        self._sessions = [each["session_id"] for each in organizer.get(f"/programs/{program}/sessions")]
        self._paths = ["/programs", f"/programs/{program}/sessions", f"/programs/{program}/plan"]

    @contextmanager
    def all_the_time(self) -> Iterator[None]:
        """Ask in threads."""
        over = threading.Event()
        with ThreadPoolExecutor(ASKING) as pool:
            asking = [pool.submit(self._ask, number, over) for number in range(ASKING)]
            try:
                yield
            finally:
                over.set()
        for each in asking:
            each.result()

    def pause(self) -> None:
        """Ask for a pause of every session."""
        for each in self._sessions:
            self._met.pauses[self._call("POST", f"/sessions/{each}/pause")] += 1

    def all_ready(self) -> bool:
        """Whether all replicas are ready."""
        return all(self._system.deployment.health(name)[0] == 200 for name in self._system.deployment.names)

    def wait_unready(self, reason: str) -> None:
        """Wait until no replica is ready, for that reason; all have to be live."""
        unlike: list[str] = []

        def all_unready() -> bool:
            unlike.clear()
            for name in self._system.deployment.names:
                if self._system.deployment.health(name, "/health/live")[0] != 200:
                    self._met.wrong.append(f"{name} is not live")
                status, body = self._system.deployment.health(name)
                if status != 503 or json.loads(body).get("reasons", {}).get("broker") != reason:
                    unlike.append(f"{name}: {status} {body}")
            return not unlike

        try:
            eventually(all_unready, 30, "no replica is ready")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; {unlike}") from error

    def _ask(self, number: int, over: threading.Event) -> None:
        while not over.wait(PAUSE):
            self._call("GET", self._paths[number % len(self._paths)])

    def _call(self, method: str, path: str) -> int:
        began = time.monotonic()
        body = {} if method == "POST" else None
        url = f"{self._system.deployment.url}/api/v1{path}"
        answer = requests.request(method, url, headers=self._headers, json=body, timeout=120)
        took = time.monotonic() - began
        with self._lock:
            self._met.answers[answer.status_code] += 1
            self._met.longest_answer = max(self._met.longest_answer, took)
            if answer.status_code == 503 and not answer.headers.get("Retry-After"):
                self._met.wrong.append(f"{path}: 503 without Retry-After")
        return answer.status_code
