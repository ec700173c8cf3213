"""What RabbitMQ has to be told so that another system can bind its queue to what is in its scope, and to nothing else.

A scope is made of patterns over the short names of types (:mod:`services.integrations.domain.scope`). Every name has
two words, or three where a later major version is meant, so these patterns say all that there is to be said::

    #                            every type
    registration.#               all of one service, in every version
    registration.mentor-updated  one type (its first version; …-updated.v2 another, …-updated.# all of them)
    *.round-ended                that of any service

RabbitMQ holds the *text* of a binding key against a regular expression (``topic permissions``); it knows nothing of
what the key would match. So the expression must take a key only if all that the key can match is in the scope:
``speedmentor.#`` is not, where the scope is ``registration.#``, though it matches such events too.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from shared.events.names import PREFIX, full_type
from shared.messages import Message, say

EVERYTHING = "#"

_WORD = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_is_pattern = re.compile(rf"#|(?:\*|{_WORD})\.(?:#|(?:\*|{_WORD})(?:\.(?:#|v[1-9][0-9]{{0,3}}))?)").fullmatch

#: What a part of a regular expression is to match: any one word of a key but ``#``, which is any number of them.
_ONE_WORD = r"(?!#\.)[^.]+"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A pattern that cannot be: what is wrong with it, and what may have been meant."""

    pattern: str
    reason: Message
    remedy: Message


def canonical(pattern: str) -> str:
    """The shortest way to say the same: ``#`` for ``*.#``, ``x.#`` for ``x.*.#``, ``x.y`` for ``x.y.v1``."""
    if pattern in ("*.#", "*.*.#"):
        return EVERYTHING
    return re.sub(r"\.\*\.#$", ".#", re.sub(r"\.v1$", "", pattern))


def check(patterns: Iterable[str], names: Collection[str]) -> list[Unknown]:
    """What is wrong with ``patterns``; ``names`` are the short names of all types that there are.

    A pattern that matches no type is wrong: it is a slip of the pen, and whoever waits for its events waits for ever.
    """
    return [found for each in patterns if (found := _check(each, names))]


def _check(pattern: str, names: Collection[str]) -> Unknown | None:
    if not _is_pattern(pattern):
        return Unknown(
            pattern,
            say("{pattern} is no pattern of types", pattern=pattern),
            say("write # for all, registration.# for a service, registration.mentor-updated for a type"),
        )
    if any(_takes(canonical(pattern), name) for name in names):
        return None
    service, _, thing = pattern.partition(".")
    services = {name.partition(".")[0] for name in names}
    if service != "*" and service not in services:
        nearest = _nearest(service, services)
        return Unknown(
            pattern,
            say("{pattern} matches no type: no service is called {service}", pattern=pattern, service=service),
            say("write {nearest}", nearest=f"{nearest}.{thing}")
            if nearest
            else say("the services are {services}", services=", ".join(sorted(services))),
        )
    nearest = _nearest(pattern, [name for name in names if service in ("*", name.partition(".")[0])])
    return Unknown(
        pattern,
        say("{pattern} matches no type", pattern=pattern),
        say("write {nearest}", nearest=nearest) if nearest else say("see the list of types at /schemas"),
    )


def _nearest(text: str, of: Iterable[str]) -> str | None:
    return next(iter(get_close_matches(text, sorted(of), n=1, cutoff=0.5)), None)


def _takes(pattern: str, name: str) -> bool:
    """Whether a pattern of :data:`_is_pattern` matches a short name."""
    wanted, words = pattern.split("."), name.split(".")
    if wanted[-1] == "#":
        wanted, words = wanted[:-1], words[: len(wanted) - 1]
    return len(wanted) == len(words) and all(each in ("*", word) for each, word in zip(wanted, words, strict=True))


def binding_keys(patterns: Iterable[str]) -> tuple[str, ...]:
    """The keys that bind a queue to all of a scope."""
    return tuple(dict.fromkeys(_full(canonical(each)) for each in patterns))


def _full(pattern: str) -> str:
    """A pattern over short names as one over routing keys."""
    return f"{PREFIX}{pattern}" if pattern.endswith("#") else full_type(pattern)


def bindable(patterns: Sequence[str]) -> str:
    """The regular expression of exactly the binding keys all of whose matches are in the scope.

    Python and RabbitMQ (PCRE) read it alike.
    """
    if EVERYTHING in map(canonical, patterns):
        return "^.*$"
    return f"^(?:{'|'.join(map(_expression, binding_keys(patterns)))})$"


def _expression(key: str) -> str:
    words = [_ONE_WORD if word == "*" else re.escape(word) for word in key.removesuffix(".#").split(".")]
    # What follows the words before a closing # can only make it match less.
    return r"\.".join(words) + (r"(?:\..*)?" if key.endswith(".#") else "")


def may_bind(patterns: Sequence[str], key: str) -> bool:
    """Whether the broker lets a queue be bound with ``key``."""
    return re.search(bindable(patterns), key) is not None
