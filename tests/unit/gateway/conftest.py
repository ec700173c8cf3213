"""A whole gateway without broker: its app, and stand-ins for the services that answer what a test tells them."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from flask import Flask
from flask.testing import FlaskClient

from services.gateway.door import Door
from services.gateway.live.hub import Hub
from services.gateway.live.log_ins import LogIns
from services.gateway.web.app import build_app
from shared.clock import SystemClock
from shared.config import Settings
from shared.faults import Fault, fault_from_document
from shared.security.principal import MENTEE, ORGANIZER, Principal
from shared.security.tokens import sign
from shared.trace import Trace

PASSWORD = "open, sesame"
_KEY = Ed25519PrivateKey.generate()
PRIVATE = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC = _KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

SETTINGS = Settings(
    service="gateway",
    organization="acme",
    amqp_uri="",
    mongo_uri="",
    clock=SystemClock(),
    log_level="ERROR",
    health_host="",
    health_port=0,
    http_host="",
    http_port=0,
    token_public_key=PUBLIC,
    token_private_key=PRIVATE,
    access_code_key=None,
    organizer_password=PASSWORD,
    rpc_timeout=1.0,
    public_url="",
)


class Bus:
    """All services at once: notes the calls and gives the answers it has; faults go the way they go on the bus."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.answers["try_password"] = {"wait": 0.0, "retry_after": 1}
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.traces: list[Trace] = []
        self.tokens: list[str | None] = []

    def for_request(self, trace: Trace, token: str | None) -> "Bus":
        self.traces.append(trace)
        self.tokens.append(token)
        return self

    def call(self, service: str, method: str, /, **arguments: Any) -> Any:
        self.calls.append((service, method, arguments))
        answer = self.answers.get(method, {})
        if isinstance(answer, Fault):
            raise fault_from_document(answer.to_document())
        return answer(**arguments) if callable(answer) else answer


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def checks() -> dict[str, Callable[[], bool]]:
    return {"broker": lambda: True}


@pytest.fixture
def hub(bus: Bus) -> Hub:
    return Hub(
        lambda program_id: bus.call("session_timer", "list_sessions", program_id=program_id),
        lambda session_id: bus.call("session_timer", "get_session", session_id=session_id),
    )


@pytest.fixture
def log_ins(bus: Bus, hub: Hub) -> LogIns:
    """What has ended, all of which this replica has heard; what it would do later is done by ``log_ins.later``."""
    later: list[Callable[[], None]] = []
    bus.answers["list_ended_log_ins"] = {"ended": [], "all": True}
    found = LogIns(
        lambda: bus.call("registration", "list_ended_log_ins"),
        hub.end,
        spawn=lambda work, *args: later.append(lambda: work(*args)),
        pause=lambda seconds: None,
    )
    found.later = later  # type: ignore[attr-defined]
    found.catch_up()
    later.pop()()
    bus.calls.clear()
    return found


@pytest.fixture
def pauses() -> list[float]:
    """For how many seconds each request was kept waiting that was."""
    return []


@pytest.fixture
def app(bus: Bus, hub: Hub, log_ins: LogIns, checks: dict[str, Callable[[], bool]], pauses: list[float]) -> Flask:
    def own_calls(trace: Trace) -> Bus:
        return bus.for_request(trace, "of the gateway itself")

    return build_app(Door(SETTINGS, SETTINGS.clock, bus.for_request, own_calls, hub, log_ins, checks, pauses.append))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody who has not logged in, and keeps no cookies."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def bearer() -> Callable[[Principal], dict[str, str]]:
    """``bearer(principal)``: the headers of anybody."""
    return _bearer


@pytest.fixture
def organizer() -> dict[str, str]:
    """The headers of an organizer."""
    return _bearer(Principal("organizer", ORGANIZER, "acme"))


@pytest.fixture
def mentee() -> dict[str, str]:
    """The headers of a participant of program p1 at site jkt."""
    return _bearer(Principal("anna", MENTEE, "acme", ("p1",), ("jkt",)))


@pytest.fixture
def logged_in() -> Callable[[Principal, str], dict[str, str]]:
    """``logged_in(principal, id)``: the headers of anybody, by a log-in that has this id."""
    return lambda principal, log_in_id: {"Authorization": f"Bearer {sign(principal, PRIVATE, log_in_id=log_in_id)}"}


def _bearer(principal: Principal) -> dict[str, str]:
    return {"Authorization": f"Bearer {sign(principal, PRIVATE)}"}
