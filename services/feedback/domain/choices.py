"""Who stays in touch with whom: a connection is formed when both sides of a pair have chosen it.

Source: mutual choice after short meetings, as in E. J. Finkel and P. W. Eastwick, "Speed-dating", Current Directions
in Psychological Science 17 (2008): each says it alone, and only a choice of both is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid5

from services.feedback.domain import ERASED, MENTEE, MENTOR

_NAMES = UUID("0d6c5a5e-3d0e-5b0c-9a41-2f7b1d8c6e30")


def connection_id_of(program_id: str, mentor_id: str, mentee_id: str) -> str:
    """The connection of a pair in a program: always the same, so that it is formed once."""
    return str(uuid5(_NAMES, "/".join((program_id, mentor_id, mentee_id))))


@dataclass(frozen=True)
class Pair:
    """A mentor and a mentee of a program, and what each has chosen (role -> whether to stay in touch)."""

    connection_id: str
    program_id: str
    mentor_id: str
    mentee_id: str
    site_id: str | None
    choices: Mapping[str, bool] = field(default_factory=dict)
    formed_at: datetime | None = None

    def choose(self, role: str, stay_in_touch: bool, now: datetime) -> tuple["Pair", bool]:
        """The pair after ``role`` has chosen (the last choice counts), and whether a connection is formed now.

        A choice can be taken back until the other side has made the same. Once formed a connection stays: both
        have been told, and no later choice unsays it.
        """
        chosen = replace(self, choices={**self.choices, role: stay_in_touch})
        if self.formed_at is not None or ERASED in (self.mentor_id, self.mentee_id):
            return chosen, False
        if chosen.choices.get(MENTOR) and chosen.choices.get(MENTEE):
            return replace(chosen, formed_at=now), True
        return chosen, False

    def without(self, participant_id: str) -> "Pair":
        """The pair once a participant is forgotten: no connection is formed with that one any more."""
        return replace(
            self,
            mentor_id=ERASED if self.mentor_id == participant_id else self.mentor_id,
            mentee_id=ERASED if self.mentee_id == participant_id else self.mentee_id,
        )

    @property
    def is_connection(self) -> bool:
        """Whether there are two who can stay in touch."""
        return self.formed_at is not None and ERASED not in (self.mentor_id, self.mentee_id)
