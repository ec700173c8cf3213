"""What an integrator has at the broker: its users with their rights, its queues, and what they are bound to.

All of it follows from the :class:`Account` and is written as rows of RabbitMQ's definitions, so that what there is can
be compared with what there should be, row by row.

- ``integrator-NAME`` is the user. RabbitMQ knows one password for each, so a new secret is a new user,
  ``integrator-NAME.2`` and so on, and for a while there may be two.
- ``integrator.NAME`` is the queue, bound to the scope on the events' exchange, and on ``speedmentor.integrator.NAME``,
  an exchange by which it alone is sent what is played again. Where the scope has programs, about which a topic exchange
  knows nothing, it is bound to the latter only; the republisher puts what is in the scope into that, and the user may
  not read from the events' exchange at all.
- ``integrator.NAME.dead`` has what was delivered too often and what the queue had no room for.
- ``integrator.NAME.answers``, where it may give commands, gets the answers to them.
- ``integrator.NAME.stream``, where it is asked for, has the same events once more, to be read from any offset.

A user may configure nothing, write only to its queue and its stream (which lets it bind them, and publish nothing) and
to the exchange of commands by the keys of those it may give, and read its own and the exchange it is bound to, by keys
within the scope.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.integrations.domain.rights import bindable, binding_keys
from shared.messaging.topology import ANSWERS, COMMANDS, DEAD_LETTERS_OF_INTEGRATORS, EVENTS, command_key

#: Deliveries after which an event goes to the dead letters.
DELIVERY_LIMIT: Final = 20
#: Events, and bytes of them, that wait in a queue at most. The oldest one goes to the dead letters then.
MOST_WAITING: Final = 250_000
MOST_WAITING_BYTES: Final = 256_000_000
#: Dead letters at most; the oldest is dropped then.
MOST_DEAD: Final = 20_000
MOST_DEAD_BYTES: Final = 32_000_000
#: Answers to commands, and milliseconds for which they wait at most; the oldest is dropped.
MOST_ANSWERS: Final = 20_000
MOST_ANSWERS_BYTES: Final = 32_000_000
ANSWER_AGE: Final = 7 * 86_400_000
#: A look at a dead letter counts as a delivery, and newer brokers give an event up after 20 if nothing is said.
MOST_LOOKS: Final = 1_000_000
#: How long, and how many bytes, a stream keeps at least; it drops whole segments.
STREAM_AGE: Final = "7D"
STREAM_BYTES: Final = 512_000_000
STREAM_SEGMENT_BYTES: Final = 16_000_000
#: Connections that a user has at one time at most. A limit of channels would shut out users of py-amqp (kombu, Celery),
#: which opens a channel anew in place of each that ends by an error, so that they add up.
MOST_CONNECTIONS: Final = 20

LONGEST_NAME: Final = 40
NAME: Final = rf"[a-z](?:[a-z0-9-]{{0,{LONGEST_NAME - 2}}}[a-z0-9])?"
_is_name = re.compile(NAME).fullmatch
_USER = re.compile(rf"integrator-({NAME})(?:\.[0-9]+)?")
_OWNED = re.compile(rf"(?:speedmentor\.)?integrator\.({NAME})(?:\.dead|\.stream|\.answers)?")


def is_name(text: str) -> bool:
    """Whether ``text`` can be an integrator's name: small letters, digits and hyphens, from a letter on."""
    return _is_name(text) is not None


def user_of(name: str, number: int) -> str:
    """The broker user of an integrator's secret number ``number``, from 1."""
    return f"integrator-{name}" if number == 1 else f"integrator-{name}.{number}"


def integrator_of(user: str) -> str | None:
    """Whose a broker user is; None for one that is no integrator's."""
    found = _USER.fullmatch(user)
    return found[1] if found else None


def queue_of(name: str) -> str:
    """The queue of an integrator."""
    return f"integrator.{name}"


def stream_of(name: str) -> str:
    """The stream of an integrator."""
    return f"integrator.{name}.stream"


def answers_of(name: str) -> str:
    """The queue with the answers to an integrator's commands."""
    return f"integrator.{name}.answers"


def exchange_of(name: str) -> str:
    """The exchange of an integrator that has a scope with programs."""
    return f"speedmentor.integrator.{name}"


@dataclass(frozen=True, slots=True)
class Account:
    """An integrator: ``users`` are broker users with the hashes of their passwords."""

    name: str
    types: tuple[str, ...]
    programs: tuple[str, ...] | None
    stream: bool
    users: Mapping[str, str]
    commands: tuple[str, ...] = ()

    @property
    def exchange(self) -> str:
        """Where its user may bind its queue."""
        return EVENTS if self.programs is None else exchange_of(self.name)


#: Kinds of rows in the order in which they are made, with the fields that name a row.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "exchanges": ("name",),
    "queues": ("name",),
    "bindings": ("source", "destination", "routing_key"),
    "users": ("name",),
    "topic_permissions": ("user", "exchange"),
    "permissions": ("user",),
}

Row = dict[str, Any]
#: Rows by kind and by what names them.
Rows = dict[tuple[str, ...], Row]


def wanted(account: Account, vhost: str) -> Rows:
    """What there should be of ``account`` at the broker, but for bindings (:func:`first_bindings`)."""
    return _by_key(_rows(account, vhost))


