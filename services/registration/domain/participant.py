"""Participants: what mentors offer and mentees look for, and what may happen to their registration.

Every change gives a new value; what other services are told follows from the difference (``events.py``).
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, TypeVar

from services.registration.domain.program import Program
from services.registration.domain.texts import mailbox
from shared.faults import Conflict, Invalid, Problem
from shared.messages import say


@dataclass(frozen=True, kw_only=True)
class Participant:
    """What is the same for both roles. ``ref`` is the organizer's own key; ``wants`` and ``avoids`` are ids."""

    role: ClassVar[str]

    id: str
    org: str
    program_id: str
    site_id: str
    name: str
    languages: tuple[str, ...]
    rounds: tuple[int, ...]
    max_meetings: int
    ref: str | None = None
    email: str = ""
    team: str = ""
    remote: bool = False
    wants: tuple[str, ...] = ()
    avoids: tuple[str, ...] = ()
    absent_from: int | None = None
    withdrawn: bool = False
    checked_in_at: datetime | None = None
    #: The same in every program of the organization, where a mail address tells who it is.
    person_id: str | None = None
    #: Whether other services have been told of this participant.
    published: bool = False

    @property
    def status(self) -> str:
        """In one word, as every service's ledger says it."""
        if self.withdrawn:
            return "withdrawn"
        return f"absent:{self.absent_from}" if self.absent_from is not None else "registered"


@dataclass(frozen=True, kw_only=True)
class Story:
    """Experience worth telling, in the four parts that make it one."""

    situation: str = ""
    choice: str = ""
    outcome: str = ""
    lesson: str = ""

    def __bool__(self) -> bool:
        return bool(self.situation or self.choice or self.outcome or self.lesson)


@dataclass(frozen=True, kw_only=True)
class Mentor(Participant):
    """``topics`` are (topic, experience 1 to 5); ``never`` are mentees' ids, such as of one's own team."""

    role: ClassVar[str] = "mentor"

    topics: tuple[tuple[str, int], ...]
    motives: tuple[str, ...]
    storytelling: int = 0
    seats: int = 1
    story: Story = Story()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Mentee(Participant):
    """``topics``: the most wanted first; ``questions``: in the order to ask them; ``manager``: a mentor's id."""

    role: ClassVar[str] = "mentee"

    motive: str
    topics: tuple[str, ...]
    questions: tuple[str, ...] = ()
    manager: str | None = None


Person = TypeVar("Person", bound=Participant)


def check_in(person: Person, program: Program, now: datetime) -> Person:
    """The participant has arrived, or is back after an absence. Doing it again changes nothing."""
    program.require_published()
    _require_taking_part(person)
    if person.checked_in_at and person.absent_from is None:
        return person
    return replace(person, checked_in_at=now, absent_from=None)


def mark_absent(person: Person, program: Program, from_round: int) -> Person:
    """The participant is missed from a round on (has not come, or leaves early).

    Of several rounds the earliest holds, until the participant arrives.
    """
    program.require_published()
    _require_taking_part(person)
    if not 1 <= from_round <= program.rounds:
        problem = Problem(
            "/from_round",
            say("round {round} does not exist", round=from_round),
            say("give a round from 1 to {rounds}", rounds=program.rounds),
        )
        raise Invalid(say("The absence cannot be noted."), [problem])
    known = person.absent_from
    return replace(person, absent_from=from_round if known is None else min(known, from_round))


def withdraw(person: Person, program: Program) -> Person:
    """The participant will not come. Doing it again changes nothing."""
    program.require_open()
    return replace(person, withdrawn=True)


def ask(person: Participant, program: Program, questions: tuple[str, ...]) -> Mentee:
    """The mentee has prepared these questions, the most important first."""
    program.require_open()
    if not isinstance(person, Mentee):
        raise Conflict(say("Only mentees prepare questions."))
    _require_taking_part(person)
    return replace(person, questions=questions)


def prefer(person: Person, program: Program, wants: tuple[str, ...], avoids: tuple[str, ...]) -> Person:
    """The participant wants to meet some, and others not; it replaces what was said before."""
    program.require_open()
    _require_taking_part(person)
    return replace(person, wants=wants, avoids=avoids)


def team_of(person: Participant) -> str:
    """The team in one form, so that ``People  & Culture`` and ``people & culture`` are the same."""
    return " ".join(unicodedata.normalize("NFKC", person.team).casefold().split())


def in_common(person: Participant) -> Iterator[tuple[str, str]]:
    """What only people who must not meet have in common with ``person``: team, manager, mailbox, as (kind, value)."""
    if team := team_of(person):
        yield "team", team
    if person.email:
        yield "mailbox", mailbox.canonical(person.email)
    if isinstance(person, Mentee):
        if person.manager:
            yield "manager", person.manager
    else:
        yield "manager", person.id


def excluded(mentor: Mentor, mentee: Mentee) -> bool:
    """Whether the two should not be put at one table.

    They are a mentee and the own manager, colleagues of one team, or one person in both roles.
    """
    return not set(in_common(mentor)).isdisjoint(in_common(mentee))


def _require_taking_part(person: Participant) -> None:
    if person.withdrawn:
        raise Conflict(say("This participant has withdrawn; register the person again."))
