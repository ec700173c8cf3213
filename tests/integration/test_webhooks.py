"""Webhooks over the whole way: from a program published over the API to a receiver, by the running services."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import requests
from click.testing import CliRunner, Result
from standardwebhooks import Webhook

from deploy.local import Deployment, Infrastructure
from deploy.local.waiting import eventually
from shared.cli import main
from shared.operations.api import Api, Refused
from tests.integration.api_fuzzing.ground import Caller, Ground
from tests.integration.integrations.receiver import Receiver, receiving, status

pytestmark = pytest.mark.integration

SERVICES = ("registration", "integrations", "gateway")


@pytest.fixture(scope="module")
def deployment(infrastructure: Infrastructure) -> Iterator[Deployment]:
    """As many services as it takes; their operator allows receivers on this machine."""
    running = Deployment(infrastructure, {"WEBHOOK_ALLOWED": "127.0.0.0/8"})
    running.wait_ready(*(name for service in SERVICES for name in running.start(service)))
    yield running
    running.stop_all()


@pytest.fixture(scope="module")
def api(deployment: Deployment) -> Api:
    """The organizer's, with an integrator called ``bi``."""
    api = Api(deployment.url).log_in(password=deployment.infrastructure.organizer_password)
    api.post("/integrators", {"name": "bi", "types": ["registration.#"]})
    return api


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def ground(deployment: Deployment, request: pytest.FixtureRequest) -> Ground:
    return Ground(Caller(deployment.url, password=deployment.infrastructure.organizer_password), request.node.name[:40])


