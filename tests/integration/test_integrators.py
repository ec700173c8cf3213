"""Accounts of other systems over HTTP and from the command line, on the real system."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from amqp import Connection, Message
from amqp.exceptions import AccessRefused, ConnectionForced, PreconditionFailed
from kombu import Connection as KombuConnection

from deploy.local import Deployment, Infrastructure
from deploy.local.space import CHECKOUT
from shared.events import CONTENT_TYPE
from shared.messaging.topology import COMMAND_QUEUE, COMMANDS, EVENTS, command_key, declare
from tests.integration.integrations.published import an_event

pytestmark = pytest.mark.integration

SMALL = CHECKOUT / "examples" / "small"


class Api:
    """The API as a client sees it."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/api/v1"
        self.token: str | None = None

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        who = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(method, self.url + path, json=body, headers={**who, **named}, timeout=30)


@pytest.fixture(scope="module")
def deployment(
    infrastructure: Infrastructure, amqp_uri: Callable[..., str], mongo_uri: Callable[..., str]
) -> Iterator[Deployment]:
    """A gateway with two replicas of integrations, and registration, which counts who tries to log in."""
    with KombuConnection(amqp_uri()) as connection:
        declare(connection)
    found = Deployment(infrastructure)
    names = []
    for service, replicas in (("registration", 1), ("integrations", 2), ("gateway", 1)):
        environ = {"AMQP_URI": amqp_uri(service)}
        if service != "gateway":
            environ["MONGO_URI"] = mongo_uri(service)
        names += found.start(service, replicas, environ)
    try:
        found.wait_ready(*names)
        yield found
        api = organizer_of(found)
        for each in api.call("GET", "/integrators").json()["integrators"]:
            assert api.call("DELETE", f"/integrators/{each['name']}").status_code == 200
    finally:
        for name in names:
            found.stop(name)


def organizer_of(deployment: Deployment) -> Api:
    api = Api(deployment.url)
    answer = api.call("POST", "/log-in", {"password": deployment.infrastructure.organizer_password})
    assert answer.status_code == 200, answer.text
    api.token = answer.json()["token"]
    return api


@pytest.fixture(scope="module")
def organizer(deployment: Deployment) -> Api:
    return organizer_of(deployment)


@pytest.fixture
def name() -> str:
    return f"hr-{uuid.uuid4().hex[:8]}"


def connect(uri: str) -> Connection:
    with KombuConnection(uri) as parsed:
        info = parsed.info()
    found = Connection(
        f"{info['hostname']}:{info['port']}", info["userid"], info["password"], virtual_host=info["virtual_host"]
    )
    found.connect()
    return found


def publish(amqp_uri: Callable[..., str], *keys: str) -> None:
    with connect(amqp_uri()) as connection:
        channel = connection.channel()
        for key in keys:
            channel.basic_publish_confirm(Message("{}", delivery_mode=2), EVENTS, key)


def test_an_account_is_there_when_the_answer_comes_and_hears_its_scope(
    organizer: Api, name: str, amqp_uri: Callable[..., str], eventually: Callable[..., Any]
) -> None:
    answer = organizer.call("POST", "/integrators", {"name": name, "types": ["registration.#"]})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    made = answer.json()
    assert (made["settled"], made["queue"], made["exchange"]) == (True, f"integrator.{name}", EVENTS)
    with connect(made["secrets"]["amqp_uri"]) as connection:
        publish(amqp_uri, "speedmentor.matching.plan-published.v1", "speedmentor.registration.mentee-updated.v1")
        channel = connection.channel()
        message = eventually(lambda: channel.basic_get(made["queue"]))
        assert message.delivery_info["routing_key"] == "speedmentor.registration.mentee-updated.v1"
        with pytest.raises(AccessRefused):
            channel.queue_bind(made["queue"], EVENTS, "speedmentor.#")
    # Nobody can be shown the secrets again.
    listed = organizer.call("GET", "/integrators").json()["integrators"]
    (found,) = (each for each in listed if each["name"] == name)
    assert "secrets" not in found
    for secret in made["secrets"].values():
        assert secret == made["secrets"]["user"] or secret not in json.dumps(listed)


