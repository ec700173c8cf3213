"""Given the overlay with TLS: an event is prepared over HTTPS, and neither broker nor database takes anything else."""

import json
import os
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests
from amqp import Connection
from pymongo import MongoClient
from pymongo.errors import ServerSelectionTimeoutError
from stack import CHECKOUT, Stack, docker, free_port, seconds_since

from deploy.compose.certificates import ensure
from deploy.compose.secrets import Secrets
from deploy.demo.files import read_files
from deploy.local.waiting import eventually
from shared.clock import FastClock
from shared.ids import new_id


@pytest.fixture(scope="module")
def encrypted(
    settings: tuple[dict[str, str], FastClock], secrets: Secrets, docker_compose_file: list[str], took: dict[str, float]
) -> Iterator[Stack]:
    """The stack with the overlay, and certificates made by the script."""
    ensure(secrets.folder)
    given, clock = settings
    base, observed = docker_compose_file
    names = ("HTTP_PORT", "HTTPS_PORT", "OBSERVED_BROKER_PORT", "OBSERVED_DATABASE_PORT")
    ports = {name: str(free_port()) for name in names}
    files = [base, str(CHECKOUT / "deploy" / "compose" / "tls.yml"), observed, observed.replace(".yml", "-tls.yml")]
    found = Stack(f"speedmentor-tls-{os.getpid()}", files, secrets, {**given, **ports}, clock)
    began = time.monotonic()
    try:
        found.up()
        took["start with TLS"] = seconds_since(began)
        yield found
    finally:
        found.down()
    assert found.left() == []


@pytest.fixture
def https(encrypted: Stack) -> Iterator[requests.Session]:
    """A client that trusts the trial authority, and nobody else."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(encrypted.secrets.folder / "tls-authority.pem")
        yield session


def _api(encrypted: Stack) -> str:
    return f"https://localhost:{encrypted.environ['HTTPS_PORT']}/api/v1"


def test_an_event_is_imported_published_and_planned(encrypted: Stack, https: requests.Session) -> None:
    api = _api(encrypted)

    def post(path: str, body: object = None) -> dict[str, object]:
        answer = https.post(f"{api}{path}", json=body or {}, headers={"Idempotency-Key": new_id()}, timeout=30)
        assert answer.ok, answer.text
        return dict(answer.json())

    said = post("/log-in", {"password": encrypted.secrets.organizer_password})
    https.headers["Authorization"] = f"Bearer {said['token']}"
    files = read_files(CHECKOUT / "examples" / "small").ahead_of(datetime.now(UTC).date())
    program = f"/programs/{post('/programs:import', {'files': files})['program_id']}"
    post(f"{program}/publication")

    def asked() -> bool:
        # Matching hears of the people from events.
        answer = https.post(f"{api}{program}/plan", json={}, headers={"Idempotency-Key": new_id()}, timeout=30)
        return bool(answer.ok)

    eventually(asked, 60, "a plan may be asked for")

    def planned() -> bool:
        plan = https.get(f"{api}{program}/plan", timeout=30).json()
        return bool(plan.get("state") == "planned" and plan["meetings"])

    eventually(planned, 60, "there is a plan")
    done = encrypted.compose("run", "--rm", "--no-deps", "speedmentor", "check", "--wait", "20")
    assert "all services agree" in done.stdout


def test_the_gateway_is_not_published_but_through_the_door(encrypted: Stack, https: requests.Session) -> None:
    with pytest.raises(requests.ConnectionError):
        https.get(f"http://127.0.0.1:{encrypted.environ['HTTP_PORT']}/health/live", timeout=5)
    with pytest.raises(requests.ConnectionError):
        https.get(f"http://localhost:{encrypted.environ['HTTPS_PORT']}/health/live", timeout=5)


def test_who_does_not_trust_the_authority_does_not_connect(encrypted: Stack) -> None:
    with requests.Session() as stranger, pytest.raises(requests.exceptions.SSLError):
        stranger.get(f"{_api(encrypted)}/time", timeout=30)
    # The services' own way to the broker, with another authority to trust.
    done = encrypted.compose(
        *("run", "--rm", "--no-deps", "-e", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"),
        *("speedmentor", "dead-letters", "list"),
        check=False,
    )
    assert done.returncode != 0
    assert "certificate" in (done.stdout + done.stderr).lower()


def test_the_broker_takes_nothing_in_the_clear(encrypted: Stack) -> None:
    secrets, host = encrypted.secrets, f"127.0.0.1:{encrypted.environ['OBSERVED_BROKER_PORT']}"
    password = secrets.password("matching")
    with pytest.raises(OSError):  # noqa: PT011  the broker hangs up, in one way or another
        Connection(
            host, "matching", password, virtual_host=encrypted.vhost, connect_timeout=5, read_timeout=5
        ).connect()
    trusting = {"ca_certs": str(secrets.folder / "tls-authority.pem"), "server_hostname": "localhost"}
    with Connection(
        host, "matching", password, virtual_host=encrypted.vhost, ssl={**trusting, "cert_reqs": ssl.CERT_REQUIRED}
    ) as connection:
        assert connection.connected


def test_accounts_of_other_systems_are_made_by_tls_and_the_management_api_takes_nothing_else(
    encrypted: Stack, https: requests.Session
) -> None:
    api = _api(encrypted)
    said = https.post(f"{api}/log-in", json={"password": encrypted.secrets.organizer_password}, timeout=30).json()
    https.headers["Authorization"] = f"Bearer {said['token']}"
    made = https.post(f"{api}/integrators", json={"name": "by-tls", "types": ["registration.#"]}, timeout=30)
    assert made.status_code == 201, made.text
    # It is told to come as the services do, by TLS.
    assert made.json()["secrets"]["amqp_uri"].startswith("amqps://integrator-by-tls:")
    assert https.delete(f"{api}/integrators/by-tls", timeout=30).status_code == 200
    (broker,) = encrypted.containers("broker")
    listeners = json.loads(docker("exec", broker, "rabbitmq-diagnostics", "-q", "--formatter", "json", "listeners"))
    by_port = {each["port"]: each["protocol"] for each in listeners["listeners"]}
    assert 15671 in by_port
    assert not {15672, 5672} & set(by_port)


def test_the_database_takes_nothing_in_the_clear(encrypted: Stack) -> None:
    with (
        MongoClient(_plain(encrypted), serverSelectionTimeoutMS=3_000) as client,
        pytest.raises(ServerSelectionTimeoutError),
    ):
        client.admin.command("ping")
    authority = encrypted.secrets.folder / "tls-authority.pem"
    with MongoClient(f"{_plain(encrypted)}&tls=true&tlsCAFile={authority}", serverSelectionTimeoutMS=10_000) as client:
        assert client.admin.command("ping")["ok"]


def _plain(encrypted: Stack) -> str:
    password = encrypted.secrets.password("matching", "database")
    port = encrypted.environ["OBSERVED_DATABASE_PORT"]
    return f"mongodb://matching:{password}@localhost:{port}/?directConnection=true&authSource=admin"
