"""Processes that outlive their starter, recognised again by more than their number.

A pid alone may by now belong to somebody else's process. Together with the instant that process began (in clock
ticks since boot) and the id of that boot it names one process for good.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Children of this very process: they have to be reaped, or they stay as zombies.
_children: dict[int, subprocess.Popen[bytes]] = {}

#: Seconds between two looks at a process.
LOOK = 0.05


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _began(pid: int) -> str | None:
    """When the process began, or ``None`` if there is none or only its remains."""
    try:
        # The command, in parentheses, may itself hold spaces and parentheses.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    state, ticks = fields[0], fields[19]
    return None if state in "ZX" else f"{_boot()}/{ticks}"


@dataclass(frozen=True)
class Daemon:
    """One process: its pid and when it began."""

    pid: int
    began: str

    @classmethod
    def start(
        cls, command: Sequence[str], environ: Mapping[str, str], log: Path, folder: Path, fresh_log: bool = False
    ) -> "Daemon":
        """Start ``command`` in ``folder`` with exactly ``environ``, in a session of its own, output to ``log``."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb" if fresh_log else "ab") as output:
            child = subprocess.Popen(
                list(command),
                env=dict(environ),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _children[child.pid] = child
        return cls(child.pid, _began(child.pid) or "gone")

    def is_alive(self) -> bool:
        """Whether this very process runs."""
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            del _children[self.pid]
        return _began(self.pid) == self.began

    def send(self, signal_number: int) -> None:
        """Signal the process, if it is still this one."""
        if self.is_alive():
            os.kill(self.pid, signal_number)

    def wait(self, seconds: float) -> bool:
        """Wait until the process is gone, at most ``seconds``; returns whether it is."""
        deadline = time.monotonic() + seconds
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK)
        return True

    def stop(self, grace: float) -> None:
        """Ask the process to end, and after ``grace`` seconds end it; what it started ends with it."""
        helpers = self._descendants()
        self.send(signal.SIGTERM)
        if not self.wait(grace):
            self.kill()
        _see_off(helpers)

    def kill(self) -> None:
        """End the process and all that it started at once."""
        helpers = self._descendants()
        if self.is_alive():
            # It leads its own group (see start), so the group is all ours.
            os.killpg(self.pid, signal.SIGKILL)
            self.wait(10)
        _see_off(helpers)

    def _descendants(self) -> "list[Daemon]":
        """What this process has started, also in groups of their own, as Erlang's helpers are."""
        found, parents = [], [self.pid] if self.is_alive() else []
        while parents:
            try:
                text = Path(f"/proc/{parents[0]}/task/{parents[0]}/children").read_text()
            except OSError:
                text = ""
            children = [int(each) for each in text.split()]
            found += [Daemon(each, _began(each) or "gone") for each in children]
            parents = parents[1:] + children
        return found


def _see_off(helpers: list[Daemon]) -> None:
    """Give what has lost its parent a moment to end by itself, and end what does not."""
    for each in helpers:
        if not each.wait(1):
            each.send(signal.SIGKILL)
            each.wait(10)
