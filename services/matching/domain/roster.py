"""Who can meet: a program's participants as matching knows them from events.

A card is what the latest event about a participant said. Events of one participant may come out of order after a
retry, so what a registration says is taken only if its ordinal is the highest seen, and what happened to a
participant (absence, withdrawal) is kept apart from it.

Whom a participant wants, avoids and never meets comes by internal events. Replicas of registration of an earlier
release tell the same in public ones, and while both run either may be the later word: that of the two holds which was
told later. An internal event says which public one it ``follows``, and a public one of today says nothing of all that.
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


_RELATIONS = "registration.relations-stated"

#: What a registration tells that no plan depends on: a question more is no reason to plan anew.
_NOT_PLANNED = frozenset({"questions", "has_story"})
#: What registrations of an earlier release tell of relations; see :class:`Relations`.
_PUBLIC_RELATIONS = frozenset({"never", "team_id", "manager_id"})


@dataclass(frozen=True)
class Relations:
    """What an internal event said: ``ordinal`` among its like, after public event ``follows`` of the participant."""

    ordinal: int
    follows: int
    wants: tuple[str, ...] = ()
    avoids: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    team_id: str | None = None
    manager_id: str | None = None


@dataclass(frozen=True)
class Card:
    """A participant: ``data`` is the registration as published, ``None`` until it has come.

    ``wants`` and ``avoids`` are as an earlier release published them; who asks whom the participant wants and avoids
    asks :attr:`wanted` and :attr:`avoided`.
    """

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
    relations: Relations | None = None

    @property
    def wanted(self) -> tuple[str, ...]:
        """Whom the participant wants to meet, the most wanted first."""
        told = self._told_after(self.preference_ordinal)
        return told.wants if told else self.wants

    @property
    def avoided(self) -> tuple[str, ...]:
        """Whom the participant has said to avoid."""
        told = self._told_after(self.preference_ordinal)
        return told.avoids if told else self.avoids

    @property
    def never(self) -> tuple[str, ...]:
        """Whom a mentor is never to meet, as organizers have entered it."""
        return tuple(self._relation("never", ()))

    @property
    def team_id(self) -> str | None:
        """The participant's team in this program, where one is known."""
        team: str | None = self._relation("team_id", None)
        return team

    @property
    def manager_id(self) -> str | None:
        """The mentor who is a mentee's manager, where one is known."""
        manager: str | None = self._relation("manager_id", None)
        return manager

    def _told_after(self, ordinal: int) -> Relations | None:
        """What an internal event said, if it was told after public event ``ordinal``."""
        return self.relations if self.relations is not None and self.relations.follows >= ordinal else None

    def _relation(self, name: str, nothing: Any) -> Any:
        public = (self.data or {}).get(name)
        # A registration of today says nothing of relations, whatever came before it.
        told = self._told_after(0 if public is None else self.ordinal)
        return (getattr(told, name) if told else public) or nothing

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
        passed_over = _NOT_PLANNED | _PUBLIC_RELATIONS
        planned = {name: value for name, value in (self.data or {}).items() if name not in passed_over}
        relations = (self.wanted, self.avoided, self.never, self.team_id, self.manager_id)
        return (planned, self.data is None, relations, self.absent_from, self.withdrawn, self.erased)

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
        case _ if event.name == _RELATIONS:
            return card if card.relations and event.ordinal <= card.relations.ordinal else _related(card, event)
        case "registration.preference-stated":
            # Today's says how many are wanted, and leaves it to the internal event whom.
            if event.ordinal <= card.preference_ordinal or data.get("wanted") is not None:
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


def _related(card: Card, event: Event) -> Card:
    data = event.data
    wants, avoids, never = (tuple(data.get(name) or ()) for name in ("wants", "avoids", "never"))
    told = Relations(
        event.ordinal, event.follows or 0, wants, avoids, never, data.get("team_id"), data.get("manager_id")
    )
    return replace(card, relations=told)


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
    "registration.relations-stated": "preference",
}
