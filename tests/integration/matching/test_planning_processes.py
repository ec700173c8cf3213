"""The planning processes of one replica: as many as there is work for, and one that stays warm."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from services.matching.solver.parent import Cancelled, Died, Stopped
from services.matching.solver.pool import TRIES, Pool

pytestmark = pytest.mark.integration

QUESTION = {
    "format": "speedmentor.plan-input/1",
    "rounds": 2,
    "mentors": [{"id": "m1", "site": "jkt"}, {"id": "m2", "site": "jkt"}],
    "mentees": [{"id": "e1", "site": "jkt"}, {"id": "e2", "site": "jkt"}],
}


@pytest.fixture
def pool(eventually: Callable[..., Any]) -> Iterator[Pool]:
    made = Pool(2)
    made.start()
    eventually(processes, 10, "the process runs its program")
    yield made
    made.stop()


def processes() -> list[int]:
    """The planning processes that this one has started and that are alive."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            if b"solver.child" in (each / "cmdline").read_bytes():
                status = (each / "status").read_text(encoding="utf-8")
                if f"PPid:\t{os.getpid()}\n" in status and "State:\tZ" not in status:
                    found.append(int(each.name))
        except (OSError, ValueError):
            continue
    return found


def meetings(answer: Any) -> int:
    count: int = answer.plan["quality"]["meetings"]
    return count


def test_questions_one_after_the_other_need_one_process(pool: Pool) -> None:
    (warm,) = processes()
    assert [meetings(pool.ask(QUESTION, 10)) for _ in range(3)] == [4, 4, 4]
    assert processes() == [warm]


def test_a_question_that_would_wait_gets_a_process_which_ends_at_rest(
    pool: Pool, eventually: Callable[..., Any]
) -> None:
    (warm,) = processes()
    os.kill(warm, signal.SIGSTOP)
    with ThreadPoolExecutor(2) as threads:
        stuck = threads.submit(pool.ask, QUESTION, 60)
        eventually(pool._free.empty, what="the process that is stopped has been asked")
        assert meetings(threads.submit(pool.ask, QUESTION, 60).result(30)) == 4
        assert len(processes()) == 2
        os.kill(warm, signal.SIGCONT)
        assert meetings(stuck.result(30)) == 4
    pool.rest()
    assert processes() == [warm]


def test_what_is_cancelled_has_no_answer_and_what_comes_next_has(pool: Pool, eventually: Callable[..., Any]) -> None:
    (warm,) = processes()
    os.kill(warm, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(pool.ask, QUESTION, 60)

        def cancelled() -> bool:
            pool.cancel()
            return stuck.done()

        eventually(cancelled, 30, "the question is given up")
        with pytest.raises(Cancelled):
            stuck.result()
    assert meetings(pool.ask(QUESTION, 10)) == 4
    idle = processes()
    pool.cancel()
    assert meetings(pool.ask(QUESTION, 10)) == 4
    assert processes() == idle, "a process without a question is left alone"


def test_a_question_whose_process_is_killed_is_asked_again(pool: Pool, eventually: Callable[..., Any]) -> None:
    (warm,) = processes()
    os.kill(warm, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(pool.ask, QUESTION, 60)
        eventually(asked.running, 10, "the question is asked")
        os.kill(warm, signal.SIGKILL)
        assert meetings(asked.result(30)) == 4
    assert warm not in processes()


def test_a_question_that_kills_every_process_ends_without_an_answer(pool: Pool, eventually: Callable[..., Any]) -> None:
    killed = set()

    def kill_until_done() -> bool:
        for each in processes():
            killed.add(each)
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        return asked.done()

    with ThreadPoolExecutor(1) as threads:
        (warm,) = processes()
        os.kill(warm, signal.SIGSTOP)
        asked = threads.submit(pool.ask, QUESTION, 60)
        eventually(kill_until_done, 30, "the question is given up", pause=0.01)
        with pytest.raises(Died):
            asked.result()
    assert TRIES <= len(killed) <= TRIES + 1


def test_who_refuses_starts_no_process_for_what_waits(eventually: Callable[..., Any]) -> None:
    pool = Pool(1)
    pool.start()
    (warm,) = eventually(processes, 10, "the process runs its program")
    os.kill(warm, signal.SIGSTOP)
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(pool.ask, QUESTION, 60) for _ in range(2)]
        pool.refuse()
        for each in waiting:
            with pytest.raises(Stopped):
                each.result(30)
    with pytest.raises(Stopped):
        pool.pair({}, {}, 10)
    assert processes() == []
    pool.stop()
