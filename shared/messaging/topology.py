"""What exists on the broker, in one table: every queue with the events it gets, and who may do what.

Whoever starts first declares all of it, so an event published before its consumer has ever run waits in that
consumer's queue. Where a service's broker user may not declare another's queue, the deployment has declared it
beforehand from :func:`definitions`, and :func:`declare` only makes sure that it is there.

A queue has a row of ``.retry-<n>`` queues, in which a failed event waits out its back-off, and a ``.dead`` one.
They hang on an exchange of the service's own: with the default exchange a service could write to any queue.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from amqp.exceptions import AccessRefused
from kombu import Connection

from shared.events.catalogue import PUBLIC, TYPES

EVENTS: Final = "speedmentor.events"
#: What only services that need it may hear. An exchange of its own, since rights on topics do not keep anybody from
#: binding ``#``.
INTERNAL: Final = "speedmentor.internal"
VHOST: Final = "speedmentor"
RPC_EXCHANGE: Final = "nameko-rpc"

#: Seconds an event waits before each further attempt; after the last one fails too it is a dead letter.
RETRY_DELAYS: Final = (0.5, 2.0, 8.0, 30.0)

#: Deliveries after which the broker itself gives an event up: only one that kills its consumers gets there.
DELIVERY_LIMIT: Final = 50

#: Each look at a dead letter counts as a delivery, and newer brokers give an event up after 20 if nothing is said.
MOST_LOOKS: Final = 1_000_000

#: By what other systems' queues, which are made while the system runs, get rid of what is too much.
#: Where integrators send commands, by a routing key for each; and by which they get the answers.
COMMANDS: Final = "speedmentor.commands"
COMMAND_PREFIX: Final = "speedmentor.commands."
COMMAND_NAMES: Final = ("register-mentor", "register-mentee", "check-in", "withdraw", "state-preference")
COMMAND_QUEUE: Final = "speedmentor.gateway.commands"
ANSWERS: Final = "speedmentor.answers"
#: Commands that may wait; more are refused to their publishers.
MOST_COMMANDS: Final = 100_000

DEAD_LETTERS_OF_INTEGRATORS: Final = "speedmentor.integrators.dead-letters"
#: The broker user by which the integrations service makes the accounts of other systems, over the management API.
ACCOUNTS_ADMIN: Final = "integrations-admin"

_INTERNAL_TYPES: Final = TYPES.keys() - PUBLIC.keys()

SERVICES: Final = ("registration", "matching", "session_timer", "feedback", "integrations", "gateway")

#: By what a service learns which log-ins have ended (registration knows): it refuses their tokens from then on.
LOG_INS: Final = "log-ins"
LOG_IN_ENDED: Final = "registration.log-in-ended"
PARTICIPANT_ERASED: Final = "registration.participant-erased"


def event_name(service: str) -> str:
    """The name of a service in events and queues, where words are joined by hyphens."""
    return service.replace("_", "-")


@dataclass(frozen=True)
class Subscription:
    """A queue of ``service`` for one ``purpose`` and the event types (short names, ``*`` allowed) it gets.

    Of a name of two words it gets version 1, of one of three (``registration.*.v2``) the version that is the third.
    """

    service: str
    purpose: str
    types: tuple[str, ...]
    #: How many events are handled in one transaction at most.
    batch: int = 300
    #: Whether one consumer at a time gets the events, in the queue's order, and the others take over from it.
    in_turn: bool = False
    #: Whether events of types that this release does not know are taken as well.
    any_type: bool = False

    @property
    def queue(self) -> str:
        """The name of the queue."""
        return f"speedmentor.{event_name(self.service)}.{self.purpose}"

    @property
    def dead(self) -> str:
        """The name of its dead-letter queue."""
        return f"{self.queue}.dead"

    @property
    def exchange(self) -> str:
        """The service's own exchange, by which events come back from their back-off or go to the dead letters."""
        return retries_exchange(self.service)

    def retry(self, attempt: int) -> str:
        """The queue for the wait after failed attempt ``attempt`` (from 1)."""
        return f"{self.queue}.retry-{attempt}"

    @property
    def binding_keys(self) -> tuple[str, ...]:
        """The routing keys by which the queue is bound to the events; a third word is the major version."""
        return tuple(f"speedmentor.{name}" if name.count(".") == 2 else f"speedmentor.{name}.v1" for name in self.types)

    @property
    def bindings(self) -> tuple[tuple[str, str], ...]:
        """The exchanges and routing keys by which the queue is bound to the events."""
        return tuple((exchange_of(key), key) for key in self.binding_keys)

    def takes(self, event_type: str) -> bool:
        """Whether events of the full type ``event_type`` come into the queue."""
        exchange = exchange_of(event_type)
        return any(source == exchange and _matches(key, event_type) for source, key in self.bindings)


