"""Processes that outlive their starter, on real ones."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.machine.daemon import Daemon
from deploy.local.machine.daemon import _began as began

#: Says that it is ready, then ends when asked to, after saying so.
POLITE = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print("goodbye", flush=True), sys.exit()))
print("ready", flush=True)
while True: signal.pause()
"""

#: Ends for nothing but SIGKILL, and has a child, in a group of its own, that does the same.
STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if not child: os.setsid()
if child: print("child", child, flush=True)
while True: signal.pause()
"""


@pytest.fixture
def start(tmp_path: Path, eventually: Callable[..., object]) -> Iterator[Callable[[str], Daemon]]:
    started = []

    def launch(script: str) -> Daemon:
        daemon = Daemon.start([sys.executable, "-c", script], {"GREETING": "hello"}, tmp_path / "log", tmp_path)
        started.append(daemon)
        eventually(lambda: (tmp_path / "log").read_text(), 10, "the process has said something")
        return daemon

    yield launch
    for daemon in started:
        daemon.kill()


def test_it_gets_exactly_the_environment_and_folder_given(start: Callable[[str], Daemon], tmp_path: Path) -> None:
    daemon = start("import os; print(os.environ.get('GREETING'), os.environ.get('HOME'), os.getcwd(), flush=True)")
    assert daemon.wait(10)
    assert (tmp_path / "log").read_text().split() == ["hello", "None", str(tmp_path)]


def test_asked_to_stop_it_may_tidy_up(start: Callable[[str], Daemon], tmp_path: Path) -> None:
    daemon = start(POLITE)
    assert daemon.is_alive()
    daemon.stop(grace=10)
    assert not daemon.is_alive()
    assert "goodbye" in (tmp_path / "log").read_text()


def test_killed_it_may_not(start: Callable[[str], Daemon], tmp_path: Path) -> None:
    daemon = start(POLITE)
    daemon.kill()
    assert not daemon.is_alive()
    assert "goodbye" not in (tmp_path / "log").read_text()


def test_what_does_not_stop_is_killed_with_all_it_started(start: Callable[[str], Daemon], tmp_path: Path) -> None:
    daemon = start(STUBBORN)
    child = int((tmp_path / "log").read_text().split()[1])
    daemon.stop(grace=0.2)
    assert not daemon.is_alive()
    assert began(child) is None


def test_a_number_that_was_given_to_another_process_is_not_it(start: Callable[[str], Daemon]) -> None:
    running = start(POLITE)
    earlier = Daemon(running.pid, "another-boot/1")
    assert not earlier.is_alive()
    earlier.send(signal.SIGKILL)
    earlier.kill()
    assert running.is_alive()


def test_a_process_of_somebody_elses_is_seen_to_end() -> None:
    with subprocess.Popen([sys.executable, "-c", POLITE], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        ticks = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        daemon = Daemon(other.pid, f"{boot}/{ticks}")
        assert daemon.is_alive()
        # Its remains stay until its parent asks for them: they do not count as running.
        daemon.stop(grace=10)
        assert not daemon.is_alive()
        assert Path(f"/proc/{other.pid}").exists()


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Daemon.start([str(tmp_path / "missing")], {}, tmp_path / "log", tmp_path)


def test_this_process_is_not_touched_by_a_wait(start: Callable[[str], Daemon]) -> None:
    daemon = start(POLITE)
    assert not daemon.wait(0.1)
    assert os.getsid(daemon.pid) != os.getsid(0)
