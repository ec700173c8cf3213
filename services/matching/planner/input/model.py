"""What a plan is made from: people, rules and, when a plan is mended, what was announced before."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mentor:
    """One who is asked. ``rounds`` is a bit mask (bit 0 is round 1); ``topics`` maps a topic to a level 0-5."""

    id: str
    site: str
    remote: bool
    languages: tuple[str, ...]
    topics: dict[str, int]
    motives: tuple[str, ...]
    storytelling: int
    seats: int
    rounds: int
    max_meetings: int
    wants: tuple[str, ...]
    person: str = ""
    team: str = ""


@dataclass(frozen=True, slots=True)
class Mentee:
    """One who asks. ``topics`` are ranked, the dearest first; ``rounds`` is a bit mask (bit 0 is round 1).

    ``manager`` is a mentor's id. ``person`` is a mentor's too where the two are one; of one ``team`` nobody meets.
    """

    id: str
    site: str
    remote: bool
    languages: tuple[str, ...]
    motive: str
    topics: tuple[str, ...]
    rounds: int
    max_meetings: int
    wants: tuple[str, ...]
    avoid: tuple[str, ...]
    person: str = ""
    team: str = ""
    manager: str = ""


@dataclass(frozen=True, slots=True)
class Announced:
    """A meeting of the plan people hold in their hands. People are positions in the input's lists."""

    round: int
    mentee: int
    mentor: int
    table: str


@dataclass(frozen=True, slots=True)
class GivenScores:
    """The pairs that are allowed and what each is worth; three columns of one length."""

    mentee: Index
    mentor: Index
    score: Index


@dataclass(frozen=True)
class PlanInput:
    """All a plan depends on, checked.

    ``never`` and ``met_before`` hold (mentee, mentor) positions. ``mentor_absent`` and ``mentee_absent`` map a
    position to the first round missed. ``current`` is None for a first plan. ``change_cost`` None means that no score
    is worth a change of an announced meeting.
    """

    rounds: int
    mentors: tuple[Mentor, ...]
    mentees: tuple[Mentee, ...]
    never: tuple[tuple[int, int], ...] = ()
    met_before: tuple[tuple[int, int], ...] = ()
    scores: GivenScores | None = None
    current: tuple[Announced, ...] | None = None
    frozen_through: int = 0
    mentor_absent: dict[int, int] = field(default_factory=dict)
    mentee_absent: dict[int, int] = field(default_factory=dict)
    change_cost: int | None = None
    mentor_at: dict[str, int] = field(default_factory=dict, repr=False)
    mentee_at: dict[str, int] = field(default_factory=dict, repr=False)
