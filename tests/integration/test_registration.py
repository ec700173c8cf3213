"""The registration service as a process of its own, on a real broker and database."""

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from kombu import Connection, Consumer, Exchange, Producer, Queue
from pymongo import MongoClient

from deploy.local import Infrastructure
from deploy.local.waiting import eventually
from services.registration.domain.access_codes import AccessCodes
from services.registration.log_in_lanes import Lanes
from shared.events import CONTENT_TYPE, Event, NewEvent, encode, seal, write_time
from shared.ids import new_id
from shared.messaging.topology import EVENTS, INTERNAL, declare
from shared.security.principal import Principal
from shared.security.tokens import mark_of, read_log_in, sign

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = {
    name: (ROOT / "examples/archipelago" / name).read_text("utf-8")
    for name in ("program.toml", "mentors.csv", "mentees.csv")
}
SMALL = {
    name: (ROOT / "examples/small" / name).read_text("utf-8") for name in ("program.toml", "mentors.csv", "mentees.csv")
}
ORG = "org-1"

# A service that kills itself as it first gets to a certain point.
DYING = """
import os, signal
from shared.process import run
from services.registration import store
from shared.storage.unit_of_work import UnitOfWork
def dies_after(owner, name):
    before = getattr(owner, name)
    def dying(*args, **kwargs):
        before(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, dying)
dies_after({point})
run("services.registration.service:Registration")
"""


