"""Starting an engine as a child of nobody, and stopping that one only.

An engine that already answers is used as it is and never stopped from here.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from deploy.engine.packages import CannotInstall, as_root, install_engine, install_plugins

#: Where it is noted what was started.
RUN = Path(__file__).resolve().parents[2] / ".run" / "engine"
#: Seconds an engine may take to answer, on a machine that is busy with other things.
START_SECONDS = 90
STOP_SECONDS = 60


class EngineError(Exception):
    """No engine can be had; the text says why, and what to do about it."""


def answers() -> bool:
    """Whether the docker client reaches an engine."""
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Engine:
    """The engine of this machine. What was started is noted in ``folder``."""

    def __init__(self, folder: Path = RUN) -> None:
        self._note = folder / "dockerd.json"
        self._log = folder / "dockerd.log"

    def start(self) -> str:
        """Make sure that an engine with Compose and buildx answers; returns what was done, in words.

        Raises:
            EngineError: it cannot be installed or does not start.
        """
        try:
            if answers():
                install_plugins()
                return f"An engine answers already; it is used as it is. {self.status()}"
            if os.environ.get("DOCKER_HOST"):
                host = os.environ["DOCKER_HOST"]
                raise EngineError(f"DOCKER_HOST is {host}, and nothing answers there: start that engine, or unset it")
            install_engine()
            install_plugins()
            if answers():
                return f"Installed an engine, which the system has started and keeps. {self.status()}"
            self._launch()
        except CannotInstall as error:
            raise EngineError(str(error)) from error
        return f"Started an engine; `python -m deploy.engine stop` ends it. {self.status()}"

    def stop(self) -> str:
        """Stop the engine, if it was started from here; its images and volumes stay on disk."""
        noted = self._noted()
        if noted is None:
            self._note.unlink(missing_ok=True)
            return "No engine was started from here; nothing is stopped."
        subprocess.run(as_root(["kill", "-TERM", str(noted)]), check=False)
        deadline = time.monotonic() + STOP_SECONDS
        while self._noted() is not None:
            if time.monotonic() > deadline:
                raise EngineError(f"the engine (pid {noted}) does not stop within {STOP_SECONDS} s; see {self._log}")
            time.sleep(0.2)
        self._note.unlink(missing_ok=True)
        return "The engine is stopped."

    def status(self) -> str:
        """One line on the engine and its plug-ins."""
        if not answers():
            return "No engine answers."
        engine = _said("docker", "version", "--format", "{{.Server.Version}}")
        compose, buildx = _said("docker", "compose", "version", "--short"), _said("docker", "buildx", "version")
        whose = "started from here" if self._noted() else "not started from here"
        buildx = (buildx.split() or ["?"])[1 if len(buildx.split()) > 1 else 0]
        return f"Engine {engine} ({whose}), Compose {compose}, buildx {buildx}."

    def _launch(self) -> None:
        daemon = shutil.which("dockerd")
        if daemon is None:
            raise EngineError("docker.io is installed, but there is no dockerd on the PATH")
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                as_root([daemon]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            if process.poll() is not None or time.monotonic() > deadline:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                end = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
                raise EngineError("\n".join([f"dockerd does not come up; the end of {self._log}:", *end]))
            time.sleep(0.3)
        pid = int(Path("/var/run/docker.pid").read_text(encoding="utf-8"))
        self._note.write_text(json.dumps({"pid": pid, "began": _began(pid)}), encoding="utf-8")

    def _noted(self) -> int | None:
        """The pid of the engine that was started from here, if that very process still runs."""
        try:
            noted = json.loads(self._note.read_text(encoding="utf-8"))
            return int(noted["pid"]) if _began(noted["pid"]) == noted["began"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _began(pid: int) -> str | None:
    """When a process began (boot and ticks since): with its pid that names it for good. ``None`` if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