def first_bindings(account: Account, vhost: str) -> Rows:
    """How its queues are bound at first; the integrator may narrow that afterwards."""
    pairs = [(exchange_of(account.name), queue_of(account.name)), (account.exchange, queue_of(account.name))]
    if account.stream:
        pairs.append((account.exchange, stream_of(account.name)))
    return _by_key(
        ("bindings", _binding(exchange, queue, key, vhost))
        for exchange, queue in pairs
        for key in binding_keys(account.types)
    )


def _rows(account: Account, vhost: str) -> Iterable[tuple[str, Row]]:
    queue = queue_of(account.name)
    dead = f"{queue}.dead"
    own = [queue, dead]
    yield "exchanges", _exchange(DEAD_LETTERS_OF_INTEGRATORS, "direct", vhost)
    yield "exchanges", _exchange(exchange_of(account.name), "topic", vhost)
    bounds = {"x-queue-type": "quorum", "x-overflow": "drop-head"}
    yield (
        "queues",
        _queue(
            dead,
            vhost,
            **bounds,
            **{
                "x-delivery-limit": MOST_LOOKS,
                "x-max-length": MOST_DEAD,
                "x-max-length-bytes": MOST_DEAD_BYTES,
            },
        ),
    )
    yield (
        "queues",
        _queue(
            queue,
            vhost,
            **bounds,
            **{
                "x-delivery-limit": DELIVERY_LIMIT,
                "x-max-length": MOST_WAITING,
                "x-max-length-bytes": MOST_WAITING_BYTES,
                "x-dead-letter-exchange": DEAD_LETTERS_OF_INTEGRATORS,
                "x-dead-letter-routing-key": dead,
            },
        ),
    )
    yield "bindings", _binding(DEAD_LETTERS_OF_INTEGRATORS, dead, dead, vhost)
    written = [queue]
    if account.stream:
        stream = stream_of(account.name)
        own.append(stream)
        written.append(stream)
        yield (
            "queues",
            _queue(
                stream,
                vhost,
                **{
                    "x-queue-type": "stream",
                    "x-max-age": STREAM_AGE,
                    "x-max-length-bytes": STREAM_BYTES,
                    "x-stream-max-segment-size-bytes": STREAM_SEGMENT_BYTES,
                },
            ),
        )
    if account.commands:
        answers = answers_of(account.name)
        own.append(answers)
        written.append(COMMANDS)
        limits = {
            "x-delivery-limit": MOST_LOOKS,
            "x-max-length": MOST_ANSWERS,
            "x-max-length-bytes": MOST_ANSWERS_BYTES,
            "x-message-ttl": ANSWER_AGE,
        }
        yield "queues", _queue(answers, vhost, **bounds, **limits)
        yield "bindings", _binding(ANSWERS, answers, answers, vhost)
    for user, password_hash in account.users.items():
        yield (
            "users",
            {
                "name": user,
                "password_hash": password_hash,
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": [tag_of(vhost)],
                "limits": {"max-connections": MOST_CONNECTIONS},
            },
        )
        # The narrower right first: without it every key of an exchange that may be read could be bound.
        yield (
            "topic_permissions",
            {
                "user": user,
                "vhost": vhost,
                "exchange": account.exchange,
                "write": "^$",
                "read": bindable(account.types),
            },
        )
        if account.commands:
            keys = map(command_key, account.commands)
            yield (
                "topic_permissions",
                {"user": user, "vhost": vhost, "exchange": COMMANDS, "write": _any_of(keys), "read": "^$"},
            )
        yield (
            "permissions",
            {
                "user": user,
                "vhost": vhost,
                "configure": "^$",
                "write": _any_of(written),
                "read": _any_of([*own, account.exchange]),
            },
        )


def tag_of(vhost: str) -> str:
    """What marks a broker user as an integrator's of the deployment that has ``vhost``; it gives no right."""
    return f"integrator@{vhost}"


def owner_of(kind: str, row: Row, vhost: str) -> str | None:
    """The integrator whose a row of the broker's definitions is; None for what is not ours to change."""
    if kind == "users":
        return integrator_of(row["name"]) if tag_of(vhost) in row["tags"] else None
    if row.get("vhost") != vhost:
        return None
    if kind in ("permissions", "topic_permissions"):
        return integrator_of(row["user"])
    found = _OWNED.fullmatch(row["destination" if kind == "bindings" else "name"])
    return found[1] if found else None


def key_of(kind: str, row: Row) -> tuple[str, ...]:
    """What names a row."""
    return (kind, *(row[field] for field in KINDS[kind]))


def _by_key(rows: Iterable[tuple[str, Row]]) -> Rows:
    return {key_of(kind, row): row for kind, row in rows}


def _exchange(name: str, kind: str, vhost: str) -> Row:
    return {
        "name": name,
        "vhost": vhost,
        "type": kind,
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": {},
    }


def _queue(name: str, vhost: str, **arguments: Any) -> Row:
    return {"name": name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": arguments}


def _binding(source: str, queue: str, key: str, vhost: str) -> Row:
    return {
        "source": source,
        "vhost": vhost,
        "destination": queue,
        "destination_type": "queue",
        "routing_key": key,
        "arguments": {},
    }


def _any_of(names: Iterable[str]) -> str:
    return f"^(?:{'|'.join(map(re.escape, names))})$"