def exchange_of(event_type: str) -> str:
    """The exchange that events of the full type ``event_type``, or of the types of a pattern, are published on."""
    return INTERNAL if event_type in _INTERNAL_TYPES else EVENTS


@lru_cache(maxsize=1024)
def _matches(binding_key: str, routing_key: str) -> bool:
    """Whether a topic exchange sends ``routing_key`` to a queue bound with ``binding_key`` (``*`` is one word)."""
    wanted, words = binding_key.split("."), routing_key.split(".")
    return len(wanted) == len(words) and all(each in ("*", word) for each, word in zip(wanted, words, strict=True))


def retries_exchange(service: str) -> str:
    """The direct exchange a service's retries and dead letters go through."""
    return f"speedmentor.{event_name(service)}.retries"


SUBSCRIPTIONS: Final = (
    Subscription(
        "registration",
        "progress",
        (
            "session-timer.session-scheduled",
            "session-timer.session-rescheduled",
            "session-timer.session-paused",
            "session-timer.session-resumed",
            "session-timer.round-extended",
            "session-timer.session-finished",
            "feedback.program-report-ready",
        ),
    ),
    Subscription(
        "matching",
        "participants",
        (
            "registration.program-published",
            "registration.program-cancelled",
            "registration.mentor-registered",
            "registration.mentor-updated",
            "registration.mentee-registered",
            "registration.mentee-updated",
            "registration.preference-stated",
            "registration.participant-withdrawn",
            "registration.participant-checked-in",
            "registration.participant-absent",
            "registration.participant-erased",
            # In the same queue, before what it belongs to: no plan is made of people of whom this is not known yet.
            "registration.relations-stated",
        ),
    ),
    Subscription(
        "matching",
        "rounds",
        (
            "session-timer.session-scheduled",
            "session-timer.session-rescheduled",
            "session-timer.session-paused",
            "session-timer.session-resumed",
            "session-timer.round-extended",
            "session-timer.round-started",
            "session-timer.session-finished",
        ),
    ),
    Subscription(
        "session_timer",
        "programs",
        (
            "registration.program-published",
            "registration.program-cancelled",
            "matching.plan-published",
        ),
        # Each may be about hundreds of sites, and bells of other programs wait for the end of the transaction.
        batch=1,
    ),
    Subscription(
        "feedback",
        "meetings",
        (
            "registration.program-published",
            "registration.program-cancelled",
            "registration.participant-erased",
            "matching.meeting-assigned",
            "matching.meeting-released",
            "matching.pairing-published",
            "session-timer.round-ended",
            "session-timer.session-finished",
        ),
    ),
    # Queues of their own: who has logged out must not wait behind the people of a large program.
    *(
        Subscription(service, LOG_INS, (LOG_IN_ENDED, PARTICIPANT_ERASED))
        for service in ("matching", "session_timer", "feedback", "integrations")
    ),
    # One after the other: who reads the log must find the events of a subject in their order.
    Subscription("integrations", "log", ("*.*.*",), in_turn=True, any_type=True),
)


def subscriptions_of(service: str) -> tuple[Subscription, ...]:
    """The queues of one service."""
    return tuple(each for each in SUBSCRIPTIONS if each.service == service)


def subscription(service: str, purpose: str) -> Subscription:
    """One queue of one service.

    Raises:
        LookupError: there is none; add it to :data:`SUBSCRIPTIONS`.
    """
    for each in SUBSCRIPTIONS:
        if (each.service, each.purpose) == (service, purpose):
            return each
    raise LookupError(f"no subscription {purpose!r} of {service!r} in the topology")


