"""Whether a running system agrees with itself: the services' ledgers, and what lies in the broker's queues."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from shared.consistency import Difference, compare, state_of, was_told
from shared.messages import say
from shared.messaging.connection import LOST, connect
from shared.messaging.topology import RETRY_DELAYS, SUBSCRIPTIONS
from shared.operations.api import Api, NotServed, Unreachable
from shared.operations.dead_letters import count_of

#: A program that is not published yet is registration's alone: there is nothing to compare.
DRAFT = "draft"

#: Real seconds between two looks. A message that a consumer has in hand is counted nowhere, so that the system is
#: believed to be at rest only when it has been so twice.
LOOK = 0.3


@dataclass(frozen=True)
class Finding:
    """What one look has found: differences by program, and in the broker; and the programs looked at.

    ``untold`` are programs that were never published, so that there is nothing to compare in them. ``states`` is what
    the services hold of every program that they agree on.
    """

    programs: dict[str, list[Difference]] = field(default_factory=dict)
    broker: list[Difference] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether all agree."""
        return not self.broker and not any(self.programs.values())


def look(api: Api, programs: list[str] | None = None, amqp_uri: str | None = None) -> Finding:
    """Compare the services on ``programs`` (default: on all that are published); ``amqp_uri`` shows the queues too.

    Raises:
        Refused: a program is not known, or who asks may not see it.
    """
    if programs is None:
        programs = [each["program_id"] for each in api.get("/programs") if each["state"] != DRAFT]
    found, untold, states = {}, [], {}
    for program_id in programs:
        try:
            ledgers = api.get(f"/programs/{program_id}/ledgers")
        except NotServed as error:
            # The others are compared all the same, and not waited for as long where the same service is away.
            found[program_id] = [Difference("no-ledger", say("it cannot be compared now: {why}", why=str(error)))]
            api = api.with_patience(0)
            continue
        differences = compare(ledgers)
        if differences or was_told(ledgers):
            found[program_id] = differences
            if not differences:
                states[program_id] = state_of(ledgers)
        else:
            untold.append(program_id)
    return Finding(found, list(_in_queues(amqp_uri)) if amqp_uri else [], untold, states)


def settle(look_once: Callable[[], Finding], seconds: float) -> Finding:
    """Look until all has agreed twice in a row, at most ``seconds``; returns the last finding. With 0 it looks once."""
    deadline = time.monotonic() + seconds
    before = False
    while True:
        finding: Finding | None = None
        try:
            finding = look_once()
        except (Unreachable, *LOST):
            if time.monotonic() > deadline:
                raise
        if finding is not None:
            if (finding.is_clean and (before or not seconds)) or time.monotonic() > deadline:
                return finding
            before = finding.is_clean
        time.sleep(LOOK)


def _in_queues(amqp_uri: str) -> Iterator[Difference]:
    with connect(amqp_uri, "speedmentor-check") as connection:
        for each in SUBSCRIPTIONS:
            count = count_of(connection, each.queue)
            if count:
                yield Difference("queue", say("{count} events wait in {queue}", count=count, queue=each.queue))
            count = sum(count_of(connection, each.retry(attempt)) for attempt in range(1, len(RETRY_DELAYS) + 1))
            if count:
                yield Difference(
                    "queue", say("{count} events of {queue} wait to be tried again", count=count, queue=each.queue)
                )
            count = count_of(connection, each.dead)
            if count:
                yield Difference(
                    "dead-letters",
                    say(
                        "{count} dead letters of {queue}; see them with: speedmentor dead-letters show",
                        count=count,
                        queue=each.queue,
                    ),
                )
