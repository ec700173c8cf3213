"""Other systems that keep the example's tables of an event: one that listens to it, and some that come later."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kombu import Connection

from deploy.demo.event import Unwatched
from deploy.demo.system import System
from deploy.local.space import CHECKOUT
from deploy.local.waiting import eventually

TABLES = CHECKOUT / "examples" / "consumers" / "tables" / "tables.py"

#: The integrators: one listens, one is stopped meanwhile, one joins in the middle, and one never hears anything.
LIVE, STOPPED, JOINING, DEAF = "live", "stopped", "joining", "deaf"


class Consumers(Unwatched):
    """From ``with`` on one consumer listens; in the middle of the rounds another takes its snapshot."""

    def __init__(self, system: System, folder: Path) -> None:
        self._system = system
        self._folder = folder
        self._uris: dict[str, str] = {}
        self._live: subprocess.Popen[bytes] | None = None
        self._pages: list[str] = []

    def __enter__(self) -> Self:
        for name in (LIVE, STOPPED):
            self._add(name, "#")
        self._live = subprocess.Popen([*self._command(LIVE)], env=self._environ(LIVE))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.terminate()
            self._live.wait(30)

    def stage(self, name: str) -> None:
        """Join when the rounds are over and people say what they make of them: much has been, and much is to come."""
        if name == "collecting feedback" and not self._pages:
            # What happens between the two comes twice.
            self._add(JOINING, "#")
            self._pages = list(self._read_snapshots())

    def by_listening(self) -> str:
        """The state of the one that has listened, once nothing waits for it any more."""
        with Connection(self._uris[LIVE]) as connection, connection.channel() as channel:
            eventually(lambda: not channel.queue_declare(queue_of(LIVE), passive=True).message_count, 60, "it has all")
        # Ready are none then; what is in its hands is committed within one more transaction.
        return self._settled(LIVE)

    def by_coming_afterwards(self) -> str:
        """The state of the one that was stopped for the whole event."""
        return self._run(STOPPED)

    def by_snapshot_in_the_middle(self) -> str:
        """The state of the one that began with a snapshot."""
        assert self._pages
        return self._run(JOINING, "--snapshot", *self._pages)

    def by_reading_the_log(self) -> str:
        """The state of one that has no queue and reads the log over HTTP."""
        api, cursor, files = self._system.organizer(), None, []
        while True:
            page = api.get("/events", **({"after": cursor} if cursor else {}))
            files.append(self._written(f"log-{len(files)}", page))
            cursor = page["cursor"]
            if not page["more"]:
                break
        self._add(DEAF, "session-timer.round-warned")
        return self._run(DEAF, "--snapshot", *files)

    def _add(self, name: str, types: str) -> None:
        made = self._system.organizer().post("/integrators", {"name": name, "types": [types]})
        self._uris[name] = made["secrets"]["amqp_uri"]

    def _read_snapshots(self) -> Iterator[str]:
        api = self._system.organizer()
        for program in api.get("/programs"):
            page: str | None = ""
            while page is not None:
                part = api.get(
                    f"/programs/{program['program_id']}/snapshot", limit=100, **({"page": page} if page else {})
                )
                page = part["next"]
                yield self._written(f"{program['program_id']}-{page}", part)

    def _written(self, name: str, page: Any) -> str:
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(page), encoding="utf-8")
        return str(path)

    def _settled(self, name: str) -> str:
        """The state that is the same twice in a row."""
        seen: list[str] = []

        def is_settled() -> bool:
            seen.append(self._export(name))
            return len(seen) > 1 and seen[-1] == seen[-2]

        eventually(is_settled, 30, "it has taken in all", pause=0.5)
        return seen[-1]

    def _run(self, name: str, *more: str) -> str:
        command = [*self._command(name), "--idle", "1", *more]
        subprocess.run(command, env=self._environ(name), timeout=120, check=True)
        return self._export(name)

    def _export(self, name: str) -> str:
        command = [*self._command(name), "--export"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    def _command(self, name: str) -> list[str]:
        return [sys.executable, "-I", str(TABLES), str(self._folder / f"{name}.sqlite")]

    def _environ(self, name: str) -> dict[str, str]:
        return {"PATH": os.defpath, "SPEEDMENTOR_AMQP_URI": self._uris[name], "SPEEDMENTOR_QUEUE": queue_of(name)}


def queue_of(name: str) -> str:
    """The queue that an integrator has."""
    return f"integrator.{name}"