def is_expected(event_type: str) -> bool:
    """Whether some service's queue is bound to ``event_type``: then an unroutable event is an error."""
    return any(each.takes(event_type) for each in SUBSCRIPTIONS)


@dataclass(frozen=True)
class _Queue:
    name: str
    owner: str
    arguments: dict[str, Any]
    #: (exchange, routing key)
    bindings: tuple[tuple[str, str], ...]


def _quorum(**arguments: Any) -> dict[str, Any]:
    return {"x-queue-type": "quorum", **{f"x-{k.replace('_', '-')}": v for k, v in arguments.items()}}


def _queues() -> Iterator[_Queue]:
    for each in SUBSCRIPTIONS:
        in_turn = {"single_active_consumer": True} if each.in_turn else {}
        yield _Queue(
            each.queue,
            each.service,
            _quorum(
                **in_turn,
                delivery_limit=DELIVERY_LIMIT,
                dead_letter_exchange=each.exchange,
                dead_letter_routing_key=each.dead,
                # Quorum queues dead-letter at least once only when they refuse, not drop, what is too much.
                dead_letter_strategy="at-least-once",
                overflow="reject-publish",
            ),
            (*each.bindings, (each.exchange, each.queue)),
        )
        for attempt, seconds in enumerate(RETRY_DELAYS, start=1):
            yield _Queue(
                each.retry(attempt),
                each.service,
                _quorum(
                    message_ttl=int(seconds * 1000),
                    dead_letter_exchange=each.exchange,
                    dead_letter_routing_key=each.queue,
                    dead_letter_strategy="at-least-once",
                    overflow="reject-publish",
                ),
                ((each.exchange, each.retry(attempt)),),
            )
        yield _Queue(each.dead, each.service, _quorum(delivery_limit=MOST_LOOKS), ((each.exchange, each.dead),))

    dead = f"{COMMAND_QUEUE}.dead"
    yield _Queue(
        COMMAND_QUEUE,
        "gateway",
        _quorum(
            delivery_limit=DELIVERY_LIMIT,
            max_length=MOST_COMMANDS,
            overflow="reject-publish",
            dead_letter_exchange=retries_exchange("gateway"),
            dead_letter_routing_key=dead,
            dead_letter_strategy="at-least-once",
        ),
        ((COMMANDS, f"{COMMAND_PREFIX}#"),),
    )
    yield _Queue(dead, "gateway", _quorum(delivery_limit=MOST_LOOKS), ((retries_exchange("gateway"), dead),))


def command_key(name: str) -> str:
    """The routing key by which the command ``name`` is given."""
    return f"{COMMAND_PREFIX}{name}.v1"


def _exchanges() -> Iterator[tuple[str, str]]:
    yield EVENTS, "topic"
    yield INTERNAL, "topic"
    yield RPC_EXCHANGE, "topic"
    yield COMMANDS, "topic"
    yield ANSWERS, "direct"
    yield retries_exchange("gateway"), "direct"
    for service in dict.fromkeys(each.service for each in SUBSCRIPTIONS):
        yield retries_exchange(service), "direct"


def declare(connection: Connection) -> None:
    """Make sure that all exchanges, queues and bindings exist: declare what we may, find the rest.

    Raises:
        amqp.exceptions.NotFound: something is missing that this user may not declare.
    """
    for name, kind in _exchanges():
        _ensure(
            connection,
            lambda channel, name=name, kind=kind: channel.exchange_declare(name, kind, durable=True, auto_delete=False),
            lambda channel, name=name, kind=kind: channel.exchange_declare(name, kind, passive=True),
        )
    for queue in _queues():
        _ensure(
            connection,
            lambda channel, queue=queue: _declare_queue(channel, queue),
            lambda channel, queue=queue: channel.queue_declare(queue.name, passive=True),
        )


def _declare_queue(channel: Any, queue: _Queue) -> None:
    channel.queue_declare(queue.name, durable=True, auto_delete=False, arguments=queue.arguments)
    for exchange, key in queue.bindings:
        channel.queue_bind(queue.name, exchange, key)


