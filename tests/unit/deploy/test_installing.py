"""What is said where something is missing and cannot be installed, and how it is installed where it can."""

import os
import shutil
from pathlib import Path

import pytest

from deploy.local.errors import LaunchError
from deploy.local.machine import installing


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user without root and sudo, on a machine without RabbitMQ."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(installing, "RABBITMQ", tmp_path / "rabbitmq-server")


@pytest.mark.usefixtures("nobody")
def test_without_root_and_rabbitmq_both_remedies_are_named() -> None:
    with pytest.raises(LaunchError) as error:
        installing.rabbitmq()
    assert "apt-get install rabbitmq-server" in str(error.value)
    assert "AMQP_URI=" in str(error.value)


@pytest.mark.usefixtures("nobody")
def test_without_a_browser_the_browser_tests_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(LaunchError, match="Chromium"):
        installing.chromium()


@pytest.mark.usefixtures("nobody")
def test_without_a_database_both_remedies_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "WHEEL", "no-such-wheel")
    with pytest.raises(LaunchError) as error:
        installing.mongod()
    assert "make setup" in str(error.value)
    assert "MONGO_URI=" in str(error.value)


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Root on a machine whose package manager only writes down what it is asked, and under which policy."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "fails").write_text("1")
    script = tmp_path / "bin" / "apt-get"
    script.write_text(
        f"#!/bin/sh\ncd {tmp_path}\n"
        'test -x policy-rc.d && { ./policy-rc.d; echo "$1 policy $?" >> calls; }\n'
        f'echo "$DEBIAN_FRONTEND $*" >> calls\n'
        'if test "$1" = install && test -e fails; then echo "no such package" >&2; exit 100; fi\n'
        'if test "$1" = update && ! test -e broken; then rm -f fails; fi\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(installing, "POLICY", tmp_path / "policy-rc.d")
    return tmp_path


def test_no_daemon_is_started_by_a_package_and_lists_are_fetched_when_there_are_none(apt: Path) -> None:
    assert shutil.which("apt-get") == str(apt / "bin" / "apt-get")
    assert installing.can_install()
    installing.install("rabbitmq-server")
    calls = (apt / "calls").read_text().splitlines()
    wanted = "noninteractive install -y -qq --no-install-recommends rabbitmq-server"
    assert calls[:2] == ["install policy 101", wanted]
    assert "update policy 101" in calls
    assert calls[-1] == wanted
    assert not (apt / "policy-rc.d").exists()


def test_a_policy_that_was_there_stays(apt: Path) -> None:
    (apt / "policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (apt / "policy-rc.d").chmod(0o755)
    installing.install("rabbitmq-server")
    assert (apt / "policy-rc.d").exists()


def test_the_package_managers_last_words_are_said_and_the_policy_is_gone(apt: Path) -> None:
    (apt / "broken").touch()
    with pytest.raises(LaunchError, match="no such package"):
        installing.install("rabbitmq-server")
    assert not (apt / "policy-rc.d").exists()
