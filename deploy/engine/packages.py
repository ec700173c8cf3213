"""Installing Docker, Compose and buildx from Debian's packages.

Debian 12 has the engine, but Compose and buildx as plug-ins of the client came with Debian 13. They are taken from
there: with package lists and a preference of their own, so that the machine's package sources stay as they are.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

#: Where the plug-ins come from on a Debian that has none.
PLUGIN_SUITE = "trixie"
PLUGINS = ("docker-compose", "docker-buildx")
#: The engine, what it sets its network up with, and what certificates are checked against.
ENGINE = ("docker.io", "iptables", "ca-certificates")


class CannotInstall(Exception):
    """Something cannot be installed; the text says what, and what to do about it."""


def as_root(command: Sequence[str]) -> list[str]:
    """``command`` as root runs it.

    Raises:
        CannotInstall: this user is not root and may not become it without being asked.
    """
    if os.geteuid() == 0:
        return list(command)
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n", *command]
    raise CannotInstall(
        "this needs root: run it as root, give this user sudo without a password, or have an administrator "
        "install Docker with its Compose and buildx plug-ins"
    )


def apt_get(*arguments: str) -> None:
    """Run apt-get as root, without questions.

    Raises:
        CannotInstall: there is no apt-get, or it fails; the text has the end of what it said.
    """
    if not shutil.which("apt-get"):
        raise CannotInstall("this machine has no apt-get: install Docker with Compose and buildx by its own means")
    command = as_root(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", *arguments])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise CannotInstall(f"apt-get {' '.join(arguments)} failed:\n{said}")


def mirror() -> str:
    """The address of the Debian mirror this machine's package sources name."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for line in targets.splitlines():
        origin, component, address = line.split(" ", 2)
        if origin == "Debian" and component == "main" and "security" not in address:
            return address.rstrip("/")
    raise CannotInstall("no package source of Debian's on this machine: run apt-get update, or install by other means")


def has_plugin(name: str) -> bool:
    """Whether the docker client knows the command ``name``."""
    try:
        return subprocess.run(["docker", name, "version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def install_engine() -> None:
    """Install ``dockerd`` where it is missing; it is not started by this."""
    if shutil.which("dockerd"):
        return
    apt_get("update")
    apt_get("install", "--no-install-recommends", *ENGINE)


def install_plugins() -> None:
    """Install Compose and buildx for the docker client where one of them is missing."""
    missing = [plugin for plugin in PLUGINS if not has_plugin(plugin.removeprefix("docker-"))]
    if not missing:
        return
    with tempfile.TemporaryDirectory(prefix="speedmentor-apt-") as folder:
        apart = Path(folder)
        # apt drops root's rights to fetch, and has to come in here then.
        apart.chmod(0o755)
        apt_get(*_sources_apart(apart), "update")
        apt_get(
            *_sources_apart(apart),
            "install",
            "--no-install-recommends",
            *(f"{plugin}/{PLUGIN_SUITE}" for plugin in missing),
        )
    for plugin in missing:
        if not has_plugin(plugin.removeprefix("docker-")):
            raise CannotInstall(f"{plugin} is installed, but the docker client does not find it; see `docker info`")


def _sources_apart(folder: Path) -> list[str]:
    """Options that make apt use the plug-ins' suite beside the machine's own, in ``folder`` only."""
    parts, lists, preferences = folder / "sources.d", folder / "lists", folder / "preferences"
    if not parts.exists():
        shutil.copytree("/etc/apt/sources.list.d", parts, ignore=shutil.ignore_patterns("*disabled*"))
        (lists / "partial").mkdir(parents=True)
        (parts / "plugins.list").write_text(f"deb {mirror()} {PLUGIN_SUITE} main\n", encoding="utf-8")
        # Below 100: nothing that is installed is ever replaced from there unless it is asked for by name.
        preferences.write_text(f"Package: *\nPin: release n={PLUGIN_SUITE}\nPin-Priority: 50\n", encoding="utf-8")
    return [
        "-o",
        f"Dir::Etc::SourceParts={parts}",
        "-o",
        f"Dir::State::Lists={lists}",
        "-o",
        f"Dir::Etc::Preferences={preferences}",
    ]