class System:
    """Replicas of registration, a caller, and a listener to all that is published."""

    def __init__(self, uri: Callable[..., str], mongo_uri: str, infrastructure: Infrastructure, folder: Path) -> None:
        self._uri = uri
        self._mongo_uri = mongo_uri
        self.secrets = infrastructure.secrets
        self._folder = folder
        # Some days before the events of the examples, whatever day it is.
        self._clock_origin = f"{datetime.now(UTC).isoformat()}/2026-12-01T00:00:00+00:00"
        self.processes: list[subprocess.Popen[bytes]] = []
        client: MongoClient[dict[str, Any]] = MongoClient(mongo_uri)
        self.database = client.get_default_database()
        self._connection = Connection(uri())
        declare(self._connection)
        channel = self._connection.channel()
        self._reply_to = str(uuid.uuid4())
        self._answers: dict[str, Any] = {}
        self._events: list[dict[str, Any]] = []
        #: What matching alone hears.
        self._internal: list[dict[str, Any]] = []
        replies = Queue(
            f"answers-{self._reply_to}", Exchange("nameko-rpc", "topic"), self._reply_to, exclusive=True, durable=False
        )
        heard = Queue(
            f"events-{self._reply_to}", Exchange(EVENTS, "topic"), "speedmentor.#", exclusive=True, durable=False
        )
        internal = Queue(f"internal-{self._reply_to}", Exchange(INTERNAL, "topic"), "#", exclusive=True, durable=False)
        self._consumers = [
            Consumer(channel, [internal], on_message=self._heard_inside, no_ack=True),
            Consumer(channel, [replies], on_message=self._answered, no_ack=True),
            Consumer(channel, [heard], on_message=self._heard, no_ack=True),
        ]
        for consumer in self._consumers:
            consumer.consume()
        self._producer = Producer(channel)

    def start(self, *command: str, ready: bool = True, **more: str) -> subprocess.Popen[bytes]:
        """Start a replica, of another ``command`` and with ``more`` settings if given, and wait until it is ready."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = port = probe.getsockname()[1]
        self.log = log = self._folder / f"registration-{len(self.processes)}.log"
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *(command or ("-m", "services.registration"))],
            env={
                "PATH": os.environ["PATH"],
                "AMQP_URI": self._uri("registration"),
                "MONGO_URI": self._mongo_uri,
                "HEALTH_PORT": str(port),
                "TOKEN_PUBLIC_KEY_FILE": str(self.secrets.token_public_key),
                "ACCESS_CODE_KEY_FILE": str(self.secrets.access_code_key),
                "CLOCK_ORIGIN": self._clock_origin,
                **more,
            },
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
            cwd=ROOT,
        )
        self.processes.append(process)

        def is_ready() -> bool:
            assert process.poll() is None, log.read_text()[-3000:]
            with urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
                return bool(answer.status == 200)

        if ready:
            eventually(is_ready, 60, "registration is ready")
        return process

    def figure(self, name: str) -> float:
        """A figure of the replica started last."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])

    def token(self, role: str = "organizer", subject: str = "olivia", **more: tuple[str, ...]) -> str:
        """A token of the gateway's."""
        principal = Principal(subject, role, ORG, **more)
        return sign(principal, self.secrets.token_private_key.read_bytes())

    def send(self, method: str, token: str | None, **arguments: Any) -> str:
        """Send a request; returns the id of its answer."""
        call = str(uuid.uuid4())
        self._producer.publish(
            {"args": [], "kwargs": arguments},
            exchange="nameko-rpc",
            routing_key=f"registration.{method}",
            serializer="json",
            reply_to=self._reply_to,
            correlation_id=call,
            headers={"nameko.token": token} if token else {},
        )
        return call

    def answer(self, call: str, seconds: float = 60) -> dict[str, Any]:
        """The answer to a request: ``{"ok": …}`` or ``{"fault": …}``."""
        eventually(lambda: self._look() or call in self._answers, seconds, "an answer", pause=0)
        answer = self._answers.pop(call)
        assert answer["error"] is None, answer
        result: dict[str, Any] = answer["result"]
        return result

    def call(self, method: str, by: str | None = "organizer", **arguments: Any) -> Any:
        """The result of a call that must succeed, made by an organizer unless another token is given."""
        answer = self.answer(self.send(method, self.token() if by == "organizer" else by, **arguments))
        assert "ok" in answer, answer
        return answer["ok"]

    def fault(self, method: str, by: str | None = "organizer", **arguments: Any) -> dict[str, Any]:
        """The fault of a call that must fail."""
        answer = self.answer(self.send(method, self.token() if by == "organizer" else by, **arguments))
        assert "fault" in answer, answer
        fault: dict[str, Any] = answer["fault"]
        return fault

    def tell(self, *events: Event) -> None:
        """Publish events of other services."""
        for event in events:
            self._producer.publish(
                encode(event), exchange=EVENTS, routing_key=event.type, content_type=CONTENT_TYPE, message_id=event.id
            )

    def events(self, program_id: str, count: int, *names: str) -> list[dict[str, Any]]:
        """Wait for ``count`` events of a program (of these names, if any); each is there once."""

        def found() -> list[dict[str, Any]]:
            once = {each["id"]: each for each in self._events if each.get("program") == program_id}
            return [each for each in once.values() if not names or _name(each) in names]

        eventually(lambda: self._look() or len(found()) >= count, 20, f"{count} events", pause=0)
        assert len(found()) == count, [_name(each) for each in found()]
        return found()

    def relations(self, participant_id: str, count: int) -> list[dict[str, Any]]:
        """Wait until matching has been told of somebody's relations ``count`` times."""

        def found() -> list[dict[str, Any]]:
            return [each for each in self._internal if each["subject"] == participant_id]

        eventually(lambda: self._look() or len(found()) >= count, 20, "the relations", pause=0)
        assert len(found()) == count
        return found()

    def heard(self, subject: str) -> dict[str, Any]:
        """Wait for an event about something that is of no program."""

        def found() -> list[dict[str, Any]]:
            return [each for each in self._events if each["subject"] == subject]

        eventually(lambda: self._look() or found(), 20, "the event", pause=0)
        return found()[0]

    def end(self) -> None:
        """End what still runs."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(10)
        self._connection.close()

    def _look(self) -> bool:
        try:
            self._connection.drain_events(timeout=0.05)
        except TimeoutError:
            self._connection.heartbeat_check()
        return False

    def _answered(self, message: Any) -> None:
        self._answers[message.properties["correlation_id"]] = json.loads(message.body)

    def _heard_inside(self, message: Any) -> None:
        self._internal.append(json.loads(message.body))

    def _heard(self, message: Any) -> None:
        self._events.append(json.loads(message.body))


def _name(event: dict[str, Any]) -> str:
    return str(event["type"]).removeprefix("speedmentor.registration.").removesuffix(".v1")


@pytest.fixture
def stage(infrastructure: Infrastructure, mongo_uri: Callable[[str], str], tmp_path: Path) -> Iterator[System]:
    """A broker and a database with nobody else on them, and no replica yet."""
    vhost = f"test-{uuid.uuid4().hex[:12]}"
    infrastructure.add_vhost(vhost)

    def uri(account: str = "launcher") -> str:
        return infrastructure.amqp_uri(account, vhost)

    made = System(uri, mongo_uri(f"registration-{uuid.uuid4().hex[:6]}"), infrastructure, tmp_path)
    yield made
    made.end()


@pytest.fixture(scope="module")
def system(
    infrastructure: Infrastructure,
    amqp_uri: Callable[..., str],
    mongo_uri: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    """One replica for all tests that do it no harm."""
    made = System(amqp_uri, mongo_uri("registration"), infrastructure, tmp_path_factory.mktemp("registration"))
    try:
        made.start()
        yield made
    finally:
        made.end()


@pytest.fixture
def program_id(system: System) -> str:
    """The small event, published."""
    imported = system.call("import_event", files=SMALL, idempotency_key=str(uuid.uuid4()))
    return str(system.call("publish_program", program_id=imported["program_id"], idempotency_key=None)["program_id"])


@pytest.fixture
def people(system: System, program_id: str) -> dict[str, dict[str, Any]]:
    """Its people by key."""
    return {each["ref"]: each for each in system.call("list_participants", program_id=program_id)}


def as_participant(system: System, person: dict[str, Any]) -> str:
    """The token of a participant."""
    return system.token(
        person["role"], person["participant_id"], programs=(person["program_id"],), sites=(person["site_id"],)
    )


def test_an_event_is_imported_published_and_told(system):
    imported = system.call("import_event", files=EXAMPLE, idempotency_key="archipelago")
    assert {**imported, "program_id": None} == {
        "program_id": None,
        "mentors": 24,
        "mentees": 72,
        "sites": ["jkt", "sby", "mks"],
    }
    program_id = imported["program_id"]
    assert system.call("get_program", program_id=program_id)["state"] == "draft"
    assert system.call("ledger", program_id=program_id)["participants"] == {}, "nobody has been told of a draft"
    view = system.call("publish_program", program_id=program_id, idempotency_key="publish")
    assert (view["state"], view["mentors"], view["mentees"]) == ("published", 24, 72)

    wanting = sum(bool(each["wants"]) for each in system.call("list_participants", program_id=program_id))
    told = system.events(program_id, 1 + 96 + wanting)
    by_name = {name: [each for each in told if _name(each) == name] for name in {_name(each) for each in told}}
    assert {name: len(found) for name, found in by_name.items()} == {
        "program-published": 1,
        "mentor-registered": 24,
        "mentee-registered": 72,
        "preference-stated": wanting,
    }
    opened = by_name["program-published"][0]["data"]
    assert (opened["mentors"], opened["mentees"], opened["round_seconds"]) == (24, 72, 600)
    assert [site["starts_at"] for site in opened["sites"]] == [
        "2026-12-05T02:00:00.000Z",
        "2026-12-05T02:00:00.000Z",
        "2026-12-05T02:30:00.000Z",
    ]
    ledger = system.call("ledger", program_id=program_id)
    assert ledger["programs"] == {program_id: "published"}
    assert len(ledger["participants"]) == 96
    assert ledger["participants"][by_name["mentor-registered"][0]["subject"]].startswith("mentor/")
    eventually(lambda: system.call("ledger", program_id=program_id)["outbox-pending"] == 0)
    assert "Wahyuni" not in json.dumps(told, ensure_ascii=False)


def test_a_repeated_import_gets_the_first_answer_and_another_request_a_conflict(system):
    first = system.call("import_event", files=SMALL, idempotency_key="again")
    assert system.call("import_event", files=SMALL, idempotency_key="again") == first
    assert len([each for each in system.call("list_programs") if each["program_id"] == first["program_id"]]) == 1
    other = {**SMALL, "program.toml": SMALL["program.toml"].replace("rounds = 3", "rounds = 2")}
    assert system.fault("import_event", files=other, idempotency_key="again")["code"] == "conflict"


def test_faulty_files_are_named_and_nothing_is_created(system):
    before = (system.database["programs"].count_documents({}), system.database["participants"].count_documents({}))
    files = {**EXAMPLE, "mentees.csv": EXAMPLE["mentees.csv"].replace(",sby,", ",sub,", 2)}
    fault = system.fault("import_event", files=files, idempotency_key=None)
    assert fault["code"] == "invalid"
    assert [(each["file"], each["row"], each["field"]) for each in fault["problems"]] == [
        ("mentees.csv", 32, "site"),
        ("mentees.csv", 33, "site"),
    ]
    assert all(each["remedy"]["msgid"] for each in fault["problems"])
    after = (system.database["programs"].count_documents({}), system.database["participants"].count_documents({}))
    assert after == before


@pytest.mark.parametrize("point", ["store, 'add_participants'", "UnitOfWork, 'command'"])
def test_a_service_killed_while_it_imports_has_imported_all_or_nothing(stage, point):
    """Killed before the commit, or after it and before the answer: who asks again gets one program, whole."""
    dying = stage.start("-c", DYING.format(point=point))
    call = stage.send("import_event", stage.token(), files=SMALL, idempotency_key="once")
    eventually(lambda: dying.poll() is not None, 60, "its death")
    assert dying.returncode == -signal.SIGKILL
    counts = (stage.database["programs"].count_documents({}), stage.database["participants"].count_documents({}))
    assert counts == ((0, 0) if "store" in point else (1, 18))
    stage.start()
    first = stage.answer(call)["ok"]  # the broker has delivered the request again
    assert stage.call("import_event", files=SMALL, idempotency_key="once") == first
    assert stage.database["programs"].count_documents({}) == 1
    assert stage.database["participants"].count_documents({"program_id": first["program_id"]}) == 18
    assert stage.database["participants"].count_documents({}) == 18


def test_a_service_killed_while_it_publishes_tells_everybody_once(stage):
    stage.start()
    program_id = stage.call("import_event", files=SMALL, idempotency_key=None)["program_id"]
    stage.processes[0].kill()
    dying = stage.start("-c", DYING.format(point="store, 'save_participants'"))
    call = stage.send("publish_program", stage.token(), program_id=program_id, idempotency_key="publish")
    eventually(lambda: dying.poll() is not None, 60, "its death")
    assert stage.database["outbox"].count_documents({}) == 0
    stage.start()
    # The database itself lets go of what the dead one had in hand, after a while.
    assert stage.answer(call, 60)["ok"]["state"] == "published"
    assert len(stage.events(program_id, 18, "mentor-registered", "mentee-registered")) == 18
    stage.events(program_id, 1, "program-published")


def test_arrivals_absences_and_withdrawals_are_kept_and_told(system, program_id, people):
    gita, hasan, astrid = (people[ref]["participant_id"] for ref in ("t01", "t02", "astrid"))
    arrived = system.call("check_in", participant_id=gita, idempotency_key="in")
    assert (arrived["checked_in"], arrived["status"]) == (True, "registered")
    assert system.call("check_in", participant_id=gita, idempotency_key="in") == arrived
    system.call("check_in", participant_id=gita, idempotency_key="in-2")
    assert system.call("mark_absent", participant_id=hasan, from_round=2, idempotency_key=None)["status"] == "absent:2"
    assert system.call("withdraw", participant_id=astrid, idempotency_key=None)["status"] == "withdrawn"
    told = system.events(program_id, 3, "participant-checked-in", "participant-absent", "participant-withdrawn")
    assert {_name(each): each["subject"] for each in told} == {
        "participant-checked-in": gita,
        "participant-absent": hasan,
        "participant-withdrawn": astrid,
    }
    ledger = system.call("ledger", program_id=program_id)
    assert ledger["checked-in"] == [gita]
    assert ledger["participants"][hasan] == "mentee/canteen/absent:2"
    assert ledger["participants"][astrid] == "mentor/canteen/withdrawn"
    assert system.call("get_program", program_id=program_id)["mentors"] == 5
    assert system.fault("check_in", participant_id=astrid, idempotency_key=None)["code"] == "conflict"
    fault = system.fault("mark_absent", participant_id=hasan, from_round=4, idempotency_key=None)
    assert (fault["code"], fault["problems"][0]["field"]) == ("invalid", "/from_round")


def test_somebody_who_walks_in_is_told_at_once_and_kept_from_the_team(system, program_id, people):
    mentee = {
        "name": "Ñusta Quispe",
        "site_id": "canteen",
        "languages": ["en"],
        "motive": "network",
        "topics": ["export"],
        "team": "sales",
        "questions": ["Who knows Peru?"],
    }
    seen = system.call("register_mentee", program_id=program_id, mentee=mentee, idempotency_key="walk-in")
    assert (seen["name"], seen["rounds"], seen["max_meetings"]) == ("Ñusta Quispe", [1, 2, 3], 3)
    again = system.call("register_mentee", program_id=program_id, mentee=mentee, idempotency_key="walk-in")
    assert again["participant_id"] == seen["participant_id"]
    told = system.events(program_id, 13, "mentee-registered")
    assert seen["participant_id"] in {each["subject"] for each in told}
    # Matching is told of the team, and nobody else: not even that somebody's list has changed at that moment.
    for ref in ("dina", "emil"):
        (before, then) = system.relations(people[ref]["participant_id"], 2)
        assert seen["participant_id"] in set(then["data"]["never"]) - set(before["data"]["never"])
        assert (then["ordinal"], then["follows"]) == (2, 1)
    assert system.events(program_id, 0, "mentor-updated") == []
    (own,) = system.relations(seen["participant_id"], 1)
    assert own["data"]["team_id"] == then["data"]["team_id"]
    assert own["follows"] == 0
    fault = system.fault(
        "register_mentee", program_id=program_id, mentee={**mentee, "site_id": "roof"}, idempotency_key=None
    )
    assert fault["problems"][0]["field"] == "/mentee/site_id"
    assert "name" in str(
        system.fault("register_mentor", program_id=program_id, mentor={"site_id": "canteen"}, idempotency_key=None)
    )


def door(**more: Any) -> dict[str, Any]:
    """A mentee who comes to the door."""
    return {
        "name": "Ñusta Quispe",
        "site_id": "canteen",
        "languages": ["en"],
        "motive": "network",
        "topics": ["export"],
        **more,
    }


def test_a_mailbox_that_comes_ten_times_at_once_is_one_person_and_nine_clear_answers(system, program_id):
    spellings = ["n@münchen.example", "N@XN--MNCHEN-3YA.example"]
    calls = [
        system.send(
            "register_mentee",
            system.token(),
            program_id=program_id,
            mentee=door(email=spellings[number % 2]),
            idempotency_key=f"{program_id}-{number}",
        )
        for number in range(10)
    ]
    answers = [system.answer(call) for call in calls]
    (seen,) = [each["ok"] for each in answers if "ok" in each]
    faults = [each["fault"] for each in answers if "fault" in each]
    assert [(each["code"], each["problems"][0]["field"]) for each in faults] == [("conflict", "/mentee/email")] * 9
    assert all(each["problems"][0]["what"]["params"]["name"] == "Ñusta Quispe" for each in faults)
    of_program = {"program_id": program_id, "person_id": {"$ne": None}, "name": "Ñusta Quispe"}
    assert system.database["participants"].count_documents(of_program) == 1

    mentee = door(email=spellings[0])
    system.call("withdraw", participant_id=seen["participant_id"], idempotency_key=None)
    back = system.call("register_mentee", program_id=program_id, mentee=mentee, idempotency_key=None)
    assert back["participant_id"] != seen["participant_id"], "who has withdrawn registers again"


def test_an_id_that_a_mailbox_was_given_under_another_spelling_stays(system, program_id, people):
    """People stored by an earlier release have an id of the very spelling; who they met is known under it."""
    gita = people["t01"]["participant_id"]
    earlier = {"email": "gita@xn--mnchen-3ya.example", "person_id": "id-of-the-spelling"}
    system.database["participants"].update_one({"_id": gita}, {"$set": earlier})
    files = {**SMALL, "mentees.csv": with_address(SMALL["mentees.csv"], "t01", "Gita@münchen.example")}
    imported = system.call("import_event", files=files, idempotency_key=None)
    (now,) = system.database["participants"].find({"program_id": imported["program_id"], "ref": "t01"})
    assert now["person_id"] == "id-of-the-spelling"
    hasan = {"_id": people["t02"]["participant_id"]}
    own = system.database["participants"].find_one(hasan)["person_id"]
    odd = {"email": "hasan@pabrikteh.example\u200b", "person_id": "id-of-a-slip"}
    system.database["participants"].update_one(hasan, {"$set": odd})
    again = system.call("import_event", files=SMALL, idempotency_key=None)
    (hasan_now,) = system.database["participants"].find({"program_id": again["program_id"], "ref": "t02"})
    assert hasan_now["person_id"] == own, "the mailbox is known under its own id elsewhere"
    fault = system.fault(
        "register_mentee", program_id=program_id, mentee=door(email="gita@MÜNCHEN.example"), idempotency_key=None
    )
    assert fault["problems"][0]["field"] == "/mentee/email"


def with_address(table: str, ref: str, email: str) -> str:
    """The table with this address of one person."""
    rows = list(csv.DictReader(io.StringIO(table)))
    for row in rows:
        if row["ref"] == ref:
            row["email"] = email
    out = io.StringIO()
    writer = csv.DictWriter(out, [*rows[0], *([] if "email" in rows[0] else ["email"])])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def test_what_looks_wrong_is_asked_about_and_taken_with_its_code(system, program_id):
    mentee = door(name="O&#39;Neill", team="N/A")
    fault = system.fault("register_mentee", program_id=program_id, mentee=mentee, idempotency_key=None)
    (problem,) = fault["problems"]
    assert problem["what"]["params"]["guess"] == "O'Neill"
    seen = system.call(
        "register_mentee",
        program_id=program_id,
        mentee={**mentee, "confirmed": problem["confirm"]},
        idempotency_key=None,
    )
    assert (seen["name"], seen["team"]) == ("O&#39;Neill", "")
    assert [each["field"] for each in seen["notices"]] == ["/mentee/team"]
    for hidden in ({"name": "Ana \u2067nimda"}, {"questions": ["Why \U000e0041?"]}, {"team": "Ba\u200bnk"}):
        fault = system.fault("register_mentee", program_id=program_id, mentee=door(**hidden), idempotency_key=None)
        assert "character" in fault["problems"][0]["what"]["msgid"]


def test_participants_change_their_own_and_read_the_public_part_of_others(system, program_id, people):
    gita, hasan, chen = people["t01"], people["t02"], people["chen"]
    own = as_participant(system, gita)
    seen = system.call(
        "update_questions", own, participant_id=gita["participant_id"], questions=["Just one?"], idempotency_key=None
    )
    assert seen["questions"] == ["Just one?"]
    system.call(
        "state_preference",
        own,
        participant_id=gita["participant_id"],
        wants=[chen["participant_id"]],
        avoids=[],
        idempotency_key=None,
    )
    updated = system.events(program_id, 1, "mentee-updated")[0]
    assert (updated["subject"], updated["data"]["questions"]) == (gita["participant_id"], 1)
    told = system.relations(gita["participant_id"], 1 + bool(gita["wants"] or gita["avoids"] or gita["team"]) + 1)[-1]
    assert (told["data"]["wants"], told["data"]["avoids"]) == ([chen["participant_id"]], [])
    stated = [e["data"] for e in system._events if e["subject"] == gita["participant_id"] and "wants" in e["data"]]
    assert (stated[-1]["wants"], stated[-1]["avoids"], stated[-1]["wanted"]) == ([], [], 1)
    others = system.call("list_participants", own, program_id=program_id)
    assert {each["role"] for each in others} == {"mentor"}
    assert all("email" not in each and "wants" not in each for each in others)
    assert any(each["story"] for each in others)
    assert "email" not in system.call("get_participant", own, participant_id=chen["participant_id"])
    assert "questions" not in system.call("get_participant", own, participant_id=hasan["participant_id"])
    assert system.call("get_participant", own, participant_id=gita["participant_id"])["email"] == gita["email"]
    for method, arguments in (
        ("update_questions", {"participant_id": hasan["participant_id"], "questions": []}),
        ("withdraw", {"participant_id": hasan["participant_id"]}),
        ("check_in", {"participant_id": gita["participant_id"]}),
        ("cancel_program", {"program_id": program_id, "reason": "weather"}),
        ("import_event", {"files": SMALL}),
    ):
        assert system.fault(method, own, **arguments, idempotency_key=None)["code"] == "forbidden", method
    for method in ("access_codes", "ledger"):
        assert system.fault(method, own, program_id=program_id)["code"] == "forbidden"
    assert system.fault("list_participants", own, program_id=program_id, role="mentee")["code"] == "forbidden"


def test_nobody_without_a_right_sees_anything(system, program_id, people):
    assert system.fault("get_program", None, program_id=program_id)["code"] == "unauthenticated"
    elsewhere = system.token("mentee", "someone", programs=("another",), sites=("x",))
    assert system.fault("get_program", elsewhere, program_id=program_id)["code"] == "not-found"
    assert system.fault("get_participant", elsewhere, participant_id=people["t01"]["participant_id"])["code"] == (
        "not-found"
    )
    assert system.call("list_programs", elsewhere) == []
    of_another_site = system.token(sites=("roof",))
    assert system.fault("check_in", of_another_site, participant_id=people["t01"]["participant_id"])["code"] == (
        "forbidden"
    )
    assert system.call("list_participants", of_another_site, program_id=program_id) == []
    assert system.fault("list_participants", program_id=program_id, site_id="nowhere")["code"] == "not-found"


def test_an_access_code_lets_in_whoever_it_belongs_to(system, program_id, people):
    codes = {each["participant_id"]: each["access_code"] for each in system.call("access_codes", program_id=program_id)}
    assert len(set(codes.values())) == 18
    gita = people["t01"]
    typed = codes[gita["participant_id"]].replace("-", " ").lower()
    assert system.call("redeem_access_code", None, access_code=typed) == {
        "participant_id": gita["participant_id"],
        "role": "mentee",
        "org": ORG,
        "program_id": program_id,
        "site_id": "canteen",
    }
    for wrong in ("0000-0000-0000", "nonsense"):
        assert system.fault("redeem_access_code", None, access_code=wrong)["code"] == "not-found"
    stored = json.dumps(list(system.database["participants"].find({"program_id": program_id})), default=str)
    assert all(code not in stored and code.replace("-", "") not in stored for code in codes.values())


def test_a_log_in_is_ended_by_itself_once_and_told_without_whose_it_was(system, program_id, people):
    gita = people["t01"]
    principal = Principal(gita["participant_id"], "mentee", ORG, (program_id,), (gita["site_id"],))
    key = system.secrets.token_private_key.read_bytes()
    this, other = (sign(principal, key, log_in_id=new_id()) for _ in range(2))
    system.call("end_log_in", this)
    assert system.fault("end_log_in", this)["code"] == "unauthenticated"
    assert system.call("get_participant", other, participant_id=gita["participant_id"])
    log_in = read_log_in(this, system.secrets.token_public_key.read_bytes())
    told = system.heard(log_in.log_in_id)
    assert told["data"] == {"log_in_id": log_in.log_in_id, "expires_at": write_time(log_in.expires_at)}
    assert gita["participant_id"] not in json.dumps(told)
    operator = system.token("operator", "gateway")
    ended = system.call("list_ended_log_ins", operator)
    assert {"mark": mark_of(log_in.log_in_id), "until": write_time(log_in.expires_at)} in ended["ended"]
    assert ended["all"]
    assert system.fault("list_ended_log_ins")["code"] == "forbidden"


def test_tries_are_counted_by_the_database_as_the_policy_says_and_name_nobody(system):
    codes = AccessCodes(system.secrets.access_code_key.read_bytes())
    lanes = Lanes(system.database, codes.lane_name)
    assert lanes.fill("address", "192.0.2.99", 1000.0, 400.0) == 0.0
    assert lanes.fill("address", "192.0.2.99", 1000.0, 0.0) == pytest.approx(400, abs=20)
    assert lanes.fill("address", "192.0.2.99", 1000.0, 700.0) == pytest.approx(400, abs=20)
    for _ in range(2):
        assert lanes.fill("address", "192.0.2.99", 1000.0, 700.0) == pytest.approx(1100, abs=20), "it is full"
    with ThreadPoolExecutor(16) as pool:
        seen = sorted(pool.map(lambda _: lanes.fill("account", "acme", 1000.0, 100.0), range(32)))
    assert len([each for each in seen if each <= 1000]) == 11, "each try sees those before it, of however many at once"
    kept = str(list(system.database["log_in_lanes"].find()))
    assert "192.0.2.99" not in kept
    assert "acme" not in kept


@pytest.mark.parametrize("by", [None, "organizer", "mentee"])
def test_only_the_gateway_says_that_a_password_was_tried(system, by):
    token = by if by is None else system.token(by, by)
    given = {"account": "organizer", "right": True, "address": "192.0.2.1", "device": None}
    assert system.fault("try_password", token, **given)["code"] in ("unauthenticated", "forbidden")


def test_somebody_who_is_erased_is_forgotten(system, program_id, people):
    gita = people["t01"]
    own = as_participant(system, gita)
    codes = {each["participant_id"]: each["access_code"] for each in system.call("access_codes", program_id=program_id)}
    system.call("update_questions", own, participant_id=gita["participant_id"], questions=["?"], idempotency_key="q")
    given = {"_id": {"$regex": f"\\|{gita['participant_id']}\\|q$"}}
    assert system.database["commands"].count_documents(given) == 1
    system.call("erase_participant", own, participant_id=gita["participant_id"], idempotency_key="erase")
    system.call("erase_participant", participant_id=gita["participant_id"], idempotency_key="erase-again")
    assert system.fault("list_participants", own, program_id=program_id)["code"] == "unauthenticated", "and is nobody"
    assert system.database["commands"].count_documents(given) == 0, "which commands the erased gave is forgotten"
    erased = system.events(program_id, 1, "participant-erased")[0]
    assert erased["subject"] == gita["participant_id"]
    assert system.fault("get_participant", participant_id=gita["participant_id"])["code"] == "not-found"
    assert system.fault("redeem_access_code", None, access_code=codes[gita["participant_id"]])["code"] == "not-found"
    assert gita["participant_id"] not in system.call("ledger", program_id=program_id)["participants"]
    kept = [str(each) for name in system.database.list_collection_names() for each in system.database[name].find()]
    about = [each for each in kept if gita["participant_id"] in each]
    assert about
    assert not any(gita["name"] in each or gita["email"] in each for each in about)


def test_a_program_that_is_off_takes_nobody_any_more(system, program_id, people):
    view = system.call("cancel_program", program_id=program_id, reason="weather", idempotency_key=None)
    assert view["state"] == "cancelled"
    assert system.events(program_id, 1, "program-cancelled")[0]["data"]["reason"] == "weather"
    for method, arguments in (
        ("check_in", {"participant_id": people["t01"]["participant_id"]}),
        ("publish_program", {"program_id": program_id}),
        ("cancel_program", {"program_id": program_id, "reason": "weather"}),
    ):
        assert system.fault(method, **arguments, idempotency_key=None)["code"] == "conflict"
    fault = system.fault("cancel_program", program_id=program_id, reason="It rains", idempotency_key=None)
    assert (fault["code"], fault["problems"][0]["field"]) == ("invalid", "/reason")


def test_nobody_is_lost_who_registers_while_the_program_is_published(system):
    program_id = system.call("import_event", files=SMALL, idempotency_key=None)["program_id"]
    mentee = {"site_id": "canteen", "languages": ["en"], "motive": "network", "topics": ["export"]}
    calls = [
        system.send(
            "register_mentee",
            system.token(),
            program_id=program_id,
            mentee={**mentee, "name": f"Guest {number}"},
            idempotency_key=f"{program_id}-{number}",
        )
        for number in range(6)
    ]
    calls.insert(3, system.send("publish_program", system.token(), program_id=program_id, idempotency_key=None))
    assert all("ok" in system.answer(call, 30) for call in calls)
    system.events(program_id, 18, "mentee-registered")
    assert len(system.call("ledger", program_id=program_id)["participants"]) == 24


def test_what_comes_too_late_is_asked_about_and_taken_with_a_yes(system, eventually):
    past = {**SMALL, "program.toml": SMALL["program.toml"].replace("2026-12-05", "2026-11-05")}
    fault = system.fault("import_event", files=past, idempotency_key=None)
    (problem,) = fault["problems"]
    assert (fault["code"], problem["file"], problem["field"]) == ("invalid", "program.toml", "/date")
    imported = system.call("import_event", files=past, confirmed=problem["confirm"], idempotency_key=None)
    program_id = imported["program_id"]
    system.call("publish_program", program_id=program_id, idempotency_key=None)
    people = system.call("list_participants", program_id=program_id)
    mentors = [{"participant_id": each["participant_id"]} for each in people if each["role"] == "mentor"]

    def guest(*confirmed: str) -> dict[str, Any]:
        form = {"site_id": "canteen", "languages": ["en"], "name": "Guest", "topics": {"export": 3}}
        return {"program_id": program_id, "mentor": {**form, "confirmed": list(confirmed)}}

    for method, arguments, code, field in (
        ("mark_absent", {**mentors[0], "from_round": 1}, "invalid", "/from_round"),
        ("check_in", mentors[1], "conflict", "/participant_id"),
        ("register_mentor", guest(), "conflict", "/mentor/site_id"),
    ):
        fault = system.fault(method, **arguments, idempotency_key=None)
        (problem,) = fault["problems"]
        assert (fault["code"], problem["field"]) == (code, field)
        with_a_yes = {**arguments, "confirmed": problem["confirm"]} if "mentor" not in arguments else {}
        system.call(method, **(with_a_yes or guest(*problem["confirm"])), idempotency_key=None)
    # The session is moved to a day ahead: nothing of it is too late any more.
    system.tell(timed("session-scheduled", program_id, 1, "2026-12-10T02:00:00.000Z", plan_id="plan"))

    def is_known() -> bool:
        site = system.call("get_program", program_id=program_id)["sites"][0]
        return site["starts_at"] == "2026-12-10T02:00:00.000Z"

    eventually(is_known, 20, "the new start is known")
    system.call("mark_absent", **mentors[2], from_round=1, idempotency_key=None)


def timed(name: str, program_id: str, revision: int, starts_at: str, **more: Any) -> Event:
    """An event of the session timer about the one session of a program, whose only round takes ten minutes."""
    data = {
        "session_id": f"{program_id}-canteen",
        "program_id": program_id,
        "site_id": "canteen",
        "revision": revision,
        **more,
    }
    if name != "session-finished":
        ends_at = starts_at.replace(":00:00.000Z", ":10:00.000Z")
        data["timetable"] = [{"round": 1, "starts_at": starts_at, "ends_at": ends_at}]
    new = NewEvent(f"session-timer.{name}", data["session_id"], data, org=ORG, program=program_id, site="canteen")
    return seal(new, id=new_id(), ordinal=revision, time=datetime.now(UTC))


def test_a_program_is_told_with_the_start_that_holds_and_how_far_it_is(system, program_id, eventually):
    def shown(**expected: Any) -> None:
        """Wait until the program is shown so, alone and in the list."""

        def is_shown() -> bool:
            view = system.call("get_program", program_id=program_id)
            listed = next(each for each in system.call("list_programs") if each["program_id"] == program_id)
            assert listed == view
            site = view["sites"][0]
            return expected.items() <= {**view, "site": site.get("state"), "starts_at": site["starts_at"]}.items()

        eventually(is_shown, 20, f"the program is shown with {expected}")

    before = system.call("get_program", program_id=program_id)
    published = before["sites"][0]["starts_at"]
    assert (before["standing"], "published_starts_at" in before["sites"][0]) == ("published", False)
    assert before["attention"] == [
        {"code": "no-plan", "when": before["attention"][0]["when"], "starts_at": published, "sites": ["canteen"]}
    ]

    system.tell(timed("session-rescheduled", program_id, 3, "2099-01-02T03:00:00.000Z", cause="start-shifted"))
    shown(starts_at="2099-01-02T03:00:00.000Z", site="scheduled", standing="published", attention=[])
    assert system.call("get_program", program_id=program_id)["sites"][0]["published_starts_at"] == published

    older = timed("session-scheduled", program_id, 1, published, plan_id="plan")
    system.tell(older, older, timed("session-rescheduled", program_id, 4, "2020-01-02T03:00:00.000Z", cause="test"))
    shown(starts_at="2020-01-02T03:00:00.000Z", site="finished", standing="finished", state="published")

    over = timed("session-finished", program_id, 5, published, rounds_held=1)
    again = timed("session-finished", program_id, 6, published, rounds_held=1)
    system.tell(over, again)
    (finished,) = system.events(program_id, 1, "program-finished")
    assert (finished["data"], finished["causationid"]) == ({"program_id": program_id, "sites": 1}, over.id)

    ready = {"program_id": program_id, "figures": {}, "k": 5, "answers": 0}
    report = NewEvent("feedback.program-report-ready", program_id, ready, org=ORG, program=program_id)
    system.tell(seal(report, id=new_id(), ordinal=1, time=datetime.now(UTC)))
    shown(standing="closed", starts_at="2020-01-02T03:00:00.000Z")
    assert len(system.events(program_id, 1, "program-finished")) == 1, "told once"
    assert system.call("ledger", program_id=program_id)["programs"] == {program_id: "published"}


def test_participants_are_told_how_far_the_program_is_and_not_what_organizers_have_to_see_to(
    system, program_id, people
):
    view = system.call("get_program", by=as_participant(system, people["t01"]), program_id=program_id)

    assert (view["standing"], view["attention"]) == ("published", [])


def test_a_start_that_comes_without_a_plan_is_in_the_log_and_the_figures_once(stage, eventually):
    # Noon at the canteen, with two hours of the event in a real second; one of the programs has a plan in time.
    noon = datetime(2026, 12, 5, 5, 0, tzinfo=UTC)
    origin = f"{datetime.now(UTC).isoformat()}/{(noon - timedelta(days=3)).isoformat()}"
    stage.start(CLOCK_ORIGIN=origin, CLOCK_SPEED="7200")
    planned, forgotten, off = (
        str(stage.call("import_event", files=SMALL, idempotency_key=None)["program_id"]) for _ in range(3)
    )
    for program_id in (planned, forgotten, off):
        stage.call("publish_program", program_id=program_id, idempotency_key=None)
    stage.call("cancel_program", program_id=off, reason="venue", idempotency_key=None)
    stage.tell(timed("session-scheduled", planned, 1, write_time(noon), plan_id="plan"))

    def urgency() -> str:
        (attention,) = stage.call("get_program", program_id=forgotten)["attention"]
        return str(attention["when"])

    assert urgency() in ("ahead", "soon"), "this machine is very slow"
    eventually(lambda: urgency() == "soon", 60, "the start is within a day")
    assert stage.figure("speedmentor_starts_without_plan_total") == 0
    eventually(lambda: urgency() == "passed", 60, "the start has passed")
    eventually(lambda: stage.figure("speedmentor_starts_without_plan_total") == 1, 30, "it is counted")
    assert stage.database["progress"].count_documents({"start_without_plan": {"$type": "date"}}) == 0
    warnings = [line for line in stage.log.read_text().splitlines() if "start-without-plan" in line]
    assert [forgotten in line for line in warnings] == [True], warnings
    assert stage.call("get_program", program_id=planned)["attention"] == []
