"""The access codes as a service sees them: under the key that the settings name."""

from typing import Any

from nameko.extensions import DependencyProvider

from services.registration.domain.access_codes import AccessCodes
from shared.extensions.runtime import Runtime


class Codes(DependencyProvider):
    """Gives a service method the deployment's :class:`AccessCodes`."""

    runtime = Runtime()

    def start(self) -> None:
        """Read the key; the settings have made sure that there is one."""
        self._codes = AccessCodes(self.runtime.settings.access_code_key or b"")

    def get_dependency(self, worker_ctx: Any) -> AccessCodes:
        """The codes."""
        return self._codes