def test_an_api_key_lets_in_to_events_for_an_hour_and_to_nothing_else(organizer: Api, name: str) -> None:
    made = organizer.call("POST", "/integrators", {"name": name, "types": ["matching.#"], "programs": ["p-1"]}).json()
    client = Api(organizer.url.removesuffix("/api/v1"))
    answer = client.call("POST", "/log-in", {"api_key": made["secrets"]["api_key"]})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    said = answer.json()
    assert (said["role"], said["subject"]) == ("integrator", name)
    assert (said["types"], said["programs"]) == (["matching.#"], ["p-1"])
    client.token = said["token"]
    assert client.call("GET", "/events").status_code == 200
    for path in ("/integrators", "/programs", "/programs/p-1/sessions", "/programs/p-1/live"):
        assert client.call("GET", path).status_code == 403, path
    # Once it is removed the token, which would hold for longer, is refused too.
    assert organizer.call("DELETE", f"/integrators/{name}").status_code == 200
    assert client.call("GET", "/events").status_code == 401
    assert client.call("POST", "/log-in", {"api_key": made["secrets"]["api_key"]}).status_code == 401


def test_wrong_keys_are_refused_and_counted_and_a_right_one_is_let_in_all_the_same(organizer: Api, name: str) -> None:
    made = organizer.call("POST", "/integrators", {"name": name, "types": ["#"]}).json()
    client = Api(organizer.url.removesuffix("/api/v1"))
    answers = [client.call("POST", "/log-in", {"api_key": f"smk_{number}"}) for number in range(70)]
    assert {each.status_code for each in answers} == {401, 429}
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert client.call("POST", "/log-in", {"api_key": made["secrets"]["api_key"]}).status_code == 200


def test_the_same_key_again_makes_new_secrets_in_place_of_those_that_got_lost(organizer: Api, name: str) -> None:
    body = {"name": name, "types": ["registration.#"]}
    key = uuid.uuid4().hex
    first = organizer.call("POST", "/integrators", body, Idempotency_Key=key).json()["secrets"]
    again = organizer.call("POST", "/integrators", body, Idempotency_Key=key)
    assert again.status_code == 201
    with connect(again.json()["secrets"]["amqp_uri"]):
        pass
    with pytest.raises(AccessRefused):
        connect(first["amqp_uri"])
    assert len(again.json()["users"]) == 1
    other = organizer.call("POST", "/integrators", body)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


def test_a_rotation_ends_the_old_secrets_or_keeps_them_for_the_hours_that_are_said(organizer: Api, name: str) -> None:
    first = organizer.call("POST", "/integrators", {"name": name, "types": ["registration.#"]}).json()["secrets"]
    old = connect(first["amqp_uri"])
    kept = organizer.call("POST", f"/integrators/{name}/secrets", {"keep_hours": 2})
    assert kept.status_code == 201
    assert [each["until"] is None for each in kept.json()["users"]] == [False, True]
    old.channel().basic_get(f"integrator.{name}")
    second = connect(kept.json()["secrets"]["amqp_uri"])
    last = organizer.call("POST", f"/integrators/{name}/secrets", {}).json()
    assert len(last["users"]) == 1
    for connection in (old, second):
        with pytest.raises(ConnectionForced):
            connection.drain_events(timeout=10)
    with connect(last["secrets"]["amqp_uri"]) as connection:
        connection.channel().basic_get(f"integrator.{name}")


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"name": "HR", "types": ["#"]}, "/name", "hr-dashboard"),
        ({"name": "hr", "types": ["registraton.#"]}, "/types/0", "registration.#"),
        ({"name": "hr", "types": ["#", "matching.plan-publishd"]}, "/types/1", "matching.plan-published"),
        ({"name": "hr", "types": []}, "/types", "Length"),
        ({"name": "hr", "types": ["#"], "programs": []}, "/programs", "Length"),
    ],
)
def test_what_is_wrong_is_named_with_what_was_probably_meant(
    organizer: Api, body: dict[str, Any], field: str, said: str
) -> None:
    answer = organizer.call("POST", "/integrators", body)
    assert answer.status_code == 422, answer.text
    (problem,) = answer.json()["problems"]
    assert problem["field"] == field
    assert said in problem["what"] + problem["remedy"]
    assert "hr" not in [each["name"] for each in organizer.call("GET", "/integrators").json()["integrators"]]


