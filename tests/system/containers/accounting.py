"""What went in and what came out: every committed event against every event heard and every event taken in."""

from collections import Counter, defaultdict
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from stack import Stack

from deploy.compose.accounts import DATABASE_USERS
from deploy.demo.observer import Observer
from shared.events import decode
from shared.events.catalogue import PUBLIC
from shared.messaging.topology import SUBSCRIPTIONS

#: All queues of the product.
QUEUES = frozenset(each.queue for each in SUBSCRIPTIONS)


@dataclass(frozen=True)
class Account:
    """Events of one program. ``taken_in`` counts an event once for each queue that it is for."""

    committed: int
    heard: int
    due: int
    taken_in: int
    lost: list[str]
    doubled: list[str]


def settle_accounts(stack: Stack, observer: Observer, program_id: str, queues: Container[str] = QUEUES) -> Account:
    """Compare the outboxes (what was committed) with the observer and with the inboxes of ``queues``.

    An event is lost if it was committed and not heard, or is for a queue whose service has not taken it in; it is
    doubled if one place of a subject's order is held by two events, or it was heard and never committed. Internal
    events are for queues only: nobody outside is to hear them, and they are not among those counted as committed.
    """
    committed: dict[tuple[str, str], Any] = {}
    inboxes: set[str] = set()
    with stack.database() as client:
        for service in DATABASE_USERS:
            for row in client[service]["outbox"].find({}, {"body": 1}):
                event = decode(bytes(row["body"]))
                if event.program == program_id:
                    committed[event.source, event.id] = event
            inboxes |= {row["_id"] for row in client[service]["inbox"].find({}, {"_id": 1})}
    heard = {(each.source, each.id): each for each in observer.events(program_id)}
    public = {key for key, event in committed.items() if event.type in PUBLIC}
    lost = [f"not heard: {committed[key].type} {key[1]}" for key in public - heard.keys()]
    doubled = [f"never committed: {heard[key].type} {key[1]}" for key in heard.keys() - public]
    due = [
        (each.queue, event)
        for event in committed.values()
        for each in SUBSCRIPTIONS
        if each.queue in queues and each.takes(event.type)
    ]
    missing = [(queue, event) for queue, event in due if f"{queue}|{event.source}|{event.id}" not in inboxes]
    lost += [f"not taken in from {queue}: {event.type} {event.id}" for queue, event in missing]
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in heard.values():
        places[event.source, event.subject].append(event.ordinal)
    for (source, subject), ordinals in places.items():
        doubled += [f"twice: {source} {subject} {each}" for each, count in Counter(ordinals).items() if count > 1]
        lost += [f"gap: {source} {subject} {each}" for each in set(range(1, max(ordinals) + 1)) - set(ordinals)]
    return Account(len(public), len(heard), len(due), len(due) - len(missing), lost, doubled)
