"""``python -m deploy.compose.cost``: start the stack from nothing, and print what each container takes, as a table.

A project and secrets of its own, removed afterwards. Images must be there: ``make images``.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deploy.compose.secrets import Secrets

CHECKOUT = Path(__file__).resolve().parents[2]
PROJECT = "speedmentor-cost"

#: Seconds of rest before memory is read.
REST = 60


def main() -> int:
    """Measure; returns the exit status."""
    folder = Path(tempfile.mkdtemp(prefix="speedmentor-cost-"))
    try:
        Secrets(folder).ensure()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environ = {**os.environ, "SPEEDMENTOR_SECRETS": str(folder), "HTTP_PORT": str(port)}
        compose = ["docker", "compose", "-f", str(CHECKOUT / "docker-compose.yml"), "-p", PROJECT]
        began = time.monotonic()
        up = subprocess.Popen([*compose, "up", "-d", "--wait"], env=environ, stderr=subprocess.DEVNULL)
        try:
            healthy = _watch(up)
            whole = time.monotonic() - began
            if up.returncode:
                print("the stack does not come up; see it with: docker compose up -d --wait", file=sys.stderr)
                return 1
            time.sleep(REST)
            _show(healthy, _memory(), whole)
        finally:
            subprocess.run([*compose, "down", "-v"], env=environ, capture_output=True, check=False)
    finally:
        shutil.rmtree(folder)
    return 0


def _watch(up: "subprocess.Popen[bytes]") -> dict[str, float]:
    """Seconds from a container's start until it was first seen healthy, by service."""
    started: dict[str, float] = {}
    healthy: dict[str, float] = {}
    while up.poll() is None:
        label = f"label=com.docker.compose.project={PROJECT}"
        said = _docker("ps", "--filter", label, "--format", '{{.Label "com.docker.compose.service"}} {{.Status}}')
        for line in said.splitlines():
            service, _, status = line.partition(" ")
            now = time.monotonic()
            started.setdefault(service, now)
            if "(healthy)" in status:
                healthy.setdefault(service, now - started[service])
        time.sleep(0.2)
    return healthy


def _memory() -> dict[str, str]:
    found = {}
    for line in _docker("stats", "--no-stream", "--format", "{{json .}}").splitlines():
        row = json.loads(line)
        if row["Name"].startswith(f"{PROJECT}-"):
            used, _, limit = row["MemUsage"].partition(" / ")
            found[row["Name"].removeprefix(f"{PROJECT}-").rpartition("-")[0]] = f"{used} | {limit}"
    return found


def _show(healthy: dict[str, float], memory: dict[str, str], whole: float) -> None:
    print("| container | memory at rest | limit | healthy after |")
    print("| --- | ---: | ---: | ---: |")
    for name in sorted(memory):
        print(f"| {name} | {memory[name]} | {healthy.get(name, 0):.0f} s |")
    print(f"\nfrom nothing to all healthy: {whole:.0f} s, with {os.cpu_count()} processors")


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