def test_an_account_that_there_is_not_is_not_found(organizer: Api) -> None:
    for method, path in (("DELETE", "/integrators/nobody"), ("POST", "/integrators/nobody/secrets")):
        answer = organizer.call(method, path, {})
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_a_killed_service_leaves_no_account_half_made(
    deployment: Deployment, organizer: Api, name: str, eventually: Callable[..., Any]
) -> None:
    """Whatever replica had it in hand: the wish is in the database or it is not, and the broker follows."""
    import threading

    answers: list[requests.Response] = []
    names = [f"{name}-{number}" for number in range(8)]

    def add() -> None:
        for each in names:
            key = uuid.uuid4().hex
            body = {"name": each, "types": ["registration.#"], "stream": True}
            while True:
                answer = organizer.call("POST", "/integrators", body, Idempotency_Key=key)
                if answer.status_code != 503:
                    break
            answers.append(answer)

    thread = threading.Thread(target=add)
    thread.start()
    for replica in ("integrations-1", "integrations-2"):
        eventually(lambda replica=replica: len(answers) >= int(replica[-1]) * 2)
        deployment.kill(replica)
        deployment.restart(replica)
    thread.join(120)
    assert [each.status_code for each in answers] == [201] * len(names)
    for answer in answers:
        made = answer.json()
        with connect(made["secrets"]["amqp_uri"]) as connection:
            assert connection.channel().queue_bind(made["queue"], EVENTS, "speedmentor.registration.*.v1") is not None
    eventually(lambda: all(each["settled"] for each in organizer.call("GET", "/integrators").json()["integrators"]))


def command(deployment: Deployment, *arguments: str, of: str = "integrator") -> subprocess.CompletedProcess[str]:
    environ = {
        **os.environ,
        "SPEEDMENTOR_URL": deployment.url,
        "ORGANIZER_PASSWORD": deployment.infrastructure.organizer_password,
    }
    return subprocess.run(
        [str(Path(sys.executable).with_name("speedmentor")), of, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environ,
        check=False,
    )


def test_one_command_makes_an_account_and_others_list_rotate_and_remove_it(deployment: Deployment, name: str) -> None:
    added = command(deployment, "add", name, "--types", "registration.#,matching.#", "--json")
    assert added.returncode == 0, added.stderr
    made = json.loads(added.stdout)
    with connect(made["secrets"]["amqp_uri"]) as connection:
        connection.channel().basic_get(made["queue"])
    listed = command(deployment, "list")
    assert name in listed.stdout
    assert made["secrets"]["password"] not in listed.stdout
    rotated = command(deployment, "rotate", name)
    assert rotated.returncode == 0
    assert f"amqp://integrator-{name}.2:" in rotated.stdout
    assert "smk_" in rotated.stdout
    unsure = command(deployment, "remove", name)
    assert unsure.returncode == 2
    assert "--yes" in unsure.stderr
    assert command(deployment, "remove", name, "--yes").returncode == 0
    assert name not in command(deployment, "list").stdout
    wrong = command(deployment, "add", name, "--types", "registraton.#")
    assert wrong.returncode != 0
    assert "registration.#" in wrong.stderr


def told(amqp_uri: Callable[..., str], program: str, count: int) -> list[bytes]:
    """Publish events of a program as its services would; returns their bodies."""
    events = [an_event("matching.meeting-assigned", program=program, org="speedmentor") for _ in range(count)]
    with connect(amqp_uri()) as connection:
        channel = connection.channel()
        for each in events:
            properties = {"content_type": CONTENT_TYPE, "delivery_mode": 2, "message_id": each.id, "type": each.type}
            channel.basic_publish_confirm(Message(each.body, **properties), EVENTS, each.type)
    return [each.body for each in events]


def test_an_integrator_reads_what_was_published_before_it_was_made_page_by_page(
    organizer: Api, name: str, amqp_uri: Callable[..., str], eventually: Callable[..., Any]
) -> None:
    program = f"p-{name}"
    bodies = told(amqp_uri, program, 25)
    told(amqp_uri, "another", 3)
    made = organizer.call("POST", "/integrators", {"name": name, "types": ["matching.#"], "programs": [program]}).json()
    client = Api(organizer.url.removesuffix("/api/v1"))
    client.token = client.call("POST", "/log-in", {"api_key": made["secrets"]["api_key"]}).json()["token"]

    def read() -> list[Any]:
        found, cursor, more = [], "", True
        while more:
            answer = client.call("GET", f"/events?limit=10{cursor}")
            assert answer.status_code == 200, answer.text
            page = answer.json()
            # As it was published, byte for byte.
            assert all(body in answer.content for body in bodies if json.loads(body) in page["events"])
            found, cursor, more = found + page["events"], f"&after={page['cursor']}", page["more"]
        return found

    eventually(lambda: len(read()) >= 25)
    assert read() == [json.loads(each) for each in bodies]
    # More than its scope is not to be had by asking, neither for types nor for programs.
    for query in ("types=%23&program=another", "types=registration.%23"):
        assert client.call("GET", f"/events?{query}").json()["events"] == []
    answer = client.call("GET", "/events?after=999999999")
    assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, "?after")


