"""What a running gateway has once. It has no database, so less than the other services have."""

import os
import socket
from collections.abc import Callable

from nameko.extensions import SharedExtension

from shared.config import Settings
from shared.extensions import Health
from shared.extensions.runtime import SETTINGS


class GatewayRuntime(SharedExtension):
    """Shared by all extensions of the gateway."""

    settings: Settings

    def __init__(self) -> None:
        super().__init__()
        #: Name -> whether that part works now; ``/health/ready`` asks all of them.
        self.checks: dict[str, Callable[[], bool]] = {}

    @property
    def holder(self) -> str:
        """This replica's name in the broker's list of connections."""
        return f"{self.settings.service}@{socket.gethostname()}:{os.getpid()}"

    def setup(self) -> None:
        """Take over the settings."""
        self.settings = self.container.config[SETTINGS]

    def measure(self) -> bool:
        """Nothing waits in a gateway."""
        return True


class GatewayHealth(Health):
    """Live: the process answers. Ready: the broker's events arrive here."""

    runtime = GatewayRuntime()
