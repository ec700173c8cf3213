"""What runs and where, kept in ``.run/state.json`` between commands."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.machine.daemon import Daemon


@dataclass
class State:
    """Ports and processes by name; ``amqp_uri`` and ``mongo_uri`` only where they were given from outside."""

    ports: dict[str, int] = field(default_factory=dict)
    daemons: dict[str, Daemon] = field(default_factory=dict)
    amqp_uri: str | None = None
    mongo_uri: str | None = None
    #: Somebody asked for it to stay up; else it ends with the last command that needed it.
    kept: bool = False

    def is_running(self, *names: str) -> bool:
        """Whether all the named processes run."""
        return all(name in self.daemons and self.daemons[name].is_alive() for name in names)

    def forget_ended(self) -> None:
        """Drop the processes that run no more."""
        self.daemons = {name: daemon for name, daemon in self.daemons.items() if daemon.is_alive()}

    @property
    def is_up(self) -> bool:
        """Whether broker and database are there, given or started."""
        return (self.amqp_uri is not None or self.is_running("epmd", "rabbitmq")) and (
            self.mongo_uri is not None or self.is_running("mongod")
        )

    def write(self, path: Path) -> None:
        """Replace ``path``; readers see the old state or the new one whole."""
        write_secret(path, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> "State":
        """The state in ``path``, or an empty one: a torn or foreign file says nothing."""
        try:
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            document["daemons"] = {name: Daemon(**each) for name, each in document["daemons"].items()}
            return cls(**document)
        except (OSError, ValueError, TypeError, KeyError):
            return cls()


def write_secret(path: Path, content: str | bytes) -> None:
    """Write a file that only its owner can read, at once."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    draft.replace(path)
