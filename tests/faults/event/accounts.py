"""The account of a program: what was committed against what was heard outside and what had its effect inside.

Lost is an event that a service has committed and that did not reach an outside consumer or a service that is to hear
it. Doubled is a fact that is told in two events: redeliveries of one event, which at-least-once allows, are none. And
what nobody has committed must not be told at all: a service that dies between telling and committing would tell it
again, under another id.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo import MongoClient

from deploy.demo.observer import Observer
from deploy.demo.system import System
from deploy.local.database import OWNERS
from shared.events import Event, decode
from shared.events.catalogue import PUBLIC
from shared.messaging.topology import SUBSCRIPTIONS
from shared.operations.api import Api

#: What tells facts of one type and subject apart: a session has many rounds, a plan many revisions.
TOLD_APART = ("round", "seconds_left", "by_role", "revision")

#: Of a bell the revision says nothing: a round that was shifted begins once all the same.
BELLS = ("session-timer.round-started", "session-timer.round-warned", "session-timer.round-ended")


@dataclass(frozen=True)
class Account:
    """What is wrong with one program, in words; and how many events it has had."""

    events: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    @property
    def balances(self) -> bool:
        """Whether nothing is."""
        return not self.lost and not self.doubled


class Books:
    """Reads the services' databases as nobody in the product may, and what ``observer`` has heard."""

    def __init__(self, system: System, observer: Observer) -> None:
        self._system = system
        self._observer = observer

    def balance(self, program_id: str, seconds: float = 30) -> Account:
        """The account of a program whose system has come to rest; the observer may be ``seconds`` behind."""
        with MongoClient[dict[str, Any]](self._system.infrastructure.mongo_uri("registration")) as client:
            committed = _committed(client, program_id)
            self._observer.catch_up(seconds)
            heard = self._observer.events(program_id)
            lost = unheard(committed, heard) + _without_effect(client, committed)
        # The observer's own complaints are of all programs: any is one too many.
        doubled = self._observer.faults(program_id) + told_twice(heard) + made_up(committed, heard)
        return Account(len(committed), lost, doubled)


def _committed(client: MongoClient[dict[str, Any]], program_id: str) -> list[Event]:
    """What the services have committed to tell of the program, from their outboxes."""
    events = [decode(bytes(row["body"])) for name in OWNERS for row in client[name]["outbox"].find({}, {"body": 1})]
    return [each for each in events if each.program == program_id]


def unheard(committed: Iterable[Event], heard: Iterable[Event]) -> list[str]:
    """Committed events that nobody heard, or that said something else then. Internal ones nobody is to hear outside."""
    known = {each.key: each for each in heard}
    return [
        f"{each.name} {each.id} of {each.subject} was {'changed on its way' if each.key in known else 'never heard'}"
        for each in committed
        if each.type in PUBLIC and known.get(each.key) != each
    ]


def made_up(committed: Iterable[Event], heard: Iterable[Event]) -> list[str]:
    """Events that were heard and that no service has committed."""
    known = {each.key for each in committed if each.type in PUBLIC}
    return [f"{each.name} {each.id} of {each.subject} was never committed" for each in heard if each.key not in known]


def told_twice(heard: Iterable[Event]) -> list[str]:
    """Facts that more than one event tells."""
    counts = Counter(_fact(each) for each in heard)
    return [f"{' '.join(map(str, fact))} is told by {count} events" for fact, count in counts.items() if count > 1]


def _fact(event: Event) -> tuple[Any, ...]:
    names = [each for each in TOLD_APART if not (each == "revision" and event.name in BELLS)]
    return (event.name, event.subject, *(f"{each}={event.data[each]}" for each in names if each in event.data))


def _without_effect(client: MongoClient[dict[str, Any]], committed: Iterable[Event]) -> list[str]:
    """Events that a service is to hear and that are not in its inbox, into which they come with their effect."""
    listed = list(committed)
    missing = []
    for each in SUBSCRIPTIONS:
        wanted = {f"{each.queue}|{event.source}|{event.id}": event for event in listed if each.takes(event.type)}
        had = {row["_id"] for row in client[each.service]["inbox"].find({"_id": {"$in": list(wanted)}}, {"_id": 1})}
        missing += [
            f"{event.name} {event.id} had no effect on {each.queue}" for key, event in wanted.items() if key not in had
        ]
    return missing


def stock(api: Api, found: Mapping[str, Any], programs: int) -> list[str]:
    """Where what the services hold is not what the event in the report ``found`` has come to, in words.

    ``programs`` is the number of programs that were ever imported: a doubled import leaves one more.
    """
    ledgers = api.get(f"/programs/{found['program_id']}/ledgers")
    people = found["participants"]
    expected = [
        ("programs", len(api.get("/programs")), programs),
        ("participants", len(ledgers["registration"]["participants"]), people["mentors"] + people["mentees"]),
        ("checked in", len(ledgers["matching"]["checked-in"]), people["checked_in"]),
        ("meetings", len(ledgers["matching"]["meetings"]), found["meetings"]["planned"]),
        ("held", ledgers["feedback"]["held"], found["meetings"]["held"]),
        ("feedback", ledgers["feedback"]["feedback"], found["feedback"]),
        ("connections", ledgers["feedback"]["connections"], found["connections"]),
    ]
    return [f"{what}: the services hold {held}, there should be {due}" for what, held, due in expected if held != due]
