"""An engine, the images and one stack of containers for all tests here.

Where there is no engine, one is installed and started if that is allowed, and stopped again at the end. Where it
cannot be had, every test here is skipped with the reason, which pytest's closing lines show.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.compose.secrets import Secrets
from deploy.demo.files import EventFiles, read_files
from deploy.demo.system import settings_of
from deploy.engine.engine import Engine, EngineError
from deploy.images import building, stand_ins
from deploy.images.environment import setting
from shared.clock import FastClock

# Test modules are imported one by one (importlib mode), so what they share is found by its folder.
sys.path.insert(0, str(Path(__file__).parent))

from stack import CHECKOUT, SERVICES, Stack, free_port, seconds_since

#: Tags of the images under test: the second is the same product on a newer Python.
VERSION, NEWER = "test", "test-newer"
NEWER_PYTHON = "python:3.13-slim-trixie"

OFFICIAL = {
    "PYTHON_IMAGE": "python:3.11-slim-bookworm",
    "RABBITMQ_IMAGE": "rabbitmq:4.0",
    "MONGO_IMAGE": "mongo:7.0",
}

#: An event second lasts 1/55 s: rounds of ten minutes take eleven seconds, and all of them long enough for all that is
#: done to the stack meanwhile.
SPEED = 55.0

#: Seconds each part of the preparation took, for the report.
durations: dict[str, float] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here are system tests."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A container engine."""
    found = Engine()
    try:
        said = found.start()
    except EngineError as error:
        pytest.skip(f"NO CONTAINER WAS TESTED: {error}")
    yield found
    if said.startswith("Started"):
        found.stop()


@pytest.fixture(scope="session")
def images(engine: Engine) -> Iterator[dict[str, str]]:
    """The services' images, built from this tree; returns the base images as settings of Compose."""
    began = time.monotonic()
    bases = {name: setting(name, "") for name in ("PYTHON_IMAGE", "RABBITMQ_IMAGE", "MONGO_IMAGE")}
    if not all(bases.values()):
        bases = {name: image or OFFICIAL[name] for name, image in bases.items()}
        if not all(stand_ins.exists(image) or _pulled(image) for image in bases.values()):
            bases = stand_ins.settings()
    newer = NEWER_PYTHON
    if bases == stand_ins.settings():
        newer = f"speedmentor-stand-in/{NEWER_PYTHON}"
        stand_ins.ensure()
        if not stand_ins.exists(newer):
            stand_ins.ensure([newer])
    durations["base images"] = seconds_since(began)
    began = time.monotonic()
    for tag, python in ((VERSION, bases["PYTHON_IMAGE"]), (NEWER, newer)):
        for _ in building.build(building.IMAGES, python, tag):
            pass
    durations["images"] = seconds_since(began)
    yield bases
    tags = [building.tag_of(image, tag) for image in building.IMAGES for tag in (VERSION, NEWER)]
    subprocess.run(["docker", "image", "rm", *tags], capture_output=True, check=False)


def _pulled(image: str) -> bool:
    return subprocess.run(["docker", "pull", "-q", image], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="session")
def archipelago() -> EventFiles:
    """The sample event."""
    return read_files(CHECKOUT / "examples" / "archipelago")


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    """A project of this run's own, so that what else runs here is left alone."""
    return f"speedmentor-test-{os.getpid()}"


@pytest.fixture(scope="session")
def docker_compose_file() -> list[str]:
    """The very file that operators use, and the ports to look in by."""
    return [str(CHECKOUT / "docker-compose.yml"), str(Path(__file__).with_name("observed.yml"))]


@pytest.fixture(scope="session")
def docker_compose_command() -> str:
    """Paths in the files are from where they are."""
    return f"docker compose --project-directory {CHECKOUT}"


@pytest.fixture(scope="session")
def docker_setup(settings: tuple[dict[str, str], FastClock]) -> list[str]:
    """As the documentation says, and with what the tests add in the environment."""
    os.environ.update(settings[0])
    return ["up -d --wait --wait-timeout 240"]


@pytest.fixture(scope="session")
def docker_cleanup() -> list[str]:
    """As the documentation says."""
    return ["down -v --timeout 5"]


@pytest.fixture(scope="session")
def secrets() -> Iterator[Secrets]:
    """Secrets of this run's own."""
    folder = CHECKOUT / ".run" / "system" / f"secrets-{os.getpid()}"
    found = Secrets(folder)
    found.ensure()
    yield found
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def settings(images: dict[str, str], secrets: Secrets, archipelago: EventFiles) -> tuple[dict[str, str], FastClock]:
    """What Compose is told, and the clock that is in it."""
    clock = FastClock(datetime.now(UTC), archipelago.day_before, SPEED)
    return {
        **images,
        **settings_of(clock),
        "SPEEDMENTOR_IMAGE": setting("SPEEDMENTOR_IMAGE", "speedmentor"),
        "SPEEDMENTOR_VERSION": VERSION,
        "SPEEDMENTOR_SECRETS": str(secrets.folder),
        "HTTP_PORT": str(free_port()),
        "OBSERVED_BROKER_PORT": str(free_port()),
        "OBSERVED_DATABASE_PORT": str(free_port()),
    }, clock


@pytest.fixture(scope="session")
def watched(engine: Engine, docker_compose_project_name: str) -> Iterator[None]:
    """Set up before the stack, so torn down after it: nothing of it may be left then."""
    yield
    stack = Stack(docker_compose_project_name, [], Secrets(), {}, FastClock(datetime.now(UTC), datetime.now(UTC), 1))
    assert stack.left() == [], "docker compose down -v has left something"


@pytest.fixture(scope="session")
def stack(
    watched: None,
    settings: tuple[dict[str, str], FastClock],
    secrets: Secrets,
    docker_compose_file: list[str],
    docker_compose_project_name: str,
    request: pytest.FixtureRequest,
) -> Stack:
    """The whole product, up and healthy."""
    began = time.monotonic()
    request.getfixturevalue("docker_services")
    durations["start"] = seconds_since(began)
    environ, clock = settings
    return Stack(docker_compose_project_name, [Path(each) for each in docker_compose_file], secrets, environ, clock)


@pytest.fixture(scope="session")
def took() -> dict[str, float]:
    """Seconds each part of the preparation took."""
    return durations


@pytest.fixture(scope="session")
def newer() -> str:
    """The tag of the newer images."""
    return NEWER


@pytest.fixture(scope="session")
def services() -> tuple[str, ...]:
    """The product's services."""
    return SERVICES
