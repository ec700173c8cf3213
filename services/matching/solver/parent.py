"""The parent's side: keeps one planning process warm, asks it, and replaces it when it dies or is cancelled."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import structlog
from prometheus_client import Gauge

from services.matching.solver.json_frames import Closed, receive, send

log = structlog.get_logger()

QUESTIONS = Gauge("speedmentor_planner_questions", "Questions that planning processes are at")

#: Seconds beyond its time limit after which a silent planning process is given up.
GRACE = 30.0


class SolverFailed(Exception):
    """The planner gave no plan; the text says why, without data of participants."""


class Cancelled(SolverFailed):
    """The question was given up by :meth:`Solver.cancel`."""


class Died(SolverFailed):
    """The planning process was ended from outside, by the system for its memory perhaps."""


class Stopped(Exception):
    """No questions are taken any more. It says nothing of the question, which can be asked elsewhere."""


@dataclass(frozen=True)
class Answer:
    """A plan (format ``speedmentor.plan/1``), who meets nobody in it, and its changes against the announced one.

    The reasons of the latter two are in English, and messages to be translated.
    """

    plan: dict[str, Any]
    unmet: list[dict[str, Any]]
    changes: list[dict[str, Any]]


class Solver:
    """One planning process, for one question at a time; callers wait their turn."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        #: Whether the question in hand is given up, and whether any other would be.
        self._cancelled = self._refusing = False

    def start(self) -> None:
        """Have a process ready, so that the first question finds it warm."""
        with self._turn:
            self._ready()

    def ask(
        self, question: dict[str, Any], seconds: float, progress: Callable[[float], None] = lambda share: None
    ) -> Answer:
        """The plan for ``question`` (format ``speedmentor.plan-input/1``), in about ``seconds`` at most.

        ``progress`` is told the share that is done, now and then.

        Raises:
            SolverFailed: the question was refused or the process was silent for too long.
            Died: the process did.
            Cancelled: :meth:`cancel`.
            Stopped: :meth:`refuse`.
        """
        reply = self._exchange({"question": question, "seconds": seconds}, seconds, progress)
        return Answer(reply["plan"], reply["unmet"], reply["changes"])

    def pair(self, rankings: dict[str, Any], rest: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The pairs (format ``speedmentor.pairs/1``) for ``rankings`` (``speedmentor.rankings/1``).

        Whom they leave over is placed as in a plan for ``rest`` (``speedmentor.plan-input/1``, one round).

        Raises:
            SolverFailed, Died, Cancelled, Stopped: as in :meth:`ask`.
        """
        reply = self._exchange({"rankings": rankings, "rest": rest, "seconds": seconds}, seconds, lambda share: None)
        pairs: dict[str, Any] = reply["pairs"]
        return pairs

    def _exchange(self, asked: dict[str, Any], seconds: float, progress: Callable[[float], None]) -> dict[str, Any]:
        with self._turn:
            if self._refusing:
                raise Stopped
            self._cancelled = False
            connection = self._ready()
            try:
                # Given up while the process was being started, and not there to be killed.
                if self._cancelled or self._refusing:
                    raise Closed
                connection.settimeout(seconds + GRACE)
                with QUESTIONS.track_inprogress():
                    send(connection, asked)
                    while "progress" in (reply := receive(connection)):
                        progress(reply["progress"])
            except Closed as closed:
                self._end()
                raise self._why(closed) from None
            except BaseException:
                # Half of an answer may be under way: this process cannot be asked again.
                self._end()
                raise
        if "refused" in reply:
            raise SolverFailed(f"the planner refused {len(reply['refused'])} parts of the question")
        if "broken" in reply:
            raise SolverFailed(reply["broken"])
        answer: dict[str, Any] = reply
        return answer

    def _why(self, closed: Closed) -> Exception:
        """What it means that the process gave no answer."""
        if self._refusing:
            return Stopped()
        if self._cancelled:
            return Cancelled("the question was given up")
        if isinstance(closed.__cause__, TimeoutError):
            return SolverFailed("the planning process was silent for too long")
        return Died("the planning process ended before it had an answer")

    def cancel(self) -> None:
        """Give up the question in hand, if there is one."""
        if self._turn.locked():
            self._cancelled = True
            if self._process is not None:
                self._process.kill()

    def refuse(self) -> None:
        """Give up the question in hand, and take no other."""
        self._refusing = True
        self.cancel()

    def stop(self) -> None:
        """End the process."""
        self._end()

    def _ready(self) -> socket.socket:
        if self._process is None or self._process.poll() is not None or self._connection is None:
            self._end()
            ours, theirs = socket.socketpair()
            command = [sys.executable, "-m", "services.matching.solver.child", str(theirs.fileno())]
            # It needs no settings and no secrets: it only gets what it takes to run Python.
            environ = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
            # One thread: the cores belong to all services, and the result must not depend on their number.
            environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command, pass_fds=[theirs.fileno()], env=environ, stdin=subprocess.DEVNULL
            )
            theirs.close()
            self._connection = ours
            log.info("planner-started", pid=self._process.pid)
        return self._connection

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
