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
    absent_from: int | None = None
    withdrawn: bool = False
    checked_in: bool = False
    erased: bool = False

    @property
    def status(self) -> str:
        """In one word, as every service's ledger says it."""
        if self.withdrawn:
            return "withdrawn"
        return f"absent:{self.absent_from}" if self.absent_from is not None else "registered"

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
            first = data["from_round"] if card.absent_from is None else min(card.absent_from, data["from_round"])
            return replace(card, absent_from=first)
        case "registration.participant-withdrawn":
            return replace(card, withdrawn=True)
        case "registration.participant-checked-in":
            return replace(card, checked_in=True)
        case "registration.participant-erased":
            return Card(card.id, card.program_id, card.role, withdrawn=True, erased=True)
    return card


#: What may change who meets whom, and the word for it in a plan's revision.
CAUSES = {
    "registration.participant-absent": "absence",
    "registration.participant-withdrawn": "withdrawal",
    "registration.participant-erased": "withdrawal",
    "registration.mentor-registered": "registration",
    "registration.mentee-registered": "registration",
    "registration.mentor-updated": "registration",
    "registration.mentee-updated": "registration",
    "registration.preference-stated": "preference",
}