def test_one_command_sends_an_integrator_once_more_what_was_published(
    deployment: Deployment, organizer: Api, name: str, amqp_uri: Callable[..., str], eventually: Callable[..., Any]
) -> None:
    program = f"p-{name}"
    bodies = told(amqp_uri, program, 30)
    made = organizer.call("POST", "/integrators", {"name": name, "types": ["#"], "programs": [program]}).json()
    eventually(lambda: len(organizer.call("GET", f"/events?program={program}").json()["events"]) == 30)

    def replay(*arguments: str) -> subprocess.CompletedProcess[str]:
        return command(deployment, "--to", name, *arguments, of="replay")

    done = replay("--from", "2026-11-24", "--types", "matching.#,*.round-ended")
    assert done.returncode == 0, done.stderr
    assert f"30 events are in the queue of {name}" in done.stdout
    with connect(made["secrets"]["amqp_uri"]) as connection:
        channel = connection.channel()
        found = [bytes(eventually(lambda: channel.basic_get(made["queue"], no_ack=True)).body) for _ in bodies]
        assert channel.basic_get(made["queue"]) is None
    assert found == bodies
    for arguments, said in ((("--from", "soon"), "neither"), (("--cancel",), "under way"), ((), "--from")):
        wrong = replay(*arguments)
        assert wrong.returncode == 1
        assert said in wrong.stderr


class Giver:
    """An integrator that gives commands, and reads the answers."""

    def __init__(self, made: dict[str, Any], eventually: Callable[..., Any]) -> None:
        self._connection = connect(made["secrets"]["amqp_uri"])
        self._eventually = eventually
        self.user, self.answers = made["secrets"]["user"], made["answers"]

    def give(self, command: str, body: Any, **properties: Any) -> None:
        """Send a command; ``body`` is JSON unless it is bytes. The broker may refuse it, which ends the channel."""
        given = {"user_id": self.user, "message_id": uuid.uuid4().hex, "reply_to": self.answers, **properties}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        message = Message(raw, delivery_mode=2, **{name: value for name, value in given.items() if value is not None})
        channel = self._connection.channel()
        channel.confirm_select()
        channel.basic_publish_confirm(message, COMMANDS, command_key(command))
        channel.close()

    def answer(self) -> tuple[int, Any, Any]:
        """The next answer: its status, what it says, and what it belongs to."""
        with self._connection.channel() as channel:
            message = self._eventually(lambda: channel.basic_get(self.answers, no_ack=True))
        return message.headers["status"], json.loads(message.body), message.properties.get("correlation_id")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def giver(organizer: Api, name: str, eventually: Callable[..., Any]) -> Iterator[Giver]:
    wanted = {"name": name, "types": ["registration.#"], "commands": ["check-in", "register-mentee"]}
    answer = organizer.call("POST", "/integrators", wanted)
    assert answer.status_code == 201, answer.text
    found = Giver(answer.json(), eventually)
    yield found
    found.close()


@pytest.fixture(scope="module")
def program(organizer: Api) -> str:
    """A published program."""
    files = {path.name: path.read_text(encoding="utf-8") for path in SMALL.iterdir()}
    answer = organizer.call("POST", "/programs:import", {"files": files})
    assert answer.status_code == 201, answer.text
    program_id = str(answer.json()["program_id"])
    assert organizer.call("POST", f"/programs/{program_id}/publication").status_code == 200
    return program_id


def mentee_of(organizer: Api, program: str, place: int) -> str:
    people = organizer.call("GET", f"/programs/{program}/participants?role=mentee").json()
    return str(people[place]["participant_id"])