def _ensure(connection: Connection, make: Any, find: Any) -> None:
    """Try ``make``; where the broker refuses it to this user (and closes the channel), ``find`` must succeed."""
    try:
        with connection.channel() as channel:
            make(channel)
    except AccessRefused:
        with connection.channel() as channel:
            find(channel)


def permissions(service: str) -> tuple[str, str, str]:
    """The rights (configure, write, read) of a service's broker user, as RabbitMQ's regular expressions.

    A service may change its own queues and exchange, write events, RPC and its own retries, and read its own
    queues. Which events it may write is narrowed further by :func:`topic_permissions`.
    """
    if service == "operator":
        return ("^$", r"^speedmentor\.[a-z-]+\.retries$|^nameko-rpc$|^rpc\.reply-.*$", r".*")
    if service == ACCOUNTS_ADMIN:
        # Its tag lets it make users; what it may touch beside that is other systems' queues.
        return (
            r"^(speedmentor\.)?integrator\..*$",
            r"^(speedmentor\.)?integrator\..*$",
            r"^((speedmentor\.)?integrator\..*|speedmentor\.events)$",
        )
    own = rf"speedmentor\.{event_name(service)}\..*"
    rpc = rf"rpc-{service}|rpc\.reply-{service}-.*|{RPC_EXCHANGE}"
    # Into an integrator's exchange goes what the log has for that one alone; by the other go answers to its commands.
    others = {"integrations": r"|speedmentor\.integrator\..*", "gateway": r"|speedmentor\.answers"}.get(service, "")
    told, heard = internal_types(service)
    return (
        rf"^({own}|{rpc})$",
        rf"^({own}|{rpc}|speedmentor\.events{_internal_if(told)}{others})$",
        rf"^({own}|{rpc}|speedmentor\.events{_internal_if(heard)})$",
    )


def _internal_if(types: Collection[str]) -> str:
    return r"|speedmentor\.internal" if types else ""


def internal_types(service: str) -> tuple[list[str], list[str]]:
    """The internal events, by full type, that a service publishes, and those that it hears."""
    told = [each for each in _INTERNAL_TYPES if each.split(".")[1] == event_name(service)]
    heard = {key for own in subscriptions_of(service) for exchange, key in own.bindings if exchange == INTERNAL}
    return sorted(told), sorted(heard)


def topic_permissions(service: str) -> tuple[str, str]:
    """Which routing keys (write, read) on the events' exchange a service's broker user may use."""
    if service in ("operator", "gateway", "integrations"):
        return ("^$", ".*")
    return (rf"^speedmentor\.{event_name(service)}\..*$", ".*")


def internal_topic_permissions(service: str) -> tuple[str, str]:
    """As :func:`topic_permissions`, on the exchange of internal events: each type by name, and none for most."""
    told, heard = (rf"^({'|'.join(map(re.escape, types))})$" if types else "^$" for types in internal_types(service))
    return told, heard


def topic_rights(accounts: Iterable[str], vhost: str = VHOST) -> list[dict[str, str]]:
    """The rows of RabbitMQ's definitions for the rights of ``accounts`` on topics."""
    return [
        {"user": name, "vhost": vhost, "exchange": exchange, "write": write, "read": read}
        for name in accounts
        for exchange, (write, read) in ((EVENTS, topic_permissions(name)), (INTERNAL, internal_topic_permissions(name)))
    ]


def definitions(vhost: str = VHOST) -> dict[str, Any]:
    """Exchanges, queues and bindings as RabbitMQ's definitions file has them; users are the deployment's to add."""
    queues = list(_queues())
    return {
        "exchanges": [
            {
                "name": name,
                "vhost": vhost,
                "type": kind,
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
            for name, kind in _exchanges()
        ],
        "queues": [
            {
                "name": queue.name,
                "vhost": vhost,
                "durable": True,
                "auto_delete": False,
                "arguments": queue.arguments,
            }
            for queue in queues
        ],
        "bindings": [
            {
                "source": exchange,
                "vhost": vhost,
                "destination": queue.name,
                "destination_type": "queue",
                "routing_key": key,
                "arguments": {},
            }
            for queue in queues
            for exchange, key in queue.bindings
        ],
    }
