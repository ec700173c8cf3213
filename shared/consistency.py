"""Whether the services agree about a program: their ledgers compared, each difference said in words.

A ledger is what a service holds of a program, in ids and codes. Where two services hold the same thing, one knows
it first hand and the other from events; once all events have arrived they must be equal.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.messages import Message, say

Ledger = Mapping[str, Any]

SERVICES: Final = ("registration", "matching", "session_timer", "feedback")


@dataclass(frozen=True)
class Difference:
    """One thing on which services differ, or that is not finished; ``kind`` is a code for programs."""

    kind: str
    what: Message

    def __str__(self) -> str:
        return str(self.what)


def compare(ledgers: Mapping[str, Ledger | None]) -> list[Difference]:
    """All differences between the ledgers (by service) of one program; none means that the services agree."""
    return list(_differences(ledgers))


def was_told(ledgers: Mapping[str, Ledger | None]) -> bool:
    """Whether others than registration can know of the program: not of a draft, even where it was called off."""
    own = ledgers.get("registration")
    # Registrations of an earlier release do not say.
    return own is None or bool(own.get("told", True))


def _differences(ledgers: Mapping[str, Ledger | None]) -> Iterator[Difference]:
    found: dict[str, Ledger] = {}
    for service in SERVICES:
        ledger = ledgers.get(service)
        if ledger is None and service != "registration" and not was_told(ledgers):
            continue
        if ledger is None:
            yield Difference("no-ledger", say("{service} says nothing about the program", service=service))
        else:
            found[service] = ledger
    yield from _same(found, "registration", "matching", "programs")
    yield from _same(found, "registration", "matching", "participants")
    yield from _checked_in(found)
    yield from _same(found, "matching", "feedback", "meetings")
    yield from _same(found, "matching", "feedback", "pairings")
    yield from _same(found, "session_timer", "feedback", "rounds-held")
    yield from _progress(found)
    yield from _held(found)
    for service, ledger in found.items():
        if ledger["outbox-pending"]:
            yield Difference(
                "outbox",
                say(
                    "{service} has {count} events in its outbox that are not on the bus yet",
                    service=service,
                    count=ledger["outbox-pending"],
                ),
            )


def _same(ledgers: Mapping[str, Ledger], first: str, second: str, part: str) -> Iterator[Difference]:
    """Differences in a part that ``second`` knows from ``first``'s events. Not there and 0 are the same."""
    if first not in ledgers or second not in ledgers:
        return
    here, there = ledgers[first].get(part, {}), ledgers[second].get(part, {})
    for key in sorted({*here, *there}):
        one, other = here.get(key) or None, there.get(key) or None
        if one == other:
            continue
        names = {"part": part, "key": key, "first": first, "second": second}
        if other is None:
            yield Difference(part, say("{part} {key}: {first} has {one}, {second} has none", **names, one=one))
        elif one is None:
            yield Difference(part, say("{part} {key}: {second} has {other}, {first} has none", **names, other=other))
        else:
            yield Difference(
                part, say("{part} {key}: {first} has {one}, {second} has {other}", **names, one=one, other=other)
            )


def _checked_in(ledgers: Mapping[str, Ledger]) -> Iterator[Difference]:
    if "registration" not in ledgers or "matching" not in ledgers:
        return
    here, there = (set(ledgers[service]["checked-in"]) for service in ("registration", "matching"))
    for key in sorted(here ^ there):
        knows, misses = ("registration", "matching") if key in here else ("matching", "registration")
        yield Difference(
            "checked-in",
            say("participant {key} is checked in for {knows}, not for {misses}", key=key, knows=knows, misses=misses),
        )


def _progress(ledgers: Mapping[str, Ledger]) -> Iterator[Difference]:
    """What registration tells of starts and ends must be what those who decide them hold.

    A release before this one holds nothing of it, and neither does this one of programs that were published before.
    """
    if "starts" in ledgers.get("registration", {}) and "starts" in ledgers.get("session_timer", {}):
        yield from _same(ledgers, "session_timer", "registration", "starts")
    if "closed" in ledgers.get("registration", {}) and "feedback" in ledgers:
        told, holds = (ledgers[service]["closed"] for service in ("registration", "feedback"))
        if told != holds:
            knows, misses = ("registration", "feedback") if told else ("feedback", "registration")
            yield Difference(
                "closed", say("the program is closed for {knows}, not for {misses}", knows=knows, misses=misses)
            )


def _held(ledgers: Mapping[str, Ledger]) -> Iterator[Difference]:
    """Meetings held must be those of the plan that are in rounds held."""
    if len(ledgers) < len(SERVICES):
        return
    expected = sum(1 for _ in meetings_held(ledgers))
    counted = ledgers["feedback"]["held"]
    if counted != expected:
        yield Difference(
            "held",
            say(
                "feedback counts {counted} meetings as held; by plan and rounds held there are {expected}",
                counted=counted,
                expected=expected,
            ),
        )


def meetings_held(ledgers: Mapping[str, Ledger]) -> Iterator[str]:
    """The ids of the meetings in matching's plan whose round the session timer has held where they take place.

    A meeting takes place at its mentor's table, so also where its two people meet over a screen it is held with the
    rounds of the mentor's site. Which one that is matching says itself: of a mentor who has been erased nobody else
    could. Where the mentor has no site it is held with the first one that holds the round.
    """
    rounds = ledgers["session_timer"]["rounds-held"]
    most = max(rounds.values(), default=0)
    for meeting_id, text in ledgers["matching"]["meetings"].items():
        site_id = _site_of(meeting_id, text, ledgers)
        if int(text.partition("/")[0]) <= (most if site_id is None else rounds.get(site_id, 0)):
            yield meeting_id


def _site_of(meeting_id: str, text: str, ledgers: Mapping[str, Ledger]) -> str | None:
    sites = ledgers["matching"].get("meeting-sites")
    if sites is not None:
        site: str | None = sites[meeting_id]
        return site
    # Matching of an earlier release does not say.
    mentor_id = text.rsplit("/", 2)[1]
    return str(ledgers["registration"]["participants"].get(mentor_id, "mentor//").split("/")[1])


def state_of(ledgers: Mapping[str, Ledger]) -> dict[str, Any]:
    """The state of one program as a reader of all its events must have it, from what the services hold first hand.

    Codes and ids only, of the erased none. ``ledgers`` are those of all services.
    """
    registration, matching, timer, feedback = (ledgers[service] for service in SERVICES)
    (state,) = registration["programs"].values()
    return {
        "state": state,
        "closed": feedback["closed"],
        "participants": registration["participants"],
        "checked_in": registration["checked-in"],
        "starts": timer["starts"],
        "meetings": matching["meetings"],
        "rounds_held": {site: held for site, held in timer["rounds-held"].items() if held},
        "pairs": matching["pairs"],
        "connections": feedback["formed"],
    }