def webhook(api: Api, receiver: Receiver, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = api.post("/webhooks", {"integrator": "bi", "url": receiver.url, **more})
    return made


def test_what_happens_reaches_the_receiver_signed(api: Api, receiver: Receiver, ground: Ground) -> None:
    made = webhook(api, receiver)
    program = ground.published()
    eventually(lambda: sum(each.event["program"] == program.program_id for each in receiver.requests) >= 5)
    for request in receiver.requests:
        Webhook(made["secret"]).verify(request.body, dict(request.headers))
    eventually(lambda: api.get(f"/webhooks/{made['webhook_id']}")["pending"] == 0)
    shown = api.get(f"/webhooks/{made['webhook_id']}")
    assert shown["delivered"] == len(receiver.requests)
    assert {each["event_id"] for each in shown["deliveries"]} == set(receiver.ids())
    assert "secret" not in shown
    assert [each["webhook_id"] for each in api.get("/webhooks", integrator="bi")["webhooks"]][-1] == made["webhook_id"]
    api.call("DELETE", f"/webhooks/{made['webhook_id']}")


def test_it_is_tested_rotated_switched_off_and_on_and_sent_once_more(
    api: Api, receiver: Receiver, ground: Ground
) -> None:
    made = webhook(api, receiver)
    path = f"/webhooks/{made['webhook_id']}"
    receiver.answer = status(410)
    test = api.post(f"{path}/tests")["event_id"]
    eventually(lambda: (api.get(path)["test"] or {}).get("event_id") == test)
    assert api.get(path)["test"]["status"] == 410
    # A test says nothing about events.
    assert api.get(path)["state"] == "active"
    program = ground.published()
    eventually(lambda: api.get(path)["state"] == "disabled")
    assert api.get(path)["reason"] == "gone"
    with pytest.raises(Refused) as refused:
        api.post(f"{path}/redeliveries", {"given_up_since": "2026-01-01T00:00:00+07:00"})
    assert refused.value.status == 409
    new = api.post(f"{path}/secrets")
    assert new["secret"] != made["secret"]
    assert new["old_secret_until"] is not None
    receiver.answer = status(204)
    receiver.requests.clear()
    assert api.post(f"{path}/activation", {"from_now": False})["state"] == "active"
    eventually(lambda: api.get(path)["pending"] == 0 and receiver.requests)
    assert {each.event["program"] for each in receiver.requests} == {program.program_id}
    for secret in (new["secret"], made["secret"]):
        Webhook(secret).verify(receiver.requests[0].body, dict(receiver.requests[0].headers))
    event = receiver.ids()[0]
    assert api.post(f"{path}/redeliveries", {"event_id": event}) == {"events": 1}
    eventually(lambda: receiver.ids().count(event) == 2)
    assert api.post(f"{path}/deactivation")["reason"] == "by-hand"
    api.call("DELETE", path)
    with pytest.raises(Refused) as refused:
        api.get(path)
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("given", "status_code", "field"),
    [
        ({"url": "https://10.0.0.1/"}, 422, "/url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, 422, "/url"),
        ({"url": "http://hooks.example.org/"}, 422, "/url"),
        ({"url": "https://hooks.example.org/", "types": ["no pattern"]}, 422, "/types/0"),
        ({"url": "https://hooks.example.org/", "after": "x"}, 422, "/after"),
        ({"url": "https://hooks.example.org/", "integrator": "nobody"}, 404, None),
    ],
)
def test_what_cannot_be_a_webhook_is_refused_by_name(
    api: Api, given: dict[str, Any], status_code: int, field: str | None
) -> None:
    with pytest.raises(Refused) as refused:
        api.post("/webhooks", {"integrator": "bi", **given})
    assert refused.value.status == status_code
    assert [each["field"] for each in refused.value.problem.get("problems", ())] == ([field] if field else [])


def test_a_command_repeated_with_its_key_makes_one_webhook_and_shows_its_secret_again(
    api: Api, deployment: Deployment, receiver: Receiver
) -> None:
    token = api.post("/log-in", {"password": deployment.infrastructure.organizer_password})["token"]
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
    body = {"integrator": "bi", "url": receiver.url}
    first, second = (
        requests.post(f"{deployment.url}/api/v1/webhooks", json=body, headers=headers, timeout=30) for _ in range(2)
    )
    assert (first.status_code, first.json()["secret"]) == (201, second.json()["secret"])
    assert first.json()["webhook_id"] == second.json()["webhook_id"]
    assert first.headers["Cache-Control"] == "no-store"
    api.call("DELETE", f"/webhooks/{first.json()['webhook_id']}")


def test_webhooks_are_for_organizers_of_everything_only(api: Api, deployment: Deployment, ground: Ground) -> None:
    program = ground.published()
    codes = ground.codes(program)
    participant = Api(deployment.url).log_in(access_code=codes[program.mentors[0]])
    for call in (lambda: participant.get("/webhooks"), lambda: participant.post("/webhooks/x/tests")):
        with pytest.raises(Refused) as refused:
            call()
        assert refused.value.status == 403


def test_an_integrator_that_is_removed_takes_its_webhooks_along(api: Api, receiver: Receiver, ground: Ground) -> None:
    api.post("/integrators", {"name": "gone", "types": ["#"]})
    made = webhook(api, receiver, integrator="gone")
    api.call("DELETE", "/integrators/gone")
    with pytest.raises(Refused) as refused:
        api.get(f"/webhooks/{made['webhook_id']}")
    assert refused.value.status == 404
    ground.published()
    assert receiver.requests == []


def test_the_command_does_the_same_and_says_what_came_of_it(
    deployment: Deployment, api: Api, receiver: Receiver
) -> None:
    def speedmentor(*arguments: str) -> Result:
        password = str(deployment.infrastructure.secrets.organizer_password)
        common = ["--url", deployment.url, "--password-file", password]
        return CliRunner().invoke(main, ["webhook", *arguments, *common])

    said = speedmentor("add", "bi", receiver.url)
    assert "whsec_" in said.output
    made = api.get("/webhooks")["webhooks"][-1]["webhook_id"]
    assert speedmentor("test", made).exit_code == 0
    receiver.answer = status(500)
    said = speedmentor("test", made)
    assert (said.exit_code, "500" in said.output) == (1, True)
    assert speedmentor("list").exit_code == 0
    assert "whsec_" in speedmentor("rotate", made).output
    assert "by-hand" in speedmentor("disable", made).output
    assert speedmentor("list").exit_code == 1
    assert speedmentor("enable", made, "--from-now", "--language", "id").output.count("aktif sejak") == 1
    assert speedmentor("redeliver", made).exit_code == 2
    assert "0" in speedmentor("redeliver", made, "--since", "2026-01-01T00:00:00Z").output
    assert orjson.loads(speedmentor("show", made).output)["webhook_id"] == made
    assert speedmentor("remove", made).exit_code == 2
    assert speedmentor("remove", made, "--yes").exit_code == 0
    assert speedmentor("test", made).exit_code == 1


def test_an_integrator_is_added_with_its_webhook_by_one_command(deployment: Deployment, receiver: Receiver) -> None:
    def add(name: str, url: str) -> Result:
        password = str(deployment.infrastructure.secrets.organizer_password)
        common = ["--url", deployment.url, "--password-file", password, "--json"]
        return CliRunner().invoke(main, ["integrator", "add", name, "--types", "#", "--webhook", url, *common])

    made = orjson.loads(add("lms", receiver.url).stdout)
    assert made["webhook"]["integrator"] == "lms"
    assert made["webhook"]["secret"].startswith("whsec_")
    # A webhook that cannot be leaves the account, whose secrets are shown all the same.
    refused = add("lrs", "https://10.0.0.1/")
    assert refused.exit_code == 1
    assert orjson.loads(refused.stdout)["secrets"]["api_key"]
    assert "10.0.0.1 is in a private network" in refused.stderr
