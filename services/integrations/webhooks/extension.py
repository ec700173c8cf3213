"""Webhooks as a nameko extension: the sender runs as long as the service does, and calls get the commands."""

import random
from typing import Any

from nameko.extensions import DependencyProvider

from services.integrations.accounts.storage import scope_of
from services.integrations.domain.addresses import Allowed
from services.integrations.webhooks.commands import Webhooks
from services.integrations.webhooks.dispatching import Means
from services.integrations.webhooks.requesting import Client
from services.integrations.webhooks.sealing import Seal
from services.integrations.webhooks.sender import Sender
from shared.clock import wall_clock
from shared.extensions.runtime import SETTINGS, Runtime


class CommandsFor:
    """Gives the commands to an organization; a service method has it."""

    def __init__(self, allowed: Allowed, seal: Seal) -> None:
        self._allowed = allowed
        self._seal = seal

    def __call__(self, org: str) -> Webhooks:
        """The commands as of now."""
        return Webhooks(org, self._allowed, self._seal, scope_of, wall_clock())


class WebhookSender(DependencyProvider):
    """Sends what is due; waits are about machines, so they are real time, whatever the time of the event."""

    runtime = Runtime()

    def setup(self) -> None:
        """Take the settings over; nothing is sent yet."""
        # The runtime may be set up after this.
        settings = self.container.config[SETTINGS]
        self._allowed = Allowed.parse(settings.webhook_allowed)
        self._seal = Seal(settings.webhook_key or b"")
        self._sender: Sender | None = None

    def start(self) -> None:
        """Begin to send."""
        means = Means(self.runtime.unit_of_work, Client(self._allowed), self._seal, scope_of, wall_clock, random.random)
        self._sender = Sender(means, self.runtime.holder)
        self.container.spawn_managed_thread(self._sender.run, identifier="webhooks")

    def stop(self) -> None:
        """Leave the endpoints to other replicas; requests on their way are made again by those."""
        if self._sender is not None:
            self._sender.stop()
            self._sender.stopped.wait(5)

    def get_dependency(self, worker_ctx: Any) -> CommandsFor:
        """The commands."""
        return CommandsFor(self._allowed, self._seal)
