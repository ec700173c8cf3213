"""Matching as a process on the real broker and database: a roster comes in as events, plans go out."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from deploy.local import Deployment, Infrastructure
from shared.events import Event, NewEvent, encode, seal
from shared.ids import new_id
from shared.messaging.publisher import ConfirmedPublisher
from shared.messaging.topology import declare
from shared.security.principal import Principal
from shared.security.tokens import sign
from tests.integration.backbone.stage import Outside, RpcCaller, message

pytestmark = pytest.mark.integration

SITES = [
    {"site_id": "jkt", "time_zone": "Asia/Jakarta", "starts_at": "2026-12-05T02:00:00.000Z"},
    {"site_id": "upg", "time_zone": "Asia/Makassar", "starts_at": "2026-12-05T01:00:00.000Z"},
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
        self.program_id = new_id()
        self.people = {
            (role, site["site_id"], number): new_id()
            for role, count in (("mentor", MENTORS), ("mentee", MENTEES))
            for site in SITES
            for number in range(count)
        }
        self._ordinals: Counter[str] = Counter()

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
                    sites=SITES,
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
            person = f"person-{role}-{site}-{number}"
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

    def call(self, method: str, who: str = "organizer", **arguments: Any) -> dict[str, Any]:
        role, _, subject = who.rpartition(":")
        participant = Principal(subject, role or "mentee", "acme", (self.program_id,))
        token = self._tokens.get(who) or sign(participant, self._private_key)
        return self._rpc.call(method, {"token": token}, **arguments)

    def plan(self) -> dict[str, Any]:
        """What :meth:`get_plan` shows."""
        plan: dict[str, Any] = self.call("get_plan", program_id=self.program_id)["ok"]
        return plan


@pytest.fixture
def deployment(
    infrastructure: Infrastructure, amqp_uri: Callable[..., str], mongo_uri: Callable[..., str]
) -> Iterator[Deployment]:
    with Connection(amqp_uri()) as connection:
        # What belongs to all services none of them may declare; a deployment brings it along.
        declare(connection)
    made = Deployment(infrastructure, {"AMQP_URI": amqp_uri("matching"), "MONGO_URI": mongo_uri("matching")})
    made.wait_ready(*made.start("matching"))
    yield made
    made.stop_all()


@pytest.fixture
def organizer(
    deployment: Deployment, infrastructure: Infrastructure, amqp_uri: Callable[..., str]
) -> Iterator[Organizer]:
    def publish(events: list[Event]) -> None:
        with Connection(amqp_uri()) as connection:
            connection.connect()
            outcomes = ConfirmedPublisher(connection).publish([message(event, encode(event)) for event in events])
            assert {outcome.value for outcome in outcomes} == {"confirmed"}

    rpc = RpcCaller(amqp_uri())
    yield Organizer(publish, rpc, infrastructure.secrets.token_private_key.read_bytes())
    rpc.close()


@pytest.fixture
def outside(deployment: Deployment, amqp_uri: Callable[..., str]) -> Iterator[Outside]:
    consumer = Outside(amqp_uri(), "speedmentor.matching.#")
    yield consumer
    consumer.close()


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


def by_place(plan: dict[str, Any], site: str) -> set[tuple[Any, ...]]:
    return {
        (each["round"], each["table"], each["mentor_id"], each["mentee_id"])
        for each in plan["meetings"]
        if each["site_id"] == site
    }


def test_a_plan_waits_for_the_whole_roster_and_is_published_meeting_by_meeting(
    organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    unknown = organizer.call("request_plan", program_id=organizer.program_id)
    assert unknown["fault"]["code"] == "not-yet"
    organizer.publish_program()
    eventually(
        lambda: (
            "still being registered"
            in organizer.call("request_plan", program_id=organizer.program_id)["fault"]["detail"]["msgid"]
        ),
        20,
        "the program is known",
    )
    plan = planned(organizer, eventually)
    assert plan["revision"] == 1
    assert plan["quality"]["certified"] is True
    # Three mentors with three rounds each: nine meetings a site.
    assert plan["quality"]["meetings"] == len(plan["meetings"]) == 9 * len(SITES)
    events = outside.wait_for(len(plan["meetings"]) + 1)
    assigned = {each["data"]["meeting_id"] for each in events if "meeting-assigned" in each["type"]}
    assert assigned == {each["meeting_id"] for each in plan["meetings"]}
    assert [each["data"]["revision"] for each in events if "plan-published" in each["type"]] == [1]


def test_an_absence_changes_its_own_site_only_and_no_round_that_has_begun(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    before = planned(organizer, eventually)
    organizer.start_round("jkt", 1)
    eventually(lambda: organizer.plan()["begun"] == {"jkt": 1}, 20, "the round is known to have begun")
    organizer.miss("mentor", "jkt", 0, from_round=2)
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "a second revision")
    after = organizer.plan()
    gone = organizer.people["mentor", "jkt", 0]
    assert by_place(after, "upg") == by_place(before, "upg")
    assert {each for each in by_place(after, "jkt") if each[0] == 1} == {
        each for each in by_place(before, "jkt") if each[0] == 1
    }
    assert not [each for each in after["meetings"] if each["mentor_id"] == gone and each["round"] > 1]
    assert after["quality"]["meetings"] == before["quality"]["meetings"] - 2


def test_who_comes_late_is_planned_again(organizer: Organizer, eventually: Callable[..., Any]) -> None:
    before = planned(organizer, eventually)
    organizer.miss("mentor", "upg", 1, from_round=1)
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "a plan without the mentor")
    organizer.start_round("upg", 1)
    eventually(lambda: organizer.plan()["begun"] == {"upg": 1}, 20, "the round is known to have begun")
    organizer.tell("checked-in", "mentor", "upg", 1, at="2026-12-05T01:15:00.000Z")
    eventually(lambda: organizer.plan()["revision"] == 3, 30, "a plan with the mentor")
    late = organizer.people["mentor", "upg", 1]
    rounds = [each["round"] for each in organizer.plan()["meetings"] if each["mentor_id"] == late]
    assert rounds == [2, 3]
    assert organizer.plan()["quality"]["meetings"] == before["quality"]["meetings"] - 1


def test_of_the_erased_only_what_took_place_is_left_and_no_id(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    before = planned(organizer, eventually)
    organizer.start_round("jkt", 1)
    gone = organizer.people["mentor", "jkt", 0]
    (held,) = [each for each in before["meetings"] if each["mentor_id"] == gone and each["round"] == 1]
    eventually(lambda: organizer.plan()["begun"] == {"jkt": 1}, 20, "the round is known to have begun")
    organizer.tell("erased", "mentor", "jkt", 0)
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "a plan without the mentor")
    after = organizer.plan()
    assert gone not in str(after)
    ledger = organizer.call("ledger", program_id=organizer.program_id)["ok"]
    assert gone not in str(ledger)
    assert ledger["meetings"][held["meeting_id"]] == f"1/{held['table']}/erased/{held['mentee_id']}"


def hold_first_round(organizer: Organizer, eventually: Callable[..., Any]) -> dict[str, str]:
    """Plan, begin the first round at one site; who met whom there, by mentee."""
    plan = planned(organizer, eventually)
    organizer.start_round("jkt", 1)
    eventually(lambda: organizer.plan()["begun"] == {"jkt": 1}, 20, "the round is known to have begun")
    held = [each for each in plan["meetings"] if each["site_id"] == "jkt" and each["round"] == 1]
    return {each["mentee_id"]: each["mentor_id"] for each in held}


def paired(organizer: Organizer, eventually: Callable[..., Any], revision: int, **terms: Any) -> dict[str, Any]:
    """Have the pairs formed and wait for them."""
    assert "ok" in organizer.call("request_pairing", program_id=organizer.program_id, **terms)

    def pairing() -> dict[str, Any]:
        found: dict[str, Any] = organizer.call("get_pairing", program_id=organizer.program_id)["ok"]
        return found

    eventually(lambda: pairing()["state"] == "paired" and pairing()["revision"] == revision, 20, "the pairs")
    return pairing()


def test_people_rank_whom_they_met_and_the_pairs_are_published(
    organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    early = organizer.call("request_pairing", program_id=organizer.program_id)
    assert early["fault"]["code"] == "not-yet"
    met = hold_first_round(organizer, eventually)
    (first, mentor), (second, other), (third, last) = sorted(met.items())
    for who, ranks in ((first, [mentor]), (second, [other]), (mentor, [first])):
        role = "mentor" if who == mentor else "mentee"
        assert "ok" in organizer.call("submit_ranking", f"{role}:{who}", program_id=organizer.program_id, ranks=ranks)
    found = paired(organizer, eventually, 1)
    assert {(each["mentee_id"], each["mentor_id"], each["kind"]) for each in found["pairs"]} == {
        (first, mentor, "mutual"),
        (second, other, "one-sided"),
        (third, last, "assigned"),
    }
    assert found["rankings"] == {"mentor": 1, "mentee": 2}
    assert found["counts"]["stable"] == {"mutual": 1, "one-sided": 1, "ranked": 0, "assigned": 1}
    assert found["left_over"] == {"mentees": [], "mentors": []}
    own = organizer.call("get_pairing", first, program_id=organizer.program_id)["ok"]
    assert [each["mentor_id"] for each in own["pairs"]] == [mentor]
    assert "kind" not in own["pairs"][0], "it would tell how the other one ranked"
    events = [each for each in outside.wait_for(18 + 1 + 3 + 1) if "pair" in each["type"]]
    assert [each["type"].split(".")[2] for each in events] == ["pair-formed"] * 3 + ["pairing-published"]
    assert events[-1]["data"]["stable"] == found["counts"]["stable"]

    # Erased: the pair is dissolved, and no other one changes.
    place = next(place for place, who in organizer.people.items() if who == first)
    organizer.tell("erased", *place)

    def dissolved() -> list[str]:
        return [each["data"]["mentee_id"] for each in outside.wait_for(0) if "pair-dissolved" in each["type"]]

    eventually(dissolved, 20, "the pair is dissolved")
    assert dissolved() == [first]
    after = organizer.call("get_pairing", program_id=organizer.program_id)["ok"]
    assert first not in str(after)
    assert len(after["pairs"]) == 2


def test_a_ranking_names_only_people_met_and_only_ones_own(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    met = hold_first_round(organizer, eventually)
    me = min(met)
    stranger = organizer.people["mentor", "upg", 0]
    ranks = [stranger, met[me], met[me]]
    fault = organizer.call("submit_ranking", me, program_id=organizer.program_id, ranks=ranks, capacity=2)["fault"]
    assert [each["field"] for each in fault["problems"]] == ["/ranks/0", "/ranks/2", "/capacity"]
    assert organizer.call("get_ranking", me, program_id=organizer.program_id)["ok"] == {
        "program_id": organizer.program_id,
        "submitted": False,
        "ranks": [],
        "capacity": None,
        "met": [met[me]],
    }
    for method, who in (
        ("submit_ranking", "organizer"),
        ("get_ranking", "organizer"),
        ("request_pairing", me),
        ("request_pairing", "stranger"),
        ("get_pairing", "stranger"),
        ("cancel_plan", me),
    ):
        more = {"ranks": []} if method == "submit_ranking" else {}
        assert organizer.call(method, who, program_id=organizer.program_id, **more)["fault"]["code"] == "forbidden"


def test_a_plan_under_way_can_be_called_off_and_tells_how_far_it_is(
    deployment: Deployment, organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    plan = planned(organizer, eventually)
    idle = organizer.call("cancel_plan", program_id=organizer.program_id)
    assert idle["fault"]["code"] == "conflict"
    # Nobody solves while the planning process is stopped, so that there is something to call off.
    with solver_stopped(deployment):
        organizer.miss("mentor", "jkt", 0, from_round=1)
        eventually(lambda: organizer.plan()["state"] == "planning", 20, "a plan is being made")
        assert organizer.plan()["progress"] == 0
        assert organizer.call("cancel_plan", program_id=organizer.program_id)["ok"]["state"] == "cancelled"
        assert organizer.plan()["state"] == "cancelled"
        assert organizer.plan()["meetings"] == plan["meetings"]
        organizer.call("request_plan", program_id=organizer.program_id)
        eventually(lambda: organizer.plan()["state"] == "planned", 30, "a plan by a planning process of its own")
    assert organizer.plan()["revision"] == 2


def test_a_replica_that_is_stopped_leaves_its_plan_to_the_next(
    deployment: Deployment, organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    planned(organizer, eventually)
    with solver_stopped(deployment):
        organizer.miss("mentor", "jkt", 0, from_round=1)
        eventually(lambda: organizer.plan()["state"] == "planning", 20, "a plan is being made")
        deployment.stop("matching-1")
    deployment.wait_ready(*deployment.start("matching"))
    eventually(lambda: organizer.plan()["revision"] == 2, 30, "the plan by the next replica")
    assert organizer.plan()["state"] == "planned"


def test_a_plan_whose_process_is_killed_is_made_all_the_same(
    deployment: Deployment, organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    planned(organizer, eventually)
    with solver_stopped(deployment) as solvers:
        organizer.miss("mentor", "jkt", 0, from_round=1)
        eventually(lambda: organizer.plan()["state"] == "planning", 20, "a plan is being made")
        for solver in solvers:
            os.kill(solver, signal.SIGKILL)
        eventually(lambda: organizer.plan()["state"] != "planning", 30, "an end of the planning")
    assert (organizer.plan()["state"], organizer.plan()["revision"]) == ("planned", 2)


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


def test_who_has_met_in_an_earlier_program_does_not_meet_again_where_new_pairs_are_wanted(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    planned(organizer, eventually)
    for site in ("jkt", "upg"):
        for number in (1, 2, 3):
            organizer.start_round(site, number)
    eventually(lambda: organizer.plan()["begun"] == {"jkt": 3, "upg": 3}, 20, "all rounds are known to have begun")
    second = organizer.again()
    plan = planned(second, eventually)
    assert not second.pairs() & organizer.pairs()
    # Of 15 possible pairs a site nine have met; the six that are left all meet.
    assert plan["quality"]["meetings"] == 6 * len(SITES)


def test_a_repeated_request_and_two_replicas_make_one_plan(
    deployment: Deployment, organizer: Organizer, outside: Outside, eventually: Callable[..., Any]
) -> None:
    (second,) = deployment.start("matching")
    deployment.wait_ready(second)
    plan = planned(organizer, eventually)
    deployment.kill("matching-1")
    for key in ("again", "again", "and again"):
        asked = organizer.call("request_plan", program_id=organizer.program_id, idempotency_key=key)
        assert asked["ok"]["plan_id"] == plan["plan_id"]
    eventually(lambda: organizer.plan()["planned"] == 3, 30, "all three requests are answered")
    assert organizer.plan()["revision"] == 1, "the same roster gives the same plan, which is nothing new"
    outside.wait_for(len(plan["meetings"]) + 1)
    assert Counter(each["type"].split(".")[2] for each in outside.events) == {
        "meeting-assigned": len(plan["meetings"]),
        "plan-published": 1,
    }


def test_people_see_their_own_agenda_and_organizers_their_own_programs(
    organizer: Organizer, eventually: Callable[..., Any]
) -> None:
    plan = planned(organizer, eventually)
    me, other = organizer.people["mentee", "jkt", 0], organizer.people["mentee", "jkt", 1]
    agenda = organizer.call("get_agenda", me, participant_id=me)["ok"]
    assert [each["meeting_id"] for each in agenda["meetings"]] == [
        each["meeting_id"] for each in plan["meetings"] if each["mentee_id"] == me
    ]
    assert organizer.call("get_agenda", me, participant_id=other)["fault"]["code"] == "forbidden"
    assert organizer.call("get_plan", me, program_id=organizer.program_id)["fault"]["code"] == "forbidden"
    for method in ("get_plan", "ledger", "request_plan"):
        assert organizer.call(method, "stranger", program_id=organizer.program_id)["fault"]["code"] == "forbidden"
    assert organizer.call("get_agenda", "stranger", participant_id=me)["fault"]["code"] == "forbidden"
