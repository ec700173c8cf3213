"""``/health/live``, ``/health/ready`` and ``/metrics`` of a service, on a port of their own."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import eventlet
from eventlet import wsgi
from nameko.extensions import DependencyProvider
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.extensions.readiness import look, works
from shared.extensions.runtime import Runtime


class Health(DependencyProvider):
    """Live: the process answers. Ready: broker, database, relay and every queue work now."""

    runtime = Runtime()

    def start(self) -> None:
        """Serve until the container stops."""
        settings = self.runtime.settings
        self._socket = eventlet.listen((settings.health_host, settings.health_port), reuse_addr=True)
        self.container.spawn_managed_thread(self._serve, identifier="health")

    def stop(self) -> None:
        """Close the port."""
        self._socket.close()

    def get_dependency(self, worker_ctx: Any) -> None:
        """Nothing: services only declare it."""

    def _serve(self) -> None:
        wsgi.server(self._socket, self._answer, log_output=False, debug=False)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/health/live":
                status, content_type, body = "200 OK", "application/json", b'{"live": true}'
            case "/health/ready":
                ready, parts = look(self.runtime.checks)
                status = "200 OK" if ready else "503 Service Unavailable"
                content_type, body = "application/json", json.dumps(parts).encode()
            case "/metrics":
                # Without the database the other figures are wanted all the more.
                works(self.runtime.measure)
                status, content_type, body = "200 OK", CONTENT_TYPE_LATEST, generate_latest()
            case _:
                status, content_type, body = "404 Not Found", "text/plain", b"not found\n"
        start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body]
