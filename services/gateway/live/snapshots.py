"""The whole truth of a program for whoever connects, asked for once for many.

When a replica restarts, every screen of a hall comes back in the same second: they all share one question.
"""

from collections.abc import Callable
from typing import Any

from eventlet.event import Event as Answer

from shared.clock import monotonic

Views = list[dict[str, Any]]

#: Seconds for which an answer is as good as a new one.
FRESH = 0.2


class _Question:
    def __init__(self) -> None:
        self.asked = monotonic()
        self.answer = Answer()


class Snapshots:
    """Loads the sessions of programs by ``load(program_id)``.

    Whoever asks must be listening already: a change that the answer does not have is then still to come, and one
    that has come makes us :meth:`forget` the question.
    """

    def __init__(self, load: Callable[[str], Views], fresh: float = FRESH) -> None:
        self._load = load
        self._fresh = fresh
        self._questions: dict[str, _Question] = {}

    def of(self, program_id: str) -> Views:
        """All sessions of a program; raises the fault that asking raised."""
        question = self._questions.get(program_id)
        if question and (not question.answer.ready() or monotonic() - question.asked < self._fresh):
            views: Views = question.answer.wait()
            return views
        question = self._questions[program_id] = _Question()
        try:
            views = self._load(program_id)
        except BaseException as error:
            self._drop(program_id, question)
            question.answer.send_exception(error)
            raise
        question.answer.send(views)
        return views

    def forget(self, program_id: str | None = None) -> None:
        """Answer no one any more with what was asked before now: of one program, or of all."""
        if program_id is None:
            self._questions.clear()
        else:
            self._questions.pop(program_id, None)

    def _drop(self, program_id: str, question: _Question) -> None:
        if self._questions.get(program_id) is question:
            del self._questions[program_id]
