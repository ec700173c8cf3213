"""The gateway and two services as processes on the real broker: a screen follows what an organizer does."""

import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from kombu import Connection

from deploy.local import Deployment, Infrastructure
from deploy.local.services import GRACE
from shared.events import NewEvent, encode, seal, write_time
from shared.events.catalogue import TYPES
from shared.ids import new_id
from shared.messaging.publisher import ConfirmedPublisher
from shared.messaging.topology import declare
from tests.integration.backbone.stage import message

pytestmark = pytest.mark.integration

ORG = "speedmentor"
STREAMS = 300


class Screen:
    """A client of the live channel: reads in a thread, so that a test can wait for what comes."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._answer = requests.get(url, headers=headers, stream=True, timeout=30)
        assert self._answer.status_code == 200, self._answer.text
        assert self._answer.headers["Content-Type"].startswith("text/event-stream")
        self._heard: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, name: str, told: Callable[[Any], bool] = lambda _: True, seconds: float = 60) -> Any:
        """The data of the next event called ``name`` for which ``told`` is true."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                heard, data = self._heard.get(timeout=left)
            except queue.Empty:
                break
            if heard == name and told(data):
                return data
        raise AssertionError(f"no {name} within {seconds} s")

    def close(self) -> None:
        # Closing would wait for the thread that reads; this ends its reading first.
        self._answer.raw.shutdown()
        self.ended.wait(10)
        self._answer.close()

    def _read(self) -> None:
        try:
            fields: dict[str, str] = {}
            for line in self._answer.iter_lines(chunk_size=1, decode_unicode=True):
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif "event" in fields:
                    self._heard.put((fields["event"], json.loads(fields["data"])))
                    fields = {}
        except (OSError, AttributeError, requests.RequestException):
            pass
        finally:
            self.ended.set()


class Api:
    """An organizer at the HTTP API."""

    def __init__(self, url: str, password: str) -> None:
        self.url = f"{url}/api/v1"
        answer = requests.post(f"{self.url}/log-in", json={"password": password}, timeout=10)
        assert answer.status_code == 200, answer.text
        self.headers = {"Authorization": f"Bearer {answer.json()['token']}"}

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(self.url + path, headers={**self.headers, **headers}, timeout=20)

    def post(self, path: str, body: Any = None, **headers: str) -> requests.Response:
        return requests.post(self.url + path, json=body or {}, headers={**self.headers, **headers}, timeout=20)

    def sessions(self, program_id: str) -> list[dict[str, Any]]:
        sessions: list[dict[str, Any]] = self.get(f"/programs/{program_id}/sessions").json()
        return sessions

    def screen(self, program_id: str, query: str = "", **headers: str) -> Screen:
        return Screen(f"{self.url}/programs/{program_id}/live{query}", {**self.headers, **headers})


@pytest.fixture(scope="module")
def deployment(
    infrastructure: Infrastructure, amqp_uri: Callable[..., str], mongo_uri: Callable[..., str]
) -> Iterator[Deployment]:
    with Connection(amqp_uri()) as connection:
        # What belongs to all services none of them may declare; a deployment brings it along.
        declare(connection)
    made = Deployment(infrastructure)
    timer = {"AMQP_URI": amqp_uri("session_timer"), "MONGO_URI": mongo_uri("session_timer")}
    names = made.start("session_timer", environ=timer)
    # Counts who tries to log in.
    registration = {"AMQP_URI": amqp_uri("registration"), "MONGO_URI": mongo_uri("registration")}
    names += made.start("registration", environ=registration)
    # With the rights of the gateway's own account: its queue for screens must be within them.
    names += made.start("gateway", environ={"AMQP_URI": amqp_uri("gateway"), "RPC_TIMEOUT": "5"})
    made.wait_ready(*names)
    yield made
    made.stop_all()


@pytest.fixture
def api(deployment: Deployment, infrastructure: Infrastructure) -> Api:
    return Api(deployment.url, infrastructure.organizer_password)


@pytest.fixture
def program(amqp_uri: Callable[..., str], api: Api, eventually: Callable[..., Any]) -> str:
    """A program that is planned at two sites and begins in an hour."""
    program_id, plan_id = new_id(), new_id()
    starts_at = write_time(datetime.now(UTC) + timedelta(hours=1))
    sites = [
        {"site_id": site, "time_zone": zone, "starts_at": starts_at}
        for site, zone in (("jkt", "Asia/Jakarta"), ("ber", "Europe/Berlin"))
    ]
    told = (
        ("registration.program-published", program_id, {"sites": sites, "rounds": 3}),
        ("matching.plan-published", plan_id, {"plan_id": plan_id, "rounds": 3}),
    )
    events = []
    for name, subject, data in told:
        whole = {**TYPES[f"speedmentor.{name}.v1"].example(), **data, "program_id": program_id}
        new = NewEvent(name, subject, whole, ORG, program_id)
        events.append(seal(new, id=new_id(), ordinal=1, time=datetime.now(UTC)))
    with Connection(amqp_uri()) as connection:
        connection.connect()
        outcomes = ConfirmedPublisher(connection).publish([message(event, encode(event)) for event in events])
        assert {outcome.value for outcome in outcomes} == {"confirmed"}
    eventually(lambda: len(api.sessions(program_id)) == 2, 20, "the sessions are scheduled")
    return program_id


def session_at(api: Api, program_id: str, site: str) -> dict[str, Any]:
    return next(each for each in api.sessions(program_id) if each["site_id"] == site)


