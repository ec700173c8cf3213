"""The receiver in shell: what the sender sends is checked by openssl and kept once; what is not from it is refused."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.waiting import eventually
from services.integrations import store
from services.integrations.domain.addresses import Allowed
from services.integrations.domain.signing import Secret, headers, secret_from
from services.integrations.webhooks.requesting import Client
from shared.storage.unit_of_work import UnitOfWork
from tests.integration.integrations.sending import Sending, of

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).parents[3] / "examples/consumers/webhook-shell/receive.sh"
NEW, OLD, OTHER = (secret_from(bytes([each]) * length) for each, length in ((1, 32), (2, 24), (3, 64)))
BODY = '{"specversion":"1.0","data":{"name":"Ève\\u0000"}}\n'.encode() + b"\x00\xff"


@contextmanager
def running(folder: Path, secrets: str) -> Iterator[str]:
    """The script under a super-server: one process for each connection; gives the URL."""
    environ = {"PATH": "/usr/bin:/bin", "WEBHOOK_SECRETS": secrets, "WEBHOOK_FOLDER": str(folder)}
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        subprocess.Popen([SCRIPT], stdin=connection, stdout=connection, env=environ)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.shutdown(socket.SHUT_RDWR)


def post(url: str, signed: Mapping[str, str], body: bytes = BODY) -> int | None:
    return Client(Allowed.parse("127.0.0.0/8")).post(url, signed, body).status


def signed(secret: str, body: bytes = BODY, event: str = "e-1", **ago: float) -> dict[str, str]:
    return dict(headers([Secret(secret)], event, datetime.now(UTC) - timedelta(**ago), body))


def kept(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in (folder / "events").glob("*.json")}


def test_the_very_bytes_are_kept_once_by_either_secret(tmp_path: Path) -> None:
    with running(tmp_path, f"{NEW} {OLD}") as url:
        assert post(url, signed(NEW)) == 204
        assert post(url, signed(OLD, event="e-2")) == 204
        two = dict(headers([Secret(OTHER), Secret(NEW)], "e-3", datetime.now(UTC), BODY))
        assert post(url, two) == 204
        # Repeated, and with other bytes under the same id: what was had first stays.
        assert post(url, signed(NEW)) == 204
        assert post(url, signed(NEW, b"{}"), b"{}") == 204
    assert kept(tmp_path) == {"e-1": BODY, "e-2": BODY, "e-3": BODY}
    assert [path.name for path in tmp_path.iterdir()] == ["events"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"webhook-signature": "v1,AAAA"}, 401),
        ({"webhook-signature": ""}, 401),
        ({"webhook-id": "e-2"}, 401),
        ({"webhook-id": "../e"}, 400),
        ({"webhook-id": "$(touch x)"}, 400),
        ({"webhook-timestamp": "1; ls"}, 400),
        ({"webhook-timestamp": "0"}, 400),
        ({"webhook-timestamp": str(int(time.time()) + 9_999)}, 400),
        ({"content-length": "9999999"}, 413),
        ({"content-length": "a[$(touch x)]"}, 400),
    ],
)
def test_what_is_not_from_the_sender_is_refused_and_leaves_nothing(
    tmp_path: Path, change: dict[str, str], expected: int
) -> None:
    with running(tmp_path, NEW) as url:
        assert post(url, signed(NEW) | change) == expected
        assert post(url, signed(OTHER)) == 401
        assert post(url, signed(NEW, minutes=6)) == 400
    assert kept(tmp_path) == {}


def test_it_receives_what_the_sender_sends(tmp_path: Path, own_unit_of_work: Callable[..., UnitOfWork]) -> None:
    sending = Sending(own_unit_of_work("integrations", store.prepare), deadline=10.0)
    with running(tmp_path, NEW) as url:
        endpoint = sending.add(url)
    with running(tmp_path, sending.secret(endpoint)) as url:
        sending.work.database["webhook_endpoints"].update_one({"_id": endpoint}, {"$set": {"url": url}})
        events = [of(f"m-{number}") for number in range(10)]
        with sending.running():
            sending.publish(*events)
            eventually(lambda: sending.is_idle(endpoint), 60)
    assert kept(tmp_path) == {event.id: event.body for event in events}
