"""The services as processes on the local infrastructure: started, awaited, killed and restarted by name."""

import os
import sys
from collections.abc import Mapping
from urllib.error import HTTPError
from urllib.request import urlopen

from deploy.local.errors import LaunchError, tail
from deploy.local.infrastructure import PARTS, Infrastructure, stop_all
from deploy.local.machine import ports
from deploy.local.machine.daemon import Daemon
from deploy.local.space import CHECKOUT
from deploy.local.waiting import eventually
from shared.messaging.topology import SERVICES

#: Seconds a service has to become ready.
PATIENCE = 60

#: Seconds a service has to finish what is in hand when it is asked to stop.
GRACE = 15


class Deployment:
    """Service processes on ``infrastructure``, which is up. A replica is called ``<service>-<number>``, from 1.

    Args:
        infrastructure: where they run.
        environ: settings for all of them, such as ``CLOCK_ORIGIN``, ``CLOCK_SPEED`` and ``LOG_LEVEL``.
        http_port: the port of the first gateway, taken if it is free; else one is chosen.
    """

    def __init__(
        self, infrastructure: Infrastructure, environ: Mapping[str, str] | None = None, http_port: int | None = None
    ) -> None:
        self.infrastructure = infrastructure
        self._environ = dict(environ or {})
        self._http_port = http_port
        self._own: dict[str, dict[str, str]] = {}

    def start(self, service: str, replicas: int = 1, environ: Mapping[str, str] | None = None) -> list[str]:
        """Start ``replicas`` more of ``service``; returns their names, before they are ready."""
        names = []
        for _ in range(replicas):
            number = 1
            while self.is_alive(f"{service}-{number}"):
                number += 1
            names.append(f"{service}-{number}")
            self._launch(names[-1], environ or {})
        return names

    def start_all(self, replicas: Mapping[str, int] | None = None, seconds: float = PATIENCE) -> None:
        """Start every service at once and wait until all are ready."""
        names = [name for service in SERVICES for name in self.start(service, (replicas or {}).get(service, 1))]
        self.wait_ready(*names, seconds=seconds)

    def _launch(self, name: str, environ: Mapping[str, str]) -> None:
        service = name.rpartition("-")[0]
        state = self.infrastructure.state
        if not ports.is_free(state.ports.get(name, 0)) or name not in state.ports:
            state.ports.pop(name, None)
            state.ports[name] = self.infrastructure.choose_port(name)
        settings = self.infrastructure.environment(service)
        settings["HEALTH_PORT"] = str(state.ports[name])
        if service == "gateway":
            settings["HTTP_PORT"] = str(self._choose_http_port(name))
            settings["PUBLIC_URL"] = f"http://127.0.0.1:{settings['HTTP_PORT']}"
        self._own[name] = {**self._environ, **environ}
        state.daemons[name] = Daemon.start(
            [sys.executable, "-m", f"services.{service}"],
            # Its own settings win over what happens to be set here: given URIs are in them already.
            {**os.environ, "PYTHONUNBUFFERED": "1", **settings, **self._own[name]},
            self.infrastructure.space.log(name),
            CHECKOUT,
        )
        self.infrastructure.save()

    def _choose_http_port(self, name: str) -> int:
        known = self.infrastructure.state.ports
        key = f"{name}/http"
        wanted = self._http_port if name == "gateway-1" and self._http_port else known.get(key, 0)
        if not wanted or not ports.is_free(wanted):
            known.pop(key, None)
            wanted = self.infrastructure.choose_port(key)
        known[key] = wanted
        return wanted

    @property
    def url(self) -> str:
        """Where the first gateway serves people."""
        return f"http://127.0.0.1:{self.infrastructure.state.ports['gateway-1/http']}"

    def health(self, name: str, path: str = "/health/ready") -> tuple[int, str]:
        """Status and body of a replica's health port; ``path`` may be ``/health/live`` or ``/metrics``.

        Raises:
            OSError: it does not answer.
        """
        try:
            with urlopen(f"http://127.0.0.1:{self.infrastructure.state.ports[name]}{path}", timeout=5) as answer:
                return int(answer.status), answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def is_alive(self, name: str) -> bool:
        """Whether the process of this replica runs."""
        return self.infrastructure.state.is_running(name)

    def wait_ready(self, *names: str, seconds: float = PATIENCE) -> None:
        """Wait until the named replicas (default: all) say that they are ready.

        Raises:
            LaunchError: one ended, or is not ready in time; the text has the end of its log.
        """
        for name in names or tuple(self.names):
            log = self.infrastructure.space.log(name)

            def is_ready(name: str = name) -> bool:
                if not self.is_alive(name):
                    raise LaunchError(f"{name} ended while starting:\n{tail(self.infrastructure.space.log(name))}")
                return self.health(name)[0] == 200

            try:
                eventually(is_ready, seconds, f"{name} is ready", pause=0.1)
            except TimeoutError as error:
                raise LaunchError(f"{error}\n{tail(log)}") from error

    @property
    def names(self) -> list[str]:
        """The replicas started, also those that have ended since."""
        return [name for name in self.infrastructure.state.daemons if name not in PARTS]

    def kill(self, name: str) -> None:
        """End a replica at once, as ``kill -9`` does."""
        self.infrastructure.state.daemons[name].kill()

    def stop(self, name: str, grace: float = GRACE) -> None:
        """Ask a replica to finish what is in hand and end; after ``grace`` seconds it is killed."""
        self.infrastructure.state.daemons[name].stop(grace)

    def restart(self, name: str, wait: bool = True) -> None:
        """Start a replica again, as it was started first; if it still runs it is stopped before."""
        self.stop(name)
        self._launch(name, self._own.get(name, {}))
        if wait:
            self.wait_ready(name)

    def stop_all(self) -> None:
        """Stop every replica, all at the same time."""
        state = self.infrastructure.state
        stop_all([state.daemons[name] for name in self.names], GRACE)
        for name in self.names:
            del state.daemons[name]
        self.infrastructure.save()