def test_a_command_by_message_does_what_http_does_once(organizer: Api, program: str, giver: Giver) -> None:
    who = mentee_of(organizer, program, 0)
    for _ in range(2):
        giver.give("check-in", {"participant_id": who}, message_id="arrival-1", correlation_id="badge-7")
    (first, second) = (giver.answer(), giver.answer())
    assert first == second
    status, said, belongs_to = first
    assert (status, said["participant_id"], belongs_to) == (200, who, "badge-7")
    seen = organizer.call("GET", f"/participants/{who}").json()
    assert seen["checked_in"] is said["checked_in"] is True
    form = {"name": "Sari Dewi", "site_id": seen["site_id"], "languages": ["id"], "motive": seen["motive"]}
    giver.give("register-mentee", {"program_id": program, **form, "topics": seen["topics"]})
    status, said, _ = giver.answer()
    assert status == 201, said
    assert said["name"] == "Sari Dewi"


def test_a_command_that_is_wrong_is_answered_with_a_problem_document(
    organizer: Api, program: str, giver: Giver
) -> None:
    giver.give("check-in", {"participant_id": "nobody-1"})
    giver.give("check-in", b"no json")
    giver.give("check-in", {"participant_id": mentee_of(organizer, program, 1)}, message_id=None)
    giver.give("check-in", {"participant_id": mentee_of(organizer, program, 1)}, reply_to="integrator.other.answers")
    found = [giver.answer() for _ in range(4)]
    assert sorted((status, said["code"]) for status, said, _ in found) == [
        (404, "not-found"),
        *[(422, "invalid")] * 3,
    ]
    fields = {each["field"] for _, said, _ in found for each in said.get("problems", ())}
    assert fields == {"", "property message_id", "property reply_to"}
    seen = organizer.call("GET", f"/participants/{mentee_of(organizer, program, 1)}").json()
    assert seen["checked_in"] is False


def test_the_broker_refuses_what_is_not_allowed_and_who_says_to_be_another(
    organizer: Api, program: str, giver: Giver, name: str
) -> None:
    with pytest.raises(AccessRefused):
        giver.give("withdraw", {"participant_id": mentee_of(organizer, program, 2)})
    for user in ("integrator-other", "gateway"):
        with pytest.raises(PreconditionFailed):
            giver.give("check-in", {"participant_id": mentee_of(organizer, program, 2)}, user_id=user)
    plain = organizer.call("POST", "/integrators", {"name": f"{name}-plain", "types": ["#"]}).json()
    other = Giver({**plain, "answers": None}, lambda look: look())
    with pytest.raises(AccessRefused):
        other.give("check-in", {"participant_id": mentee_of(organizer, program, 2)})
    other.close()
    seen = organizer.call("GET", f"/participants/{mentee_of(organizer, program, 2)}").json()
    assert (seen["checked_in"], seen["status"]) == (False, "registered")


def test_a_command_of_nobody_is_put_aside(
    organizer: Api, program: str, giver: Giver, amqp_uri: Callable[..., str], eventually: Callable[..., Any]
) -> None:
    giver.give("check-in", {"participant_id": mentee_of(organizer, program, 2)}, user_id=None)
    with connect(amqp_uri()) as connection:
        channel = connection.channel()
        message = eventually(lambda: channel.basic_get(f"{COMMAND_QUEUE}.dead", no_ack=True))
    assert message.headers["x-first-death-reason"] == "rejected"
    seen = organizer.call("GET", f"/participants/{mentee_of(organizer, program, 2)}").json()
    assert seen["checked_in"] is False


def test_a_webhook_comes_with_the_account_and_one_that_is_refused_costs_no_secret(
    deployment: Deployment, name: str
) -> None:
    added = command(deployment, "add", name, "--types", "#", "--webhook", "https://hooks.example.org/x", "--json")
    assert added.returncode == 0, added.stderr
    made = json.loads(added.stdout)
    assert (made["webhook"]["integrator"], made["webhook"]["url"]) == (name, "https://hooks.example.org/x")
    assert made["webhook"]["secret"].startswith("whsec_")
    refused = command(deployment, "add", f"{name}-2", "--types", "#", "--webhook", "https://10.0.0.1/", "--json")
    assert refused.returncode == 1
    assert "/url" in refused.stderr
    with connect(json.loads(refused.stdout)["secrets"]["amqp_uri"]):
        pass
