"""Where everything of one running system lives: one folder, so that several can run beside each other."""

from dataclasses import dataclass
from pathlib import Path

#: The checkout this launcher belongs to: services are started from here.
CHECKOUT = Path(__file__).resolve().parents[2]

#: The folder of the system that ``make up``, ``make demo`` and ``make run`` work with.
RUN = CHECKOUT / ".run"


@dataclass(frozen=True)
class Space:
    """The layout of the folder ``root``."""

    root: Path

    @property
    def state(self) -> Path:
        """What runs and where."""
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        """Held while something is started or stopped."""
        return self.root / "lock"

    @property
    def secrets(self) -> Path:
        """Keys and passwords."""
        return self.root / "secrets"

    @property
    def broker(self) -> Path:
        """Configuration, data and cookie of RabbitMQ."""
        return self.root / "rabbitmq"

    @property
    def database(self) -> Path:
        """Data of MongoDB."""
        return self.root / "mongod"

    def log(self, name: str) -> Path:
        """The log of one process."""
        return self.root / "log" / f"{name}.log"
