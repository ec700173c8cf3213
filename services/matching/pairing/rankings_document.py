"""Read and check rankings (format ``speedmentor.rankings/1``); every fault is reported at once."""

from typing import Any

from services.matching.pairing.rankings import TOP, Rankings
from services.matching.planner.input.json_values import Faults, Path, Reader
from services.matching.planner.input.plan_document import LOWEST_SCORE, TOP_SCORE
from shared.faults import Invalid, Problem
from shared.messages import say

FORMAT = "speedmentor.rankings/1"
MOST_PLACES = 100_000
LONGEST_TOP = 1000

_FIELDS = {"format", "top", "mentors", "mentees", "scores"}
_MENTOR = {"id", "capacity", "ranks", "person"}
_MENTEE = {"id", "ranks", "person"}


def read_rankings(document: Any) -> Rankings:
    """The checked rankings in ``document`` (the parsed JSON).

    Raises :class:`shared.faults.Invalid` with every fault found, each with the JSON pointer of its place.
    """
    read = Reader()
    if type(document) is not dict:
        read.fault((), say("must be an object"))
        raise _invalid(read.faults)
    if document.get("format") != FORMAT:
        read.fault(("format",), say("must be {format}", format=FORMAT))
    read.fields(document, (), _FIELDS)
    top = read.whole(document.get("top", TOP), ("top",), 1, LONGEST_TOP, TOP)
    mentors = _people(read, document, "mentors", _MENTOR)
    mentees = _people(read, document, "mentees", _MENTEE)
    mentor_at = _in_order_of_ids(read, mentors, "mentors")
    mentee_at = _in_order_of_ids(read, mentees, "mentees")
    capacities = [0] * len(mentor_at)
    for at, mentor in enumerate(mentors):
        places = read.whole(mentor.get("capacity", 1), ("mentors", at, "capacity"), 0, MOST_PLACES, 0)
        if mentor.get("id") in mentor_at:
            capacities[mentor_at[mentor["id"]]] = places
    mentor_ranks = _ranks(read, mentors, "mentors", mentor_at, mentee_at)
    mentee_ranks = _ranks(read, mentees, "mentees", mentee_at, mentor_at)
    scores = _scores(read, document, mentee_at, mentor_at)
    persons = [_persons(read, each, role) for each, role in ((mentees, "mentees"), (mentors, "mentors"))]
    # Nobody goes on with herself.
    scores |= {
        (mentee_at[one], mentor_at[other]): -1
        for person in persons[0].keys() & persons[1].keys()
        for one in persons[0][person]
        for other in persons[1][person]
        if one and other
    }
    if read.faults:
        raise _invalid(read.faults)
    return Rankings(
        mentee_ids=tuple(mentee_at),
        mentor_ids=tuple(mentor_at),
        capacities=capacities,
        mentee_ranks=mentee_ranks,
        mentor_ranks=mentor_ranks,
        scores=scores,
        top=top,
    )


def _invalid(faults: Faults) -> Invalid:
    return Invalid(
        say("the rankings have {count} faults", count=len(faults)),
        [Problem(where, what, say("mend the rankings and ask again")) for where, what in faults],
    )


def _people(read: Reader, document: dict[str, Any], role: str, known: set[str]) -> list[dict[str, Any]]:
    if role not in document:
        read.fault((role,), say("is missing"))
        return []
    listed = read.listed(document[role], (role,))
    if not listed and type(document[role]) is list:
        read.fault((role,), say("must not be empty"))
    return [dict(read.fields(each, (role, at), known)) for at, each in enumerate(listed)]


def _in_order_of_ids(read: Reader, people: list[dict[str, Any]], role: str) -> dict[str, int]:
    first: dict[str, int] = {}
    for at, person in enumerate(people):
        path: Path = (role, at, "id")
        if "id" not in person:
            read.fault(path, say("is missing"))
            person["id"] = ""
        elif not (name := read.text(person["id"], path)):
            person["id"] = ""
        elif first.setdefault(name, at) != at:
            read.fault(path, say("is the id of {first} too", first=f"/{role}/{first[name]}"))
    return {name: number for number, name in enumerate(sorted(first))}


def _persons(read: Reader, people: list[dict[str, Any]], role: str) -> dict[str, list[str]]:
    """The ids of each person who is named."""
    found: dict[str, list[str]] = {}
    for at, each in enumerate(people):
        if "person" in each:
            found.setdefault(read.text(each["person"], (role, at, "person")), []).append(each["id"])
    return found


def _ranks(
    read: Reader,
    people: list[dict[str, Any]],
    role: str,
    at_of: dict[str, int],
    others: dict[str, int],
) -> list[list[int]]:
    ranks: list[list[int]] = [[] for _ in at_of]
    for at, person in enumerate(people):
        seen: dict[int, None] = {}
        for number, value in enumerate(read.listed(person.get("ranks", []), (role, at, "ranks"))):
            path: Path = (role, at, "ranks", number)
            other = read.reference(value, path, others)
            if other in seen and other >= 0:
                read.fault(path, say("is listed twice"))
            seen[other] = None
        if person["id"] in at_of:
            ranks[at_of[person["id"]]] = list(seen)
    return ranks


def _scores(
    read: Reader, document: dict[str, Any], mentee_at: dict[str, int], mentor_at: dict[str, int]
) -> dict[tuple[int, int], int]:
    scores: dict[tuple[int, int], int] = {}
    for at, value in enumerate(read.listed(document.get("scores", []), ("scores",))):
        columns = read.row(value, ("scores", at), 3)
        if columns is None:
            continue
        mentee = read.reference(columns[0], ("scores", at, 0), mentee_at)
        mentor = read.reference(columns[1], ("scores", at, 1), mentor_at)
        score = read.whole(columns[2], ("scores", at, 2), LOWEST_SCORE, TOP_SCORE, 0)
        if (mentee, mentor) in scores and mentee >= 0 and mentor >= 0:
            read.fault(("scores", at), say("scores a pair that is scored already"))
        scores[mentee, mentor] = score
    return scores
