"""Log-ins and log-outs on the real system with two gateways: who guesses is slowed, who is out is out everywhere."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from kombu import Connection

from deploy.local import Deployment, Infrastructure
from deploy.local.waiting import eventually
from shared.messaging.topology import declare
from tests.integration.backbone.stage import RpcCaller
from tests.integration.test_gateway_api import Screen

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    name: (ROOT / "examples/archipelago" / name).read_text("utf-8")
    for name in ("program.toml", "mentors.csv", "mentees.csv")
}
OTHERS = ("registration", "matching", "session_timer", "feedback")


class Gateways:
    """Two replicas of the gateway, and clients at addresses of their own."""

    def __init__(self, deployment: Deployment, names: list[str], password: str) -> None:
        self.deployment, self.names, self.password = deployment, names, password

    def url(self, replica: int) -> str:
        ports = self.deployment.infrastructure.state.ports
        return f"http://127.0.0.1:{ports[f'{self.names[replica]}/http']}/api/v1"

    def log_in(self, replica: int = 0, address: str = "192.0.2.1", cookies: Any = None, **given: str) -> Any:
        return requests.post(
            f"{self.url(replica)}/log-in",
            json=given,
            headers={"X-Forwarded-For": address, "Accept-Language": "id", "Sec-Fetch-Site": "same-origin"},
            cookies=cookies,
            timeout=30,
        )

    def token(self, address: str = "192.0.2.1", **given: str) -> str:
        answer = self.log_in(address=address, **given)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def get(self, replica: int, path: str, token: str) -> requests.Response:
        return requests.get(
            self.url(replica) + path, headers={"Authorization": f"Bearer {token}"}, timeout=20, allow_redirects=False
        )

    def post(self, replica: int, path: str, token: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(self.url(replica) + path, json=body or {}, headers=headers, timeout=20)


@dataclass(frozen=True)
class Event:
    """A planned program, with the access codes of its mentees and mentors by participant."""

    program_id: str
    codes: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def environ(amqp_uri: Callable[..., str], mongo_uri: Callable[..., str]) -> dict[str, dict[str, str]]:
    found = {name: {"AMQP_URI": amqp_uri(name), "MONGO_URI": mongo_uri(name)} for name in OTHERS}
    return found | {"gateway": {"AMQP_URI": amqp_uri("gateway"), "TRUSTED_PROXIES": "1", "RPC_TIMEOUT": "5"}}


@pytest.fixture(scope="module")
def gateways(
    infrastructure: Infrastructure, amqp_uri: Callable[..., str], environ: dict[str, dict[str, str]]
) -> Iterator[Gateways]:
    with Connection(amqp_uri()) as connection:
        # What belongs to all services none of them may declare; a deployment brings it along.
        declare(connection)
    made = Deployment(infrastructure)
    names = [name for each in OTHERS for name in made.start(each, environ=environ[each])]
    replicas = made.start("gateway", 2, environ=environ["gateway"])
    made.wait_ready(*names, *replicas)
    yield Gateways(made, replicas, infrastructure.organizer_password)
    made.stop_all()


@pytest.fixture(scope="module")
def organizer(gateways: Gateways) -> str:
    return gateways.token(address="198.51.100.9", password=gateways.password)


@pytest.fixture(scope="module")
def event(gateways: Gateways, organizer: str) -> Event:
    program_id = gateways.post(0, "/programs:import", organizer, {"files": FILES}).json()["program_id"]
    assert gateways.post(0, f"/programs/{program_id}/publication", organizer).status_code == 200
    codes = gateways.get(0, f"/programs/{program_id}/access-codes", organizer).json()
    path = f"/programs/{program_id}"
    eventually(lambda: gateways.post(0, f"{path}/plan", organizer).status_code == 202, 30, "a plan is asked for")
    eventually(lambda: gateways.get(0, f"{path}/sessions", organizer).json(), 90, "the program is planned")
    return Event(program_id, {each["participant_id"]: each for each in codes})


def of_role(event: Event, role: str) -> list[dict[str, str]]:
    return [each for each in event.codes.values() if each["role"] == role]


# Guessing


def test_after_ten_wrong_passwords_from_an_address_the_right_one_is_let_in(gateways: Gateways) -> None:
    for number in range(10):
        assert gateways.log_in(0, "192.0.2.10", password=f"guess {number}").status_code == 401
    assert gateways.log_in(0, "192.0.2.10", password=gateways.password).status_code == 200


def test_all_replicas_together_look_at_so_many_passwords_and_no_more(gateways: Gateways) -> None:
    def guess(number: int) -> requests.Response:
        return gateways.log_in(number % 2, "192.0.2.11", password=f"guess {number}")

    begun = time.monotonic()
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(guess, range(40)))
    seconds = time.monotonic() - begun
    looked_at = [each for each in answers if each.status_code == 401]
    slowed = [each for each in answers if each.status_code == 429]
    # One more comes in every two seconds, should the machine take that long.
    assert 10 <= len(looked_at) <= 10 + seconds / 2, "tries count at both replicas together"
    assert len(looked_at) + len(slowed) == 40
    for answer in slowed:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Content-Language"] == "id"
        assert 1 <= int(answer.headers["Retry-After"]) <= 10
        assert answer.json()["code"] == "too-many"

    def let_in() -> bool:
        return bool(gateways.log_in(1, "192.0.2.11", password=gateways.password).status_code == 200)

    eventually(let_in, 20, "the right password is let in from the guesser's own address")
    assert gateways.log_in(0, "192.0.2.12", password=gateways.password).status_code == 200, "and at once from elsewhere"


def test_a_hall_gets_in_while_somebody_in_it_guesses_codes(gateways: Gateways, event: Event) -> None:
    hall = "192.0.2.20"

    def guess(number: int) -> int:
        return int(gateways.log_in(number % 2, hall, access_code=f"GUES-S{number:03}-0000").status_code)

    with ThreadPoolExecutor(8) as attack, ThreadPoolExecutor(8) as people:
        guessing = attack.map(guess, range(160))
        arriving = people.map(
            lambda each: gateways.log_in(0, hall, access_code=each["access_code"]).status_code, event.codes.values()
        )
        assert set(arriving) == {200}, "nobody of the hall is refused"
        guessed = list(guessing)
    assert 60 <= guessed.count(401) <= 90, "then wrong codes are slowed, at both replicas together"
    assert guessed.count(401) + guessed.count(429) == 160


def test_a_device_that_was_let_in_before_does_not_wait_for_who_guesses_beside_it(gateways: Gateways) -> None:
    hall = "192.0.2.30"
    before = gateways.log_in(0, hall, password=gateways.password)
    with ThreadPoolExecutor(40) as pool:
        assert 429 in {
            each.status_code
            for each in pool.map(lambda number: gateways.log_in(1, hall, password=f"guess {number}"), range(40))
        }
        again = gateways.log_in(1, hall, cookies=before.cookies, password=gateways.password)
    assert again.status_code == 200
    assert again.elapsed.total_seconds() < 2


# Who is out


class Door:
    """Asks with one token at both gateways, and of every service on the bus itself."""

    def __init__(self, gateways: Gateways, amqp_uri: Callable[..., str], event: Event, person: dict[str, str]) -> None:
        self._gateways, self._uri, self._event, self._person = gateways, amqp_uri(), event, person

    def refusals(self, token: str, services: tuple[str, ...] = OTHERS) -> set[str]:
        """Who refuses the token, of ``services`` and of both gateways for each of their addresses."""
        program, person = self._event.program_id, self._person["participant_id"]
        asked = {
            "registration": (f"/programs/{program}/participants", "list_participants", {"program_id": program}),
            "matching": (f"/participants/{person}/agenda", "get_agenda", {"participant_id": person}),
            "session_timer": (f"/programs/{program}/sessions", "list_sessions", {"program_id": program}),
            "feedback": (f"/programs/{program}/feedback", "get_submitted", {"program_id": program}),
        }
        found = set()
        for service in services:
            path, method, given = asked[service]
            answer = RpcCaller(self._uri, service).call(method, {"token": token}, **given)
            if answer.get("fault", {}).get("code") == "unauthenticated":
                found.add(service)
            for replica in (0, 1):
                if self._gateways.get(replica, path, token).status_code == 401:
                    found.add(f"gateway {replica} for {service}")
        for replica in (0, 1):
            live = f"{self._gateways.url(replica)}/programs/{program}/live"
            with requests.get(live, headers={"Authorization": f"Bearer {token}"}, stream=True, timeout=20) as answer:
                if answer.status_code == 401:
                    found.add(f"gateway {replica} live")
        return found


EVERYWHERE = {
    *OTHERS,
    *(f"gateway {replica} for {service}" for replica in (0, 1) for service in OTHERS),
    *(f"gateway {replica} live" for replica in (0, 1)),
}


@pytest.fixture
def door(gateways: Gateways, amqp_uri: Callable[..., str], event: Event) -> Door:
    return Door(gateways, amqp_uri, event, of_role(event, "mentee")[0])


def screen(gateways: Gateways, replica: int, event: Event, token: str) -> Screen:
    url = f"{gateways.url(replica)}/programs/{event.program_id}/live"
    found = Screen(url, {"Authorization": f"Bearer {token}"})
    found.wait_for("timetables")
    return found


def test_who_has_logged_out_is_out_everywhere_and_nobody_else_is(gateways: Gateways, event: Event, door: Door) -> None:
    code = of_role(event, "mentee")[0]["access_code"]
    token, other = gateways.token(access_code=code), gateways.token(access_code=code)
    watching = [screen(gateways, replica, event, token) for replica in (0, 1)]
    still = screen(gateways, 1, event, other)
    assert door.refusals(token) == set()
    assert gateways.post(0, "/log-out", token).status_code == 204
    assert gateways.get(0, f"/programs/{event.program_id}/participants", token).status_code == 401, "at once"
    eventually(lambda: door.refusals(token) == EVERYWHERE, 10, "the token is refused everywhere")
    assert all(each.ended.wait(10) for each in watching), "what the log-in watched has ended at both replicas"
    assert door.refusals(other) == set(), "another log-in of the same person holds"
    assert not still.ended.is_set()
    assert gateways.post(1, "/log-out", token).status_code == 204, "out is out, said as often as one likes"
    still.close()


def test_an_organizers_log_in_ends_with_the_log_out_and_the_others_hold(gateways: Gateways, organizer: str) -> None:
    token = gateways.token(address="198.51.100.8", password=gateways.password)
    assert gateways.get(1, "/programs", token).status_code == 200
    assert gateways.post(1, "/log-out", token).status_code == 204
    assert {gateways.get(replica, "/programs", token).status_code for replica in (1, 0, 1)} == {401}
    assert gateways.get(0, "/programs", organizer).status_code == 200


def test_who_is_erased_is_out_everywhere(
    gateways: Gateways, event: Event, organizer: str, amqp_uri: Callable[..., str]
) -> None:
    person = of_role(event, "mentee")[1]
    door = Door(gateways, amqp_uri, event, person)
    tokens = [gateways.token(access_code=person["access_code"]) for _ in range(2)]
    watching = screen(gateways, 1, event, tokens[0])
    erased = requests.delete(
        f"{gateways.url(0)}/participants/{person['participant_id']}",
        headers={"Authorization": f"Bearer {organizer}"},
        timeout=20,
    )
    assert erased.status_code == 204
    for token in tokens:
        assert gateways.get(0, f"/programs/{event.program_id}/participants", token).status_code == 401, "at once"
        eventually(lambda token=token: door.refusals(token) == EVERYWHERE, 10, "the token is refused everywhere")
    assert watching.ended.wait(10)
    assert gateways.log_in(access_code=person["access_code"]).status_code == 401


def test_who_logs_out_of_a_draft_or_is_erased_in_one_is_out_too(gateways: Gateways, organizer: str) -> None:
    program_id = gateways.post(0, "/programs:import", organizer, {"files": FILES}).json()["program_id"]
    person, *_ = gateways.get(0, f"/programs/{program_id}/access-codes", organizer).json()
    token = gateways.token(access_code=person["access_code"])
    path = f"/programs/{program_id}/sessions"
    assert gateways.get(1, path, token).status_code == 200
    requests.delete(
        f"{gateways.url(0)}/participants/{person['participant_id']}",
        headers={"Authorization": f"Bearer {organizer}"},
        timeout=20,
    ).raise_for_status()
    eventually(lambda: gateways.get(1, path, token).status_code == 401, 10, "refused at the other replica")


def test_what_was_away_while_a_log_in_ended_refuses_it_when_it_is_back(
    gateways: Gateways, event: Event, door: Door, environ: dict[str, dict[str, str]]
) -> None:
    token = gateways.token(access_code=of_role(event, "mentee")[0]["access_code"])
    for name in ("session_timer-1", "feedback-1", gateways.names[1]):
        gateways.deployment.kill(name)
    assert gateways.post(0, "/log-out", token).status_code == 204
    for name in ("session_timer-1", "feedback-1", gateways.names[1]):
        gateways.deployment.restart(name)
    eventually(lambda: door.refusals(token) == EVERYWHERE, 20, "the token is refused everywhere")


def test_without_registration_nobody_gets_in_and_who_is_in_stays_in(gateways: Gateways, event: Event) -> None:
    code = of_role(event, "mentee")[0]["access_code"]
    token = gateways.token(access_code=code)
    gateways.deployment.kill("registration-1")
    try:
        for given in ({"password": gateways.password}, {"password": "guess"}, {"access_code": code}):
            answer = gateways.log_in(0, "192.0.2.40", **given)
            assert (answer.status_code, answer.json()["code"]) == (503, "not-yet")
            assert "Set-Cookie" not in answer.headers
        assert gateways.get(1, f"/programs/{event.program_id}/sessions", token).status_code == 200
        out = gateways.post(0, "/log-out", token)
        assert out.status_code == 503, "not everywhere yet"
        assert "speedmentor-token=;" in out.headers["Set-Cookie"], "but this browser has forgotten it"
        assert gateways.get(0, f"/programs/{event.program_id}/sessions", token).status_code == 401, "and here it is out"
    finally:
        gateways.deployment.restart("registration-1")
    path = f"/programs/{event.program_id}/sessions"
    eventually(lambda: gateways.get(1, path, token).status_code == 401, 20, "and everywhere once registration is back")
