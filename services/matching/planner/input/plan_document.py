"""Read and check a plan input (format ``speedmentor.plan-input/1``).

Every fault of a document is reported at once, each with the JSON pointer (RFC 6901) of its place.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from services.matching.planner.input.json_values import TOP_LEVEL, Faults, Path, Reader, unknown
from services.matching.planner.input.model import Announced, GivenScores, Mentee, Mentor, PlanInput
from shared.faults import Invalid, Problem
from shared.messages import say

FORMAT = "speedmentor.plan-input/1"
MOST_ROUNDS = 1000
MOST_SEATS = 1000
TOP_SCORE = 1000
LOWEST_SCORE = -1_000_000_000
DEAREST_CHANGE = 1_000_000

_TOP = {
    "format",
    "rounds",
    "table_policy",
    "mentors",
    "mentees",
    "never",
    "met_before",
    "scores",
    "current",
    "frozen_through",
    "absent",
    "change_cost",
}
_PERSON = {"id", "site", "remote", "languages", "topics", "rounds", "max_meetings", "wants", "person", "team"}
_MENTOR = _PERSON | {"motives", "storytelling", "seats"}
_MENTEE = _PERSON | {"motive", "avoid", "manager"}
_MEETING = {"round", "mentee", "mentor", "table"}
_ABSENCE = {"id", "from_round"}


class InputFaults(Invalid):
    """The input breaks the format; ``faults`` lists each place (JSON pointer) and what is wrong there."""

    def __init__(self, faults: Faults) -> None:
        self.faults = list(faults)
        super().__init__(
            say("the plan input has {count} faults", count=len(faults)),
            [Problem(where, what, say("mend the input and ask again")) for where, what in faults],
        )

    def __str__(self) -> str:
        return "\n".join(f"{where or '/'}: {what}" for where, what in self.faults)


def read_input(document: Any) -> PlanInput:
    """The checked input in ``document`` (the parsed JSON).

    Raises :class:`InputFaults` with every fault found.
    """
    read = Reader()
    if type(document) is not dict:
        raise InputFaults([("", say("must be an object"))])
    if document.get("format") != FORMAT:
        read.fault(("format",), say("must be {format}", format=FORMAT))
    for required in ("rounds", "mentors", "mentees"):
        if required not in document:
            read.fault((required,), say("is missing"))
    read.fields(document, (), _TOP)
    if document.get("table_policy", "mentor-stays") != "mentor-stays":
        read.fault(("table_policy",), say("must be {policy}", policy="mentor-stays"))
    rounds = read.whole(document.get("rounds", 1), ("rounds",), 1, MOST_ROUNDS, MOST_ROUNDS)
    mentors = _people(read, document, "mentors", lambda each, path: _mentor(read, each, path, rounds))
    mentees = _people(read, document, "mentees", lambda each, path: _mentee(read, each, path, rounds))
    mentor_at = _positions(read, mentors, "mentors")
    mentee_at = _positions(read, mentees, "mentees")
    _known(read, document, mentors, "mentors", "wants", mentee_at)
    _known(read, document, mentees, "mentees", "wants", mentor_at)
    _known(read, document, mentees, "mentees", "avoid", mentor_at)
    _managers(read, mentees, mentor_at)
    never, met_before = (_pairs(read, document, name, mentee_at, mentor_at) for name in ("never", "met_before"))
    scores = _scores(read, document, mentee_at, mentor_at)
    current = _current(read, document, mentee_at, mentor_at, rounds)
    mentor_absent, mentee_absent = _absent(read, document, mentee_at, mentor_at, rounds)
    frozen = read.whole(document.get("frozen_through", 0), ("frozen_through",), 0, rounds, 0)
    change_cost = None
    if "change_cost" in document:
        change_cost = read.whole(document["change_cost"], ("change_cost",), 0, DEAREST_CHANGE, 0)
    if read.faults:
        raise InputFaults(read.faults)
    return PlanInput(
        rounds=rounds,
        mentors=tuple(mentors),
        mentees=tuple(mentees),
        never=never,
        met_before=met_before,
        scores=scores,
        current=current,
        frozen_through=frozen,
        mentor_absent=mentor_absent,
        mentee_absent=mentee_absent,
        change_cost=change_cost,
        mentor_at=mentor_at,
        mentee_at=mentee_at,
    )


def _people(read: Reader, document: Any, role: str, one: Callable[[Any, Path], Any]) -> list[Any]:
    if role not in document:
        return []
    listed = read.listed(document[role], (role,))
    if not listed and type(document[role]) is list:
        read.fault((role,), say("must not be empty"))
    return [one(each, (role, at)) for at, each in enumerate(listed)]


def _mentor(read: Reader, value: Any, path: Path, rounds: int) -> Mentor:
    person = read.fields(value, path, _MENTOR)
    get = person.get
    seats = read.whole(person["seats"], (*path, "seats"), 1, MOST_SEATS, 1) if "seats" in person else 1
    most = rounds * seats
    return Mentor(
        id=_id(read, person, path),
        site=_word(read, person, path, "site"),
        remote=read.truth(person["remote"], (*path, "remote")) if "remote" in person else False,
        languages=read.texts(get("languages", []), (*path, "languages")),
        topics=read.levels(get("topics", {}), (*path, "topics")),
        motives=read.texts(get("motives", []), (*path, "motives")),
        storytelling=read.whole(get("storytelling", 0), (*path, "storytelling"), 0, TOP_LEVEL, 0),
        seats=seats,
        rounds=_rounds(read, person, path, rounds),
        max_meetings=min(_max_meetings(read, person, path, most), most),
        wants=read.texts(get("wants", []), (*path, "wants")),
        person=_word(read, person, path, "person"),
        team=_word(read, person, path, "team"),
    )


def _mentee(read: Reader, value: Any, path: Path, rounds: int) -> Mentee:
    person = read.fields(value, path, _MENTEE)
    get = person.get
    return Mentee(
        id=_id(read, person, path),
        site=_word(read, person, path, "site"),
        remote=read.truth(person["remote"], (*path, "remote")) if "remote" in person else False,
        languages=read.texts(get("languages", []), (*path, "languages")),
        motive=read.text(person["motive"], (*path, "motive")) if "motive" in person else "",
        topics=read.texts(get("topics", []), (*path, "topics")),
        rounds=_rounds(read, person, path, rounds),
        max_meetings=min(_max_meetings(read, person, path, rounds), rounds),
        wants=read.texts(get("wants", []), (*path, "wants")),
        avoid=read.texts(get("avoid", []), (*path, "avoid")),
        person=_word(read, person, path, "person"),
        team=_word(read, person, path, "team"),
        manager=_word(read, person, path, "manager"),
    )


def _id(read: Reader, person: Mapping[str, Any], path: Path) -> str:
    if "id" not in person:
        read.fault((*path, "id"), say("is missing"))
        return ""
    return read.text(person["id"], (*path, "id"))


def _word(read: Reader, person: Mapping[str, Any], path: Path, name: str) -> str:
    return read.text(person[name], (*path, name)) if name in person else ""


def _rounds(read: Reader, person: Mapping[str, Any], path: Path, rounds: int) -> int:
    if "rounds" not in person:
        return (1 << rounds) - 1
    return read.round_mask(person["rounds"], (*path, "rounds"), rounds)


def _max_meetings(read: Reader, person: Mapping[str, Any], path: Path, most: int) -> int:
    if "max_meetings" not in person:
        return most
    return read.whole(person["max_meetings"], (*path, "max_meetings"), 0, MOST_ROUNDS * MOST_SEATS, most)


def _positions(read: Reader, people: list[Any], role: str) -> dict[str, int]:
    at_of: dict[str, int] = {}
    for at, person in enumerate(people):
        if person.id and at_of.setdefault(person.id, at) != at:
            read.fault((role, at, "id"), say("is the id of {first} too", first=f"/{role}/{at_of[person.id]}"))
    return at_of


def _known(read: Reader, document: Any, people: list[Any], role: str, name: str, others: dict[str, int]) -> None:
    for at, person in enumerate(people):
        if all(other in others for other in getattr(person, name)):
            continue
        # The place is that in the document, which may hold what is no text, or one twice.
        for number, other in enumerate(document[role][at][name]):
            if type(other) is str and other in getattr(person, name) and other not in others:
                read.fault((role, at, name, number), unknown(other))


def _managers(read: Reader, mentees: list[Mentee], mentor_at: dict[str, int]) -> None:
    for at, mentee in enumerate(mentees):
        if mentee.manager and mentee.manager not in mentor_at:
            read.fault(("mentees", at, "manager"), unknown(mentee.manager))


def _pairs(
    read: Reader, document: Any, name: str, mentee_at: dict[str, int], mentor_at: dict[str, int]
) -> tuple[tuple[int, int], ...]:
    pairs = []
    for at, value in enumerate(read.listed(document.get(name, []), (name,))):
        row = read.row(value, (name, at), 2)
        if row is not None:
            pairs.append(
                (
                    read.reference(row[0], (name, at, 0), mentee_at),
                    read.reference(row[1], (name, at, 1), mentor_at),
                )
            )
    return tuple(pairs)


def _scores(read: Reader, document: Any, mentee_at: dict[str, int], mentor_at: dict[str, int]) -> GivenScores | None:
    if "scores" not in document:
        return None
    seen: dict[int, int] = {}
    for at, value in enumerate(read.listed(document["scores"], ("scores",))):
        row = read.row(value, ("scores", at), 3)
        if row is None:
            continue
        mentee = read.reference(row[0], ("scores", at, 0), mentee_at)
        mentor = read.reference(row[1], ("scores", at, 1), mentor_at)
        score = row[2]
        if not (type(score) is int and LOWEST_SCORE <= score <= TOP_SCORE):
            score = read.whole(score, ("scores", at, 2), LOWEST_SCORE, TOP_SCORE, 0)
        if mentee < 0 or mentor < 0:
            continue
        key = mentee * len(mentor_at) + mentor
        if key in seen:
            read.fault(("scores", at), say("scores a pair that is scored already"))
        seen[key] = score
    keys = np.fromiter(seen.keys(), np.int64, len(seen))
    values = np.fromiter(seen.values(), np.int64, len(seen))
    order = np.argsort(keys)
    keys, values = keys[order], values[order]
    width = max(1, len(mentor_at))
    return GivenScores(keys // width, keys % width, values)


def _current(
    read: Reader, document: Any, mentee_at: dict[str, int], mentor_at: dict[str, int], rounds: int
) -> tuple[Announced, ...] | None:
    if "current" not in document:
        return None
    meetings = []
    busy: set[tuple[int, int]] = set()
    met: set[tuple[int, int]] = set()
    for at, value in enumerate(read.listed(document["current"], ("current",))):
        path = ("current", at)
        meeting = read.fields(value, path, _MEETING)
        missing = sorted({"round", "mentee", "mentor"} - meeting.keys())
        for name in missing if type(value) is dict else ():
            read.fault((*path, name), say("is missing"))
        if missing:
            continue
        number = read.whole(meeting["round"], (*path, "round"), 1, rounds, 0)
        mentee = read.reference(meeting["mentee"], (*path, "mentee"), mentee_at)
        mentor = read.reference(meeting["mentor"], (*path, "mentor"), mentor_at)
        table = read.text(meeting["table"], (*path, "table")) if "table" in meeting else ""
        if number < 1 or mentee < 0 or mentor < 0:
            continue
        if (number, mentee) in busy:
            read.fault(path, say("puts a mentee into two meetings of one round"))
        if (mentee, mentor) in met:
            read.fault(path, say("lets the same mentee and mentor meet twice"))
        busy.add((number, mentee))
        met.add((mentee, mentor))
        meetings.append(Announced(number, mentee, mentor, table))
    meetings.sort(key=lambda each: (each.round, each.mentee))
    return tuple(meetings)


def _absent(
    read: Reader, document: Any, mentee_at: dict[str, int], mentor_at: dict[str, int], rounds: int
) -> tuple[dict[int, int], dict[int, int]]:
    """First rounds missed, of mentors and of mentees; an id that both roles bear is one person, absent as both."""
    mentors: dict[int, int] = {}
    mentees: dict[int, int] = {}
    for at, value in enumerate(read.listed(document.get("absent", []), ("absent",))):
        path = ("absent", at)
        absence = read.fields(value, path, _ABSENCE)
        if type(value) is not dict:
            continue
        if "id" not in absence:
            read.fault((*path, "id"), say("is missing"))
            continue
        start = read.whole(absence.get("from_round", 1), (*path, "from_round"), 1, rounds, 1)
        name = read.text(absence["id"], (*path, "id"))
        if not name:
            continue
        if name not in mentor_at and name not in mentee_at:
            read.fault((*path, "id"), unknown(name))
        if name in mentor_at:
            mentors[mentor_at[name]] = min(start, mentors.get(mentor_at[name], start))
        if name in mentee_at:
            mentees[mentee_at[name]] = min(start, mentees.get(mentee_at[name], start))
    return mentors, mentees
