"""Building the services' images with what this machine's own pip is configured with."""

import configparser
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from deploy.engine.packages import CannotInstall
from deploy.images.environment import setting
from shared.messaging.topology import SERVICES

CHECKOUT = Path(__file__).resolve().parents[2]

#: Names of images: the services, and the operators' tools.
IMAGES = (*SERVICES, "operations")

#: A label of every image that is built here.
DESCRIPTION = "Speed mentoring at many sites"

DEFAULT_PYTHON = "python:3.11-slim-bookworm"

#: Settings of pip that mean the same inside a build as outside.
_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "timeout", "default-timeout", "proxy", "retries")


def version() -> str:
    """The product's version: the default tag of the images."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def tag_of(image: str, tag: str | None = None) -> str:
    """The whole name of an image, as ``docker-compose.yml`` has it."""
    return f"{setting('SPEEDMENTOR_IMAGE', 'speedmentor')}/{image}:{tag or setting('SPEEDMENTOR_VERSION', version())}"


def build(
    images: Iterable[str], python: str | None = None, tag: str | None = None, source: Path = CHECKOUT
) -> Iterator[tuple[str, int]]:
    """Build from the tree ``source`` and yield each image's name with its size in bytes.

    Raises:
        CannotInstall: a build fails; the text has the end of what it said.
    """
    base = python or setting("PYTHON_IMAGE", DEFAULT_PYTHON)
    with tempfile.TemporaryDirectory(prefix="speedmentor-build-") as folder:
        secrets = list(_secrets(Path(folder)))
        for image in images:
            name = tag_of(image, tag)
            command = [
                *("docker", "build", "--progress", "plain", "--network", "host"),
                *("--file", str(source / "deploy" / "images" / "Dockerfile"), "--tag", name),
                *("--build-arg", f"PYTHON_IMAGE={base}", "--build-arg", f"SERVICE={image}"),
                *("--build-arg", f"VERSION={version()}", "--build-arg", f"REVISION={_revision()}"),
                *secrets,
                str(source),
            ]
            environ = {**os.environ, "DOCKER_BUILDKIT": "1"}
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
            if done.returncode:
                end = "\n".join((done.stdout + done.stderr).strip().splitlines()[-40:])
                raise CannotInstall(f"{end}\nbuilding {name} failed; the end of what the engine said is above")
            yield name, _size(name)
    # What had these names before and has none now.
    mine = f"label=org.opencontainers.image.description={DESCRIPTION}"
    subprocess.run(["docker", "image", "prune", "--force", "--filter", mine], capture_output=True, check=False)


def _secrets(folder: Path) -> Iterator[str]:
    """Options that hand pip's configuration and the certificate authorities of this machine to the build only."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    known: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        known[name.rpartition(".")[2]] = value.strip("'\"")
    config = configparser.ConfigParser(interpolation=None)
    config["global"] = {}
    for name in _PIP_SETTINGS:
        # Folders of this machine are not in the build.
        values = " ".join(each for each in known.get(name, "").split() if not each.startswith("file:"))
        if values:
            config["global"][name.removeprefix("default-")] = values
    path = folder / "pip.conf"
    with path.open("w", encoding="utf-8") as file:
        config.write(file)
    yield from ("--secret", f"id=pip.conf,src={path}")
    authorities = known.get("cert") or os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if authorities and Path(authorities).is_file():
        yield from ("--secret", f"id=authorities,src={authorities}")


def _revision() -> str:
    said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    return said.stdout.strip() or "unknown"


def _size(name: str) -> int:
    said = subprocess.run(["docker", "image", "inspect", name], capture_output=True, text=True, check=True).stdout
    return int(json.loads(said)[0]["Size"])
