"""Who can meet: a program's participants as matching knows them from events.

A card is what the latest event about a participant said. Events of one participant may come out of order after a
retry, so what a registration says is taken only if its ordinal is the highest seen, and what happened to a
participant (absence, withdrawal) is kept apart from it.
"""

from dataclasses import dataclass, replace
from typing import Any

from shared.events import Event

MENTOR = "mentor"
MENTEE = "mentee"

_REGISTRATIONS = {
    "registration.mentor-registered": MENTOR,
    "registration.mentor-updated": MENTOR,
    "registration.mentee-registered": MENTEE,
    "registration.mentee-updated": MENTEE,
}


#: What a registration tells that no plan depends on: a question more is no reason to plan anew.
_NOT_PLANNED = frozenset({"questions", "has_story"})


@dataclass(frozen=True)
class Card:
    """A participant: ``data`` is the registration as published, ``None`` until it has come."""

    id: str
    program_id: str
    role: str
    site_id: str | None = None
    data: dict[str, Any] | None = None
    ordinal: int = 0
    wants: tuple[str, ...] = ()
    avoids: tuple[str, ...] = ()
    preference_ordinal: int = 0
    #: What was said of coming and going, by ordinal: the first round missed, or None for an arrival.
    presence: tuple[tuple[int, int | None], ...] = ()
    withdrawn: bool = False
    erased: bool = False

    @property
    def absent_from(self) -> int | None:
        """The first round missed; of several said since the last arrival the earliest."""
        missed: int | None = None
        for _, first in self.presence:
            missed = first if first is None or missed is None else min(missed, first)
        return missed

    @property
    def checked_in(self) -> bool:
        """Whether the participant has arrived, be it late or only for a while."""
        return any(first is None for _, first in self.presence)

    @property
    def seating(self) -> tuple[Any, ...]:
        """All that who meets whom depends on."""
        planned = {name: value for name, value in (self.data or {}).items() if name not in _NOT_PLANNED}
        return (planned, self.data is None, self.wants, self.avoids, self.absent_from, self.withdrawn, self.erased)

    @property
    def status(self) -> str:
        """In one word, as every service's ledger says it."""
        if self.withdrawn:
            return "withdrawn"
        return f"absent:{self.absent_from}" if self.absent_from is not None else "registered"

    @property
    def person_id(self) -> str | None:
        """The same in every program of the organization, where it is known."""
        return (self.data or {}).get("person_id")

    @property
    def plannable(self) -> bool:
        """Whether enough is known to seat this participant."""
        return self.data is not None and not self.erased


def participant_of(event: Event) -> tuple[str, str] | None:
    """The id and role of the participant an event is about; ``None`` if it is about none."""
    data = event.data
    role = _REGISTRATIONS.get(event.name) or data.get("role")
    participant = data.get("participant_id") or data.get(f"{role}_id")
    return (participant, role) if participant and role else None


def apply(card: Card, event: Event) -> Card:
    """``card`` after ``event``; the same again where the event says nothing new."""
    data = event.data
    if card.erased:
        return card
    if event.name in _REGISTRATIONS:
        if event.ordinal <= card.ordinal:
            return card
        return replace(card, data=data, site_id=data.get("site_id"), ordinal=event.ordinal)
    match event.name:
        case "registration.preference-stated":
            if event.ordinal <= card.preference_ordinal:
                return card
            return replace(
                card,
                wants=tuple(data["wants"]),
                avoids=tuple(data["avoids"]),
                preference_ordinal=event.ordinal,
            )
        case "registration.participant-absent":
            return _came_or_went(card, event.ordinal, data["from_round"])
        case "registration.participant-checked-in":
            return _came_or_went(card, event.ordinal, None)
        case "registration.participant-withdrawn":
            return replace(card, withdrawn=True)
        case "registration.participant-erased":
            return Card(card.id, card.program_id, card.role, withdrawn=True, erased=True)
    return card


def _came_or_went(card: Card, ordinal: int, first: int | None) -> Card:
    return replace(card, presence=tuple(sorted({*card.presence, (ordinal, first)}, key=lambda said: said[0])))


#: What may change who meets whom, and the word for it in a plan's revision.
CAUSES = {
    "registration.participant-absent": "absence",
    "registration.participant-checked-in": "arrival",
    "registration.participant-withdrawn": "withdrawal",
    "registration.participant-erased": "withdrawal",
    "registration.mentor-registered": "registration",
    "registration.mentee-registered": "registration",
    "registration.mentor-updated": "registration",
    "registration.mentee-updated": "registration",
    "registration.preference-stated": "preference",
}
