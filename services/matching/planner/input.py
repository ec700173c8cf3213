"""Read and check a plan input (format ``speedmentor.plan-input/1``).

Every fault of a document is reported at once, each with the JSON pointer (RFC 6901) of its place.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from services.matching.planner.model import Announced, GivenScores, Mentee, Mentor, PlanInput
from shared.faults import Invalid, Problem
from shared.messages import Message, say

FORMAT = "speedmentor.plan-input/1"
LONGEST_TEXT = 200
MOST_ROUNDS = 1000
MOST_SEATS = 1000
TOP_LEVEL = 5
TOP_SCORE = 1000
LOWEST_SCORE = -1_000_000_000
DEAREST_CHANGE = 1_000_000

Faults = list[tuple[str, Message]]
Path = tuple[str | int, ...]

_TOP = {
    "format",
    "rounds",
    "table_policy",
    "mentors",
    "mentees",
    "never",
    "scores",
    "current",
    "frozen_through",
    "absent",
    "change_cost",
}
_PERSON = {"id", "site", "remote", "languages", "topics", "rounds", "max_meetings", "wants"}
_MENTOR = _PERSON | {"motives", "storytelling", "seats"}
_MENTEE = _PERSON | {"motive", "avoid"}
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


def pointer(path: Path) -> str:
    """``path`` as a JSON pointer; a key too long to read is cut."""
    return "".join("/" + _short(str(step)).replace("~", "~0").replace("/", "~1") for step in path)


def _short(text: str) -> str:
    """``text`` fit to be read on one line: cut, and with line ends and other controls made visible."""
    cut = text if len(text) <= 60 else text[:57] + "..."
    return cut if cut.isprintable() else cut.encode("unicode_escape").decode("ascii")


class _Reader:
    """Collects faults while it reads; what is faulty is read as its default, so that all faults are found."""

    def __init__(self) -> None:
        self.faults: Faults = []

    def fault(self, path: Path, what: Message) -> None:
        self.faults.append((pointer(path), what))

    def whole(self, value: Any, path: Path, least: int, most: int, default: int) -> int:
        if type(value) is not int:
            self.fault(path, say("must be a whole number"))
        elif value < least:
            self.fault(path, say("must be at least {least}", least=least))
        elif value > most:
            self.fault(path, say("must be at most {most}", most=most))
        else:
            return value
        return default

    def text(self, value: Any, path: Path) -> str:
        if type(value) is not str:
            self.fault(path, say("must be text"))
        elif not value:
            self.fault(path, say("must not be empty"))
        elif len(value) > LONGEST_TEXT:
            self.fault(path, say("is longer than {most} characters", most=LONGEST_TEXT))
        elif not value.isprintable():
            self.fault(path, say("holds characters that cannot be printed"))
        else:
            return value
        return ""

    def truth(self, value: Any, path: Path) -> bool:
        if type(value) is not bool:
            self.fault(path, say("must be true or false"))
            return False
        return value

    def listed(self, value: Any, path: Path) -> list[Any]:
        if type(value) is not list:
            self.fault(path, say("must be a list"))
            return []
        return value

    def fields(self, value: Any, path: Path, known: set[str]) -> Mapping[str, Any]:
        if type(value) is not dict:
            self.fault(path, say("must be an object"))
            return {}
        if not value.keys() <= known:
            for key in sorted(map(str, value.keys() - known)):
                self.fault((*path, key), say("is not a field of this format"))
        return value

    def texts(self, value: Any, path: Path) -> tuple[str, ...]:
        """Distinct texts."""
        found: dict[str, None] = {}
        for at, each in enumerate(self.listed(value, path)):
            if type(each) is str and 0 < len(each) <= LONGEST_TEXT and each.isprintable():
                if each in found:
                    self.fault((*path, at), say("is listed twice"))
                found[each] = None
            else:
                self.text(each, (*path, at))
        return tuple(found)

    def round_mask(self, value: Any, path: Path, rounds: int) -> int:
        mask = 0
        for at, each in enumerate(self.listed(value, path)):
            if type(each) is int and 1 <= each <= rounds:
                if mask >> (each - 1) & 1:
                    self.fault((*path, at), say("is listed twice"))
                mask |= 1 << (each - 1)
            else:
                self.whole(each, (*path, at), 1, rounds, 1)
        return mask

    def levels(self, value: Any, path: Path) -> dict[str, int]:
        if type(value) is not dict:
            self.fault(path, say("must be an object"))
            return {}
        for topic, level in value.items():
            if not (0 < len(topic) <= LONGEST_TEXT and topic.isprintable()):
                self.text(topic, (*path, topic))
            if not (type(level) is int and 0 <= level <= TOP_LEVEL):
                self.whole(level, (*path, topic), 0, TOP_LEVEL, 0)
        return value


def read_input(document: Any) -> PlanInput:
    """The checked input in ``document`` (the parsed JSON).

    Raises :class:`InputFaults` with every fault found.
    """
    read = _Reader()
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
    _known(read, mentors, "mentors", "wants", mentee_at)
    _known(read, mentees, "mentees", "wants", mentor_at)
    _known(read, mentees, "mentees", "avoid", mentor_at)
    never = _never(read, document, mentee_at, mentor_at)
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
        scores=scores,
        current=current,
        frozen_through=frozen,
        mentor_absent=mentor_absent,
        mentee_absent=mentee_absent,
        change_cost=change_cost,
        mentor_at=mentor_at,
        mentee_at=mentee_at,
    )


def _people(read: _Reader, document: Any, role: str, one: Callable[[Any, Path], Any]) -> list[Any]:
    if role not in document:
        return []
    listed = read.listed(document[role], (role,))
    if not listed and type(document[role]) is list:
        read.fault((role,), say("must not be empty"))
    return [one(each, (role, at)) for at, each in enumerate(listed)]


def _mentor(read: _Reader, value: Any, path: Path, rounds: int) -> Mentor:
    person = read.fields(value, path, _MENTOR)
    get = person.get
    seats = read.whole(person["seats"], (*path, "seats"), 1, MOST_SEATS, 1) if "seats" in person else 1
    most = rounds * seats
    return Mentor(
        id=_id(read, person, path),
        site=read.text(person["site"], (*path, "site")) if "site" in person else "",
        remote=read.truth(person["remote"], (*path, "remote")) if "remote" in person else False,
        languages=read.texts(get("languages", []), (*path, "languages")),
        topics=read.levels(get("topics", {}), (*path, "topics")),
        motives=read.texts(get("motives", []), (*path, "motives")),
        storytelling=read.whole(get("storytelling", 0), (*path, "storytelling"), 0, TOP_LEVEL, 0),
        seats=seats,
        rounds=_rounds(read, person, path, rounds),
        max_meetings=min(_max_meetings(read, person, path, most), most),
        wants=read.texts(get("wants", []), (*path, "wants")),
    )


def _mentee(read: _Reader, value: Any, path: Path, rounds: int) -> Mentee:
    person = read.fields(value, path, _MENTEE)
    get = person.get
    return Mentee(
        id=_id(read, person, path),
        site=read.text(person["site"], (*path, "site")) if "site" in person else "",
        remote=read.truth(person["remote"], (*path, "remote")) if "remote" in person else False,
        languages=read.texts(get("languages", []), (*path, "languages")),
        motive=read.text(person["motive"], (*path, "motive")) if "motive" in person else "",
        topics=read.texts(get("topics", []), (*path, "topics")),
        rounds=_rounds(read, person, path, rounds),
        max_meetings=min(_max_meetings(read, person, path, rounds), rounds),
        wants=read.texts(get("wants", []), (*path, "wants")),
        avoid=read.texts(get("avoid", []), (*path, "avoid")),
    )


def _id(read: _Reader, person: Mapping[str, Any], path: Path) -> str:
    if "id" not in person:
        read.fault((*path, "id"), say("is missing"))
        return ""
    return read.text(person["id"], (*path, "id"))


def _rounds(read: _Reader, person: Mapping[str, Any], path: Path, rounds: int) -> int:
    if "rounds" not in person:
        return (1 << rounds) - 1
    return read.round_mask(person["rounds"], (*path, "rounds"), rounds)


def _max_meetings(read: _Reader, person: Mapping[str, Any], path: Path, most: int) -> int:
    if "max_meetings" not in person:
        return most
    return read.whole(person["max_meetings"], (*path, "max_meetings"), 0, MOST_ROUNDS * MOST_SEATS, most)


def _positions(read: _Reader, people: list[Any], role: str) -> dict[str, int]:
    at_of: dict[str, int] = {}
    for at, person in enumerate(people):
        if person.id and at_of.setdefault(person.id, at) != at:
            read.fault((role, at, "id"), say("is the id of {first} too", first=f"/{role}/{at_of[person.id]}"))
    return at_of


def _known(read: _Reader, people: list[Any], role: str, name: str, others: dict[str, int]) -> None:
    for at, person in enumerate(people):
        for number, other in enumerate(getattr(person, name)):
            if other not in others:
                read.fault((role, at, name, number), _unknown(other))


def _unknown(other: str) -> Message:
    return say("nobody has the id {id}", id=_short(other))


def _reference(read: _Reader, value: Any, path: Path, at_of: dict[str, int]) -> int:
    """The position of the person named, or -1 after a fault."""
    if type(value) is str and value in at_of:
        return at_of[value]
    if read.text(value, path):
        read.fault(path, _unknown(value))
    return -1


def _row(read: _Reader, value: Any, path: Path, length: int) -> list[Any] | None:
    row = read.listed(value, path)
    if type(value) is list and len(row) != length:
        read.fault(path, say("must have {length} items", length=length))
    return row if len(row) == length else None


def _never(
    read: _Reader, document: Any, mentee_at: dict[str, int], mentor_at: dict[str, int]
) -> tuple[tuple[int, int], ...]:
    pairs = []
    for at, value in enumerate(read.listed(document.get("never", []), ("never",))):
        row = _row(read, value, ("never", at), 2)
        if row is not None:
            pairs.append(
                (
                    _reference(read, row[0], ("never", at, 0), mentee_at),
                    _reference(read, row[1], ("never", at, 1), mentor_at),
                )
            )
    return tuple(pairs)


def _scores(read: _Reader, document: Any, mentee_at: dict[str, int], mentor_at: dict[str, int]) -> GivenScores | None:
    if "scores" not in document:
        return None
    seen: dict[int, int] = {}
    for at, value in enumerate(read.listed(document["scores"], ("scores",))):
        row = _row(read, value, ("scores", at), 3)
        if row is None:
            continue
        mentee = _reference(read, row[0], ("scores", at, 0), mentee_at)
        mentor = _reference(read, row[1], ("scores", at, 1), mentor_at)
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
    read: _Reader, document: Any, mentee_at: dict[str, int], mentor_at: dict[str, int], rounds: int
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
        mentee = _reference(read, meeting["mentee"], (*path, "mentee"), mentee_at)
        mentor = _reference(read, meeting["mentor"], (*path, "mentor"), mentor_at)
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
    read: _Reader, document: Any, mentee_at: dict[str, int], mentor_at: dict[str, int], rounds: int
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
            read.fault((*path, "id"), _unknown(name))
        if name in mentor_at:
            mentors[mentor_at[name]] = min(start, mentors.get(mentor_at[name], start))
        if name in mentee_at:
            mentees[mentee_at[name]] = min(start, mentees.get(mentee_at[name], start))
    return mentors, mentees
