"""What a running gateway has once. It has no database, so less than the other services have."""

import os
import socket
from collections.abc import Callable

from nameko.extensions import SharedExtension

from shared.config import Settings
from shared.extensions import Health
from shared.extensions.runtime import SETTINGS
from shared.messaging.broker_watch import BrokerWatch
from shared.messaging.publisher_pool import PublisherPool


class GatewayRuntime(SharedExtension):
    """Shared by all extensions of the gateway."""

    settings: Settings
    watch: BrokerWatch
    requests: PublisherPool

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
        self.watch = BrokerWatch(self.settings.amqp_uri, f"{self.holder} watch")
        self.requests = PublisherPool(self.settings.amqp_uri, f"{self.holder} requests")

    def start(self) -> None:
        """Watch the broker."""
        self.container.spawn_managed_thread(self.watch.run, identifier="broker-watch")

    def stop(self) -> None:
        """Watch no more."""
        self.watch.stop()
        self.requests.close()

    def measure(self) -> bool:
        """Nothing waits in a gateway."""
        return True


class GatewayHealth(Health):
    """Live: the process answers. Ready: the broker's events arrive here, and it takes what is sent."""

    runtime = GatewayRuntime()
