"""Matching from outside: what registration and the session timer would publish, and an organizer's calls."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.local import Deployment
from shared.events import Event, NewEvent, seal, write_time
from shared.ids import new_id
from shared.security.principal import Principal
from shared.security.tokens import sign
from tests.integration.backbone.stage import RpcCaller

#: Both begin a week from now, an hour apart.
_START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=7)
SITES = [
    {"site_id": "jkt", "time_zone": "Asia/Jakarta", "starts_at": write_time(_START + timedelta(hours=1))},
    {"site_id": "upg", "time_zone": "Asia/Makassar", "starts_at": write_time(_START)},
]
ROUNDS = 3
MENTORS, MENTEES = 3, 5  # at each site


class Organizer:
    """Registration and an organizer in one: publishes what registration would, and asks for plans."""

    def __init__(self, publish: Callable[[list[Event]], None], rpc: RpcCaller, private_key: bytes) -> None:
        self._publish, self._rpc = publish, rpc
        self._tokens = {
            "organizer": sign(Principal("rina", "organizer", "acme"), private_key),
            "stranger": sign(Principal("sam", "organizer", "another"), private_key),
        }
        self._private_key = private_key
        self.new_pairs_only = False
        self.sites = SITES
        self.program_id = new_id()
        self.people = {
            (role, site["site_id"], number): new_id()
            for role, count in (("mentor", MENTORS), ("mentee", MENTEES))
            for site in SITES
            for number in range(count)
        }
        #: Who they are in every program, by place; the same for two who are one person.
        self.persons = {place: f"person-{'-'.join(map(str, place))}" for place in self.people}
        self._ordinals: Counter[Any] = Counter()

    def relate(self, role: str, site: str, number: int, **relations: Any) -> None:
        """Tell matching of somebody's relations, as today's registration does."""
        participant = self.people[role, site, number]
        self._ordinals["internal", participant] += 1
        data = {"participant_id": participant, "program_id": self.program_id, "role": role, "wants": [], "avoids": []}
        new = NewEvent("registration.relations-stated", participant, data | relations, "acme", self.program_id, site)
        place = {"ordinal": self._ordinals["internal", participant], "follows": self._ordinals[participant]}
        self._publish([seal(new, id=new_id(), time=datetime.now(UTC), correlationid=new_id(), **place)])

    def event(self, name: str, subject: str, site: str | None = None, **data: Any) -> Event:
        self._ordinals[subject] += 1
        new = NewEvent(name, subject, {"program_id": self.program_id, **data}, "acme", self.program_id, site)
        now = datetime.now(UTC)
        return seal(new, id=new_id(), ordinal=self._ordinals[subject], time=now, correlationid=new_id())

    def publish_program(self) -> None:
        everybody = [("mentor", MENTORS), ("mentee", MENTEES)]
        counts = {f"{role}s": count * len(SITES) for role, count in everybody}
        self._publish(
            [
                self.event(
                    "registration.program-published",
                    self.program_id,
                    title_key="trial",
                    rounds=ROUNDS,
                    round_seconds=600,
                    break_seconds=60,
                    warning_seconds=[60],
                    sites=self.sites,
                    new_pairs_only=self.new_pairs_only,
                    **counts,
                )
            ]
        )

    def register_all(self) -> None:
        common = {"remote": False, "languages": ["id"], "rounds": [1, 2, 3], "max_meetings": 3}
        registered = []
        for (role, site, number), participant in self.people.items():
            special: dict[str, Any] = (
                {
                    "topics": {"funding": 1 + number % 5},
                    "motives": ["career"],
                    "storytelling": 3,
                    "seats": 1,
                    "has_story": True,
                }
                if role == "mentor"
                else {"motive": "career", "topics": ["funding"], "questions": 2}
            )
            person = self.persons[role, site, number]
            data = {f"{role}_id": participant, "site_id": site, "person_id": person, **common, **special}
            registered.append(self.event(f"registration.{role}-registered", participant, site, **data))
        self._publish(registered)

    def pairs(self) -> set[tuple[Any, ...]]:
        """Who meets whom, by who they are in every program."""
        who = {participant: place for place, participant in self.people.items()}
        return {(who[each["mentor_id"]], who[each["mentee_id"]]) for each in self.plan()["meetings"]}

    def again(self) -> "Organizer":
        """The same people in another program, which wants new pairs only."""
        other = Organizer(self._publish, self._rpc, self._private_key)
        other.new_pairs_only = True
        other.persons = dict(self.persons)
        return other

    def miss(self, role: str, site: str, number: int, from_round: int) -> None:
        participant = self.people[role, site, number]
        data = {"participant_id": participant, "site_id": site, "role": role, "from_round": from_round}
        self._publish([self.event("registration.participant-absent", participant, site, **data)])

    def tell(self, name: str, role: str, site: str, number: int, **more: Any) -> None:
        participant = self.people[role, site, number]
        data = {"participant_id": participant, "role": role, **more}
        self._publish([self.event(f"registration.participant-{name}", participant, site, **data)])

    def start_round(self, site: str, number: int) -> None:
        session = f"session-{site}"
        at = "2026-12-05T02:00:00.000Z"
        data = {"session_id": session, "site_id": site, "revision": 1, "round": number, "late": False}
        times = {"scheduled_at": at, "actual_at": at, "ends_at": "2026-12-05T02:10:00.000Z"}
        self._publish([self.event("session-timer.round-started", session, site, **data, **times)])

    def tell_timetable(self, site: str, *starts: datetime, revision: int = 1) -> None:
        """Announce when the rounds of a site begin, as the session timer does ahead."""
        session = f"session-{site}"
        timetable = [
            {"round": number, "starts_at": write_time(start), "ends_at": write_time(start + timedelta(minutes=10))}
            for number, start in enumerate(starts, start=1)
        ]
        data = {"session_id": session, "site_id": site, "revision": revision, "plan_id": new_id()}
        self._publish([self.event("session-timer.session-scheduled", session, site, **data, timetable=timetable)])

    def cancel_program(self) -> None:
        self._publish([self.event("registration.program-cancelled", self.program_id, reason="weather")])

    def call(self, method: str, who: str = "organizer", /, **arguments: Any) -> dict[str, Any]:
        role, _, subject = who.rpartition(":")
        participant = Principal(subject, role or "mentee", "acme", (self.program_id,))
        token = self._tokens.get(who) or sign(participant, self._private_key)
        return self._rpc.call(method, {"token": token}, **arguments)

    def plan(self) -> dict[str, Any]:
        """What :meth:`get_plan` shows."""
        plan: dict[str, Any] = self.call("get_plan", program_id=self.program_id)["ok"]
        return plan


def planned(organizer: Organizer, eventually: Callable[..., Any], revision: int = 1) -> dict[str, Any]:
    """Register everybody, ask for a plan and wait for it."""
    organizer.publish_program()
    organizer.register_all()
    key = new_id()
    eventually(
        lambda: "ok" in organizer.call("request_plan", program_id=organizer.program_id, idempotency_key=key),
        20,
        "the roster is complete",
    )
    eventually(lambda: organizer.plan()["state"] == "planned", 30, "a plan")
    return organizer.plan()


def hold_first_round(organizer: Organizer, eventually: Callable[..., Any]) -> dict[str, str]:
    """Plan, begin the first round at one site; who met whom there, by mentee."""
    plan = planned(organizer, eventually)
    organizer.start_round("jkt", 1)
    eventually(lambda: organizer.plan()["begun"] == {"jkt": 1}, 20, "the round is known to have begun")
    held = [each for each in plan["meetings"] if each["site_id"] == "jkt" and each["round"] == 1]
    return {each["mentee_id"]: each["mentor_id"] for each in held}


def is_asked(deployment: Deployment) -> bool:
    """Whether a planning process of the one replica there is has a question in hand."""
    (name,) = deployment.names
    return "speedmentor_planner_questions 1.0" in deployment.health(name, "/metrics")[1]


@contextmanager
def solver_stopped(deployment: Deployment) -> Iterator[list[int]]:
    """Stop the planning process of the one replica there is; it is ended, or goes on in the end."""
    (parent,) = [deployment.infrastructure.state.daemons[name].pid for name in deployment.names]
    children = [
        int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and _is_solver_of(each, parent)
    ]
    assert children
    for child in children:
        os.kill(child, signal.SIGSTOP)
    try:
        yield children
    finally:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGCONT)


def _is_solver_of(process: Path, parent: int) -> bool:
    with suppress(OSError):
        status = (process / "status").read_text(encoding="utf-8")
        return f"PPid:\t{parent}\n" in status and b"solver.child" in (process / "cmdline").read_bytes()
    return False
