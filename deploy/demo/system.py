"""The system an event runs on: infrastructure and services of this checkout, on a clock of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.local import RUN, Deployment, Infrastructure, LaunchError
from shared.clock import Clock, FastClock, SystemClock
from shared.messaging.topology import SERVICES
from shared.operations.api import Api


@dataclass(frozen=True)
class System:
    """Infrastructure and services that are up, and the clock that they run on."""

    infrastructure: Infrastructure
    deployment: Deployment
    clock: Clock

    def organizer(self, patience: float = 30.0, language: str = "en") -> Api:
        """The gateway's API, logged in as the organizer."""
        api = Api(self.deployment.url, patience=patience, language=language)
        return api.log_in(password=self.infrastructure.organizer_password)

    @property
    def operator_uri(self) -> str:
        """The broker, as the operator."""
        return self.infrastructure.amqp_uri("operator")


@contextmanager
def running(
    clock: Clock | None = None, root: Path = RUN, http_port: int | None = None, log_level: str = "INFO"
) -> Iterator[System]:
    """Have all services up on ``clock``; at the end what was started is stopped, ``make up``'s stays.

    Raises:
        LaunchError: something cannot be started, or services run here already.
    """
    infrastructure = Infrastructure(root)
    busy = [
        name
        for name, daemon in infrastructure.state.daemons.items()
        if name.rpartition("-")[0] in SERVICES and daemon.is_alive()
    ]
    if busy:
        raise LaunchError(
            f"services of this checkout run already ({', '.join(busy)}); "
            "end them with Ctrl-C where they were started, or with: make down"
        )
    clock = clock or SystemClock()
    environ = {"LOG_LEVEL": log_level, **settings_of(clock)}
    with infrastructure:
        deployment = Deployment(infrastructure, environ, http_port)
        try:
            deployment.start_all()
            yield System(infrastructure, deployment, clock)
        finally:
            deployment.stop_all()


def settings_of(clock: Clock) -> dict[str, str]:
    """The settings that give a service this clock."""
    if not isinstance(clock, FastClock):
        return {}
    return {
        "CLOCK_ORIGIN": f"{clock.real_origin.isoformat()}/{clock.event_origin.isoformat()}",
        "CLOCK_SPEED": repr(clock.speed),
    }


def clock_from(origin: datetime, speed: float) -> FastClock:
    """A clock that shows ``origin`` now and runs ``speed`` times as fast as time does."""
    return FastClock(datetime.now(UTC), origin, speed)
