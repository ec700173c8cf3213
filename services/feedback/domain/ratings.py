"""What can be rated, by whom, and on which scale."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.feedback.domain import MENTEE, MENTOR
from shared.faults import Problem, pointer_step
from shared.messages import say


@dataclass(frozen=True, slots=True)
class Scale:
    """Whole numbers from ``lowest`` to ``highest``; ``role`` is the only side asked, None for both."""

    lowest: int
    highest: int
    role: str | None = None


SCALES: Final[Mapping[str, Scale]] = {
    # As wrap-up surveys of speed mentoring ask it.
    "time_well_spent": Scale(1, 7),
    # Source: F. F. Reichheld, "The one number you need to grow", Harvard Business Review 81 (2003).
    "would_recommend": Scale(0, 10),
    # The mentee, on the story that the mentor told.
    "story": Scale(1, 5, MENTEE),
    # The mentor, on how the mentee had prepared.
    "prepared": Scale(1, 5, MENTOR),
}
"""The questions by name. All are voluntary."""


def faults_in(ratings: Mapping[str, Any], role: str) -> list[Problem]:
    """What is wrong with ``ratings`` (question -> number) given by ``role``: empty if nothing is."""
    return [problem for name, value in ratings.items() if (problem := _fault(name, value, role))]


def _fault(name: str, value: Any, role: str) -> Problem | None:
    # The name is a stranger's, and may be of any length.
    pointer = "/ratings/" + pointer_step(name[:64])
    scale = SCALES.get(name)
    if scale is None:
        return Problem(
            pointer,
            say("there is no such question"),
            say("leave it out; the questions are {names}", names=", ".join(questions_for(role))),
        )
    if scale.role not in (None, role):
        return Problem(pointer, say("this question is for the other side"), say("leave it out"))
    # A boolean is an int to Python, and not to anybody else.
    if type(value) is not int or not scale.lowest <= value <= scale.highest:
        return Problem(
            pointer,
            say("it is not on the scale"),
            say("give a whole number from {lowest} to {highest}", lowest=scale.lowest, highest=scale.highest),
        )
    return None


def questions_for(role: str) -> list[str]:
    """The questions that a side is asked."""
    return [name for name, scale in SCALES.items() if scale.role in (None, role)]