def test_a_screen_gets_the_truth_and_then_every_change(api: Api, program: str) -> None:
    screen, berlin = api.screen(program), api.screen(program, "?site_id=ber")
    assert {each["site_id"] for each in screen.wait_for("timetables")["sessions"]} == {"jkt", "ber"}
    assert [each["site_id"] for each in berlin.wait_for("timetables")["sessions"]] == ["ber"]

    moved = api.post(f"/programs/{program}/sessions/start-shift", {"by_seconds": 600})
    assert moved.status_code == 200, moved.text
    shifted = {each["session_id"]: each for each in moved.json()["sessions"]}
    while shifted:
        told = screen.wait_for("timetable", lambda view: view["session_id"] in shifted)
        after = shifted.pop(told["session_id"])
        assert (told["revision"], told["timetable"]) == (after["revision"], after["timetable"])
    assert berlin.wait_for("timetable")["site_id"] == "ber"
    screen.close()
    berlin.close()


def test_a_round_started_now_rings_on_the_screen(api: Api, program: str) -> None:
    session = session_at(api, program, "jkt")
    screen = api.screen(program, "?site_id=jkt", **{"Last-Event-ID": "of-a-replica-that-is-gone-12"})
    assert screen.wait_for("timetables")["sessions"][0]["revision"] == session["revision"]
    start = datetime.fromisoformat(session["timetable"][0]["starts_at"])
    soon = -int((start - datetime.now(UTC)).total_seconds()) + 10
    body = {"by_seconds": soon, "session_id": session["session_id"]}
    assert api.post(f"/programs/{program}/sessions/start-shift", body).status_code == 200
    bell = screen.wait_for("bell")
    assert (bell["kind"], bell["round"], bell["site_id"]) == ("round-started", 1, "jkt")
    paused = api.post(f"/sessions/{session['session_id']}/pause")
    assert paused.status_code == 200, paused.text
    told = screen.wait_for("timetable", lambda view: view["paused_at"] is not None)
    assert told["revision"] == paused.json()["revision"]
    screen.close()


def test_what_was_commanded_while_the_timer_was_away_is_not_carried_out_when_it_is_back(
    api: Api, program: str, deployment: Deployment
) -> None:
    session = session_at(api, program, "jkt")
    body = {"by_seconds": 60, "session_id": session["session_id"]}
    path = f"/programs/{program}/sessions/start-shift"
    deployment.kill("session_timer-1")
    assert api.post(path, body).status_code == 503
    deployment.restart("session_timer-1")
    # Requests are taken in the order in which they were made.
    moved = api.post(path, body).json()["sessions"][0]
    assert moved["revision"] == session["revision"] + 1


def test_a_repeated_command_has_its_effect_once_and_a_stale_one_none(api: Api, program: str) -> None:
    session = session_at(api, program, "jkt")
    body = {"by_seconds": 60, "session_id": session["session_id"], "revision": session["revision"]}
    path, key = f"/programs/{program}/sessions/start-shift", {"Idempotency-Key": new_id()}
    first, again = api.post(path, body, **key), api.post(path, body, **key)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert session_at(api, program, "jkt")["revision"] == session["revision"] + 1

    stale = api.post(path, {**body, "by_seconds": 90}, **{"Accept-Language": "id"})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    assert stale.json()["current"]["revision"] == session["revision"] + 1
    assert stale.headers["Content-Language"] == "id"

    other = api.post(path, {**body, "by_seconds": 5}, **key)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


def test_what_the_service_refuses_comes_as_a_problem(api: Api, program: str) -> None:
    missing = api.get(f"/sessions/{new_id()}")
    assert (missing.status_code, missing.headers["Content-Type"]) == (404, "application/problem+json")
    away = api.get(f"/programs/{program}/plan")
    assert (away.status_code, away.json()["code"]) == (503, "not-yet")
    assert "matching" in away.json()["detail"]


def test_hundreds_of_screens_follow_and_the_gateway_stops_quickly_all_the_same(
    api: Api, program: str, deployment: Deployment, eventually: Callable[..., Any]
) -> None:
    (name,) = deployment.start("gateway", environ=deployment._own["gateway-1"])
    deployment.wait_ready(name)
    port = deployment.infrastructure.state.ports[f"{name}/http"]
    path = f"{urlsplit(api.url).path}/programs/{program}/live?site_id=jkt"
    asked = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {api.headers['Authorization']}\r\n\r\n"
    streams = []
    for _ in range(STREAMS):
        stream = socket.create_connection(("127.0.0.1", port), timeout=20)
        stream.sendall(asked.encode())
        streams.append(stream)
    for stream in streams:
        read_until(stream, b"event: timetables")
    session = session_at(api, program, "jkt")
    body = {"by_seconds": 60, "session_id": session["session_id"]}
    assert api.post(f"/programs/{program}/sessions/start-shift", body).status_code == 200
    for stream in streams:
        read_until(stream, b"event: timetable\n")
    begun = time.monotonic()
    deployment.stop(name)
    assert time.monotonic() - begun < GRACE, "it was waited for in vain, and killed"
    for stream in streams:
        assert ends(stream)
        stream.close()
    eventually(lambda: not deployment.is_alive(name), what="the gateway has ended")


def read_until(stream: socket.socket, wanted: bytes) -> None:
    read = b""
    while wanted not in read:
        some = stream.recv(65536)
        assert some, f"ended before {wanted!r}"
        read += some


def ends(stream: socket.socket) -> bool:
    try:
        while stream.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def test_screens_find_the_truth_again_after_the_broker_was_away(
    api: Api, program: str, infrastructure: Infrastructure, eventually: Callable[..., Any]
) -> None:
    screen = api.screen(program)
    screen.wait_for("timetables")
    infrastructure.restart_broker()
    # Nobody knows what the screen has missed, so it is told everything, over the same stream.
    assert len(screen.wait_for("timetables", seconds=60)["sessions"]) == 2
    eventually(lambda: api.get(f"/programs/{program}/sessions").status_code == 200, 30, "calls go through again")
    screen.close()
