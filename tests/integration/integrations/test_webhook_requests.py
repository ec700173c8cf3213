"""One request to a receiver, with a real one on the other side."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.integrations.domain.addresses import Allowed
from services.integrations.webhooks.requesting import Client
from shared.clock import monotonic
from tests.integration.integrations.receiver import Receiver, receiving, status

HERE = Allowed.parse("127.0.0.0/8")
NOBODY = Allowed()
HEADERS = {"content-type": "application/cloudevents+json; charset=utf-8", "webhook-id": "x"}
BODY = b'{"subject": "s"}'


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def test_what_is_sent_arrives_as_it_is(receiver: Receiver) -> None:
    outcome = Client(HERE).post(f"{receiver.url}/a?b=%20c", HEADERS, BODY)
    assert (outcome.status, outcome.failure) == (204, None)
    (request,) = receiver.requests
    assert request.line == "POST /hook/a?b=%20c HTTP/1.1"
    assert request.body == BODY
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == HEADERS["content-type"]
    assert request.headers["content-length"] == str(len(BODY))


def test_a_redirect_is_a_failure_and_goes_nowhere(receiver: Receiver) -> None:
    with receiving() as own:
        receiver.answer = status(307, f"Location: {own.url}")
        outcome = Client(HERE).post(receiver.url, HEADERS, BODY)
        assert (outcome.status, outcome.verdict) == (307, "failed")
        assert own.requests == []


def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert Client(HERE).post(receiver.url, HEADERS, BODY).status == 204


@pytest.mark.parametrize("host", ["127.0.0.1", "receiver.example"])
def test_the_own_network_is_not_reached_by_address_or_by_name(receiver: Receiver, host: str) -> None:
    client = Client(NOBODY, resolve=lambda *_args, **_more: _addresses(receiver.port, "127.0.0.1"))
    outcome = client.post(f"https://{host}:{receiver.port}/", HEADERS, BODY)
    assert (outcome.status, outcome.failure) == (None, "address")
    assert receiver.requests == []


def test_a_name_is_resolved_once_and_one_address_of_the_own_network_among_others_is_enough(receiver: Receiver) -> None:
    asked = []

    def resolve(host: str, port: int, **_more: Any) -> list[Any]:
        # A name whose owner answers with a stranger's address first and with ours at the next question.
        asked.append(host)
        return _addresses(port, "127.0.0.1") if len(asked) == 1 else _addresses(port, "127.0.0.2")

    allowed = Allowed.parse("127.0.0.1 receiver.example")
    outcome = Client(allowed, resolve=resolve).post(f"http://receiver.example:{receiver.port}/", HEADERS, BODY)
    assert outcome.status == 204
    assert asked == ["receiver.example"]
    assert receiver.requests[0].headers["host"] == f"receiver.example:{receiver.port}"
    mixed = Client(NOBODY, resolve=lambda *_args, **_more: _addresses(receiver.port, "8.8.8.8", "127.0.0.1"))
    assert mixed.post(f"https://receiver.example:{receiver.port}/", HEADERS, BODY).failure == "address"


def test_an_address_that_does_not_answer_leaves_the_next_one(receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.2", 0)) as closed:
        port = closed.getsockname()[1]
    resolve = [*_addresses(port, "127.0.0.2"), *_addresses(receiver.port, "127.0.0.1")]
    outcome = Client(HERE, resolve=lambda *_args, **_more: resolve).post(receiver.url, HEADERS, BODY)
    assert outcome.status == 204


@pytest.mark.parametrize("habit", ["hangs", "slow head", "closes", "nonsense", "nobody"])
def test_what_is_no_answer_in_time_is_a_failure_within_the_deadline(receiver: Receiver, habit: str) -> None:
    url = receiver.url
    expected = {"hangs": "timeout", "slow head": "timeout", "nobody": "connection"}
    if habit == "hangs":
        receiver.answer = receiver.hang
    elif habit == "slow head":
        receiver.answer = receiver.byte_by_byte(b"HTTP/1.1 200 OK\r\nX: ", b"x")
    elif habit == "closes":
        receiver.answer = lambda _request, connection: connection.close()
    elif habit == "nonsense":
        receiver.answer = lambda _request, connection: connection.sendall(b"\x00\xff nonsense\r\n\r\n")
    else:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    began = monotonic()
    outcome = Client(HERE, deadline=1.0).post(url, HEADERS, BODY)
    assert outcome.status is None
    assert outcome.failure in ([expected[habit]] if habit in expected else ["connection", "answer"])
    assert monotonic() - began < 5


def test_a_success_is_one_however_slow_or_huge_the_rest_of_the_answer_is(receiver: Receiver) -> None:
    receiver.answer = receiver.byte_by_byte(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x")
    outcome = Client(HERE, deadline=1.0).post(receiver.url, HEADERS, BODY)
    assert (outcome.status, outcome.failure) == (200, None)
    assert outcome.seconds < 3
    sent = []

    def huge(_request: Any, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100_000):
            connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            sent.append(1)

    receiver.answer = huge
    assert Client(HERE, deadline=10.0).post(receiver.url, HEADERS, BODY).status == 200
    assert len(sent) < 1_000


def test_the_wait_that_is_asked_for_is_read(receiver: Receiver) -> None:
    receiver.answer = status(503, "Retry-After: 77")
    assert Client(HERE).post(receiver.url, HEADERS, BODY).retry_after == timedelta(seconds=77)


def test_the_certificate_must_be_of_the_host_and_by_somebody_who_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=receiver.example", "-addext", "subjectAltName=DNS:receiver.example"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *subject],
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    names = []
    server.sni_callback = lambda _connection, name, _context: names.append(name)
    with receiving(tls=server) as receiver:
        allowed = Allowed.parse("receiver.example other.example")

        def post(host: str) -> Any:
            client = Client(allowed, resolve=lambda *_args, **_more: _addresses(receiver.port, "127.0.0.1"))
            return client.post(f"https://{host}:{receiver.port}/", HEADERS, BODY)

        assert post("receiver.example").failure == "tls"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert post("receiver.example").status == 204
        assert names[-1] == "receiver.example"
        assert post("other.example").failure == "tls"


UNDER_EVENTLET = """
import eventlet
eventlet.monkey_patch()
import sys, time
from services.integrations.domain.addresses import Allowed
from services.integrations.webhooks.requesting import Client
client, url, slow = Client(Allowed.parse("127.0.0.0/8"), deadline=1.0), sys.argv[1], []
gaps, going = [0.0], [True]
def tick():
    before = time.monotonic()
    while going[0]:
        eventlet.sleep(0.01)
        now = time.monotonic()
        gaps.append(now - before)
        before = now
ticking = eventlet.spawn(tick)
requests = [eventlet.spawn(client.post, url, {"webhook-id": "x"}, b'{"subject": ""}') for _ in range(20)]
outcomes = [each.wait() for each in requests]
unknown = client.post("https://nobody.invalid/", {}, b"")
going[0] = False
ticking.wait()
print({each.failure for each in outcomes}, max(each.seconds for each in outcomes) < 3, unknown.failure, max(gaps) < 0.9)
"""


def test_under_eventlet_requests_that_hang_wait_side_by_side_and_hold_up_nobody(receiver: Receiver) -> None:
    receiver.answer = receiver.hang
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", UNDER_EVENTLET, receiver.url],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.stdout.split("} ")[0] == "{'timeout'"
    assert said.stdout.split()[1] == "True"
    assert said.stdout.split()[2] in ("name", "timeout")
    assert said.stdout.split()[3] == "True"


def _addresses(port: int, *addresses: str) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]
