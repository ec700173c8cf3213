"""Drives Docker for the tests: one running Compose project, its containers, and what can be done to them."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from deploy.compose.accounts import ADMINISTRATOR
from deploy.compose.secrets import Secrets
from deploy.local.waiting import eventually
from shared.clock import Clock
from shared.messaging.topology import VHOST
from shared.operations.api import Api

CHECKOUT = Path(__file__).resolve().parents[3]
#: In the order in which they are upgraded: matching understands what an older registration publishes, and an older
#: matching does not understand today's.
SERVICES = ("matching", "registration", "session_timer", "feedback", "integrations", "gateway")

#: Seconds in which everything must have become healthy, on a machine that does other things too.
HEALTHY = 240


class Stack:
    """The project ``name`` made of Compose ``files``; what is not given to ``environ`` is as the files have it."""

    def __init__(
        self, name: str, files: Sequence[Path], secrets: Secrets, environ: Mapping[str, str], clock: Clock
    ) -> None:
        self.name = name
        self.files = list(files)
        self.secrets = secrets
        self.clock = clock
        self.environ = dict(environ)

    # The project

    def compose(self, *arguments: str, check: bool = True, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run ``docker compose`` on the project."""
        files = [part for path in self.files for part in ("-f", str(path))]
        done = subprocess.run(
            ["docker", "compose", "--project-directory", str(CHECKOUT), *files, "-p", self.name, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **self.environ, **environ},
            cwd=CHECKOUT,
        )
        assert not check or done.returncode == 0, f"compose {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    def up(self, *arguments: str) -> None:
        """Bring the project up and wait until all of it is healthy."""
        done = self.compose("up", "-d", "--wait", "--wait-timeout", str(HEALTHY), *arguments, check=False)
        if done.returncode:
            logs = self.compose("logs", "--no-color", "--tail", "40", check=False).stdout
            raise AssertionError(f"not up: {done.stderr[-3000:]}\n{logs[-12000:]}")

    def down(self) -> None:
        """Remove the project with its data."""
        self.compose("down", "-v", "--remove-orphans", "--timeout", "5")

    def left(self) -> list[str]:
        """What the engine still has of the project."""
        label = f"label=com.docker.compose.project={self.name}"
        commands = (("ps", "-aq"), ("volume", "ls", "-q"), ("network", "ls", "-q"))
        return [line for each in commands for line in docker(*each, "--filter", label).split()]

    # Its containers

    def containers(self, service: str) -> list[str]:
        """The names of a service's containers that run."""
        filters = [f"label=com.docker.compose.{key}" for key in (f"project={self.name}", f"service={service}")]
        return sorted(docker("ps", "--format", "{{.Names}}", "--filter", filters[0], "--filter", filters[1]).split())

    def all_containers(self) -> list[str]:
        """The names of all containers that run."""
        return sorted(
            docker("ps", "--format", "{{.Names}}", "--filter", f"label=com.docker.compose.project={self.name}").split()
        )

    def inspect(self, container: str) -> dict[str, Any]:
        """All that the engine knows of a container."""
        return dict(json.loads(docker("inspect", container))[0])

    def kill(self, container: str) -> None:
        """End the container's first process as ``kill -9`` does; the restart policy is what brings it back."""
        pid = int(self.inspect(container)["State"]["Pid"])
        # The engine says 0 of one that does not run: that would be this process's own group.
        assert pid > 0, f"{container} does not run"
        os.kill(pid, signal.SIGKILL)

    def wait_healthy(self, service: str, count: int = 1, seconds: float = HEALTHY) -> None:
        """Wait until ``count`` containers of a service run and all are healthy."""

        def is_so() -> bool:
            names = self.containers(service)
            return len(names) == count and all(self._is_healthy(name) for name in names)

        eventually(is_so, seconds, f"{count} of {service} healthy", pause=0.3)

    def _is_healthy(self, container: str) -> bool:
        state = self.inspect(container)["State"]
        return bool(state["Running"] and state.get("Health", {}).get("Status", "healthy") == "healthy")

    def scale(self, **counts: int) -> None:
        """Run so many containers of each service named."""
        options = [part for service, count in counts.items() for part in ("--scale", f"{service}={count}")]
        self.compose("up", "-d", "--no-deps", "--no-recreate", *options, *counts)

    def upgrade(self, service: str, version: str, count: int = 1) -> None:
        """Replace a service's containers by those of another image, as the documentation tells operators to."""
        self.compose(
            *("up", "-d", "--no-deps", "--wait", "--scale", f"{service}={count}", service),
            SPEEDMENTOR_VERSION=version,
        )

    def restarts(self) -> int:
        """How often the engine has brought back containers that are there now."""
        return sum(int(self.inspect(name)["RestartCount"]) for name in self.all_containers())

    # What people and tests see of it

    @property
    def url(self) -> str:
        """Where the gateway is."""
        return f"http://127.0.0.1:{self.environ['HTTP_PORT']}"

    def organizer(self, patience: float = 120.0) -> Api:
        """The API, logged in as the organizer."""
        return Api(self.url, patience=patience).log_in(password=self.secrets.organizer_password)

    def amqp_uri(self, account: str = ADMINISTRATOR) -> str:
        """The broker as seen from here."""
        return self.secrets.amqp_uri(account, f"127.0.0.1:{self.environ['OBSERVED_BROKER_PORT']}")

    def database(self, account: str = ADMINISTRATOR) -> MongoClient[dict[str, Any]]:
        """A client of the database (of its first member) as seen from here."""
        return MongoClient(
            f"mongodb://127.0.0.1:{self.environ['OBSERVED_DATABASE_PORT']}/?directConnection=true&authSource=admin",
            username=account,
            password=self.secrets.password(account, "database"),
            serverSelectionTimeoutMS=30_000,
            tz_aware=True,
        )

    @property
    def vhost(self) -> str:
        """The product's virtual host."""
        return VHOST


def docker(*arguments: str) -> str:
    """Run ``docker``; returns what it prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def seconds_since(began: float) -> float:
    """Real seconds since ``time.monotonic()`` was ``began``."""
    return round(time.monotonic() - began, 1)
