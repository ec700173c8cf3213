"""The HTTP server as a nameko extension: eventlet's WSGI in the container, so that RPC and streams share its loop."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event as Flag
from typing import Any

import eventlet
import structlog
from eventlet import wsgi
from nameko.extensions import DependencyProvider

from services.gateway.commands.consuming import CommandConsumer
from services.gateway.door import Door
from services.gateway.live.hub import Hub
from services.gateway.live.listener import Listener
from services.gateway.live.log_ins import LogIns
from services.gateway.runtime import GatewayRuntime
from services.gateway.timekeeping import Timekeeper
from services.gateway.web.app import build_app
from services.gateway.web.http_protocol import HttpProtocol
from shared.clock import monotonic
from shared.events import Event
from shared.events.times import read_time
from shared.extensions.rpc_client import LimitedReplyListener, Services
from shared.messaging.broker_state import BROKER
from shared.security.principal import OPERATOR, Principal
from shared.security.tokens import sign
from shared.trace import Trace

log = structlog.get_logger()

#: Connections at once; a stream keeps one for as long as a screen is on.
CONNECTIONS = 20_000
#: Seconds a client may take for one write; for what it sends it has the time that HttpProtocol says.
CLIENT_TIMEOUT = 60
#: Seconds that answers in hand get when the gateway stops.
LAST_ANSWERS = 5.0
#: How long the gateway's own token holds, and for how many seconds it is used; so long holds that of a command.
TOKEN_LIFETIME, TOKEN_USE = timedelta(minutes=2), 60.0


class HttpServer(DependencyProvider):
    """Serves the app until the container stops; services only declare it."""

    runtime = GatewayRuntime()
    replies = LimitedReplyListener()

    def start(self) -> None:
        """Build the app and open the port."""
        runtime, settings = self.runtime, self.runtime.settings
        own_calls = _own_calls(self._calls, settings.organization, settings.token_private_key or b"")

        def calls() -> Services:
            return own_calls(Trace.start())

        self._hub = Hub(
            lambda program_id: calls().call("session_timer", "list_sessions", program_id=program_id),
            lambda session_id: calls().call("session_timer", "get_session", session_id=session_id),
        )
        self._log_ins = LogIns(lambda: calls().call("registration", "list_ended_log_ins"), self._hub.end)
        self._listener = Listener(settings.amqp_uri, f"{runtime.holder} live", self._hear, self._catch_up)
        runtime.checks["broker"] = lambda: BROKER.check() and self._listener.listening
        self._timekeeper = Timekeeper(settings.clock, lambda: read_time(calls().call("session_timer", "time")["now"]))
        self._stopping = Flag()
        door = Door(settings, self._timekeeper, self._calls, own_calls, self._hub, self._log_ins, runtime.checks)
        self._app = build_app(door)
        self._commands = CommandConsumer(
            settings.amqp_uri,
            f"{runtime.holder} commands",
            self._app,
            own_calls,
            lambda principal: sign(principal, settings.token_private_key or b"", TOKEN_LIFETIME),
            runtime.requests,
        )
        self._socket = eventlet.listen((settings.http_host, settings.http_port), reuse_addr=True, backlog=1024)
        self.container.spawn_managed_thread(self._listener.run, identifier="live")
        self.container.spawn_managed_thread(self._commands.run, identifier="commands")
        self.container.spawn_managed_thread(lambda: self._timekeeper.run(self._stopping), identifier="timekeeper")
        self._serving = self.container.spawn_managed_thread(lambda: serve(self._socket, self._app), identifier="http")
        log.info("serving", host=settings.http_host, port=self._socket.getsockname()[1])

    def stop(self) -> None:
        """Take no new connection, end the streams and finish the answers in hand."""
        self._stopping.set()
        self._socket.close()
        self._hub.close()
        self._listener.stop()
        self._commands.stop()
        with eventlet.Timeout(LAST_ANSWERS, False):
            # Killing ends the loop that accepts; it then waits for the answers in hand.
            self._serving.kill()
        self._listener.ended.wait(LAST_ANSWERS)
        self._commands.ended.wait(LAST_ANSWERS)

    def get_dependency(self, worker_ctx: Any) -> None:
        """Nothing to hand out."""

    def _hear(self, event: Event) -> None:
        if not self._log_ins.hear(event):
            self._hub.hear(event)

    def _catch_up(self) -> None:
        self._log_ins.catch_up()
        self._hub.catch_up()

    def _calls(self, trace: Trace, token: str | None) -> Services:
        return Services(self.runtime.requests, self.replies, trace, token, self.runtime.settings.rpc_timeout)


def serve(listening: Any, app: Any, protocol: type[HttpProtocol] = HttpProtocol) -> None:
    """Serve the WSGI application ``app`` on a socket that listens, until the green thread is killed."""
    wsgi.server(
        listening,
        app,
        max_size=CONNECTIONS,
        protocol=protocol,
        socket_timeout=CLIENT_TIMEOUT,
        log_output=False,
        debug=False,
    )


def _own_calls(
    calls: Callable[[Trace, str | None], Services], organization: str, private_key: bytes
) -> Callable[[Trace], Services]:
    """Calls in the gateway's own name, as an operator, with a token that does not live long."""
    principal = Principal("gateway", OPERATOR, organization)
    token, signed = "", float("-inf")

    def own(trace: Trace) -> Services:
        nonlocal token, signed
        if monotonic() - signed > TOKEN_USE:
            token, signed = sign(principal, private_key, TOKEN_LIFETIME), monotonic()
        return calls(trace, token)

    return own
