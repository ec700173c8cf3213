"""What if: the same event with more or fewer people or other rounds, compared before the day."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from services.matching.planner.answer.plan import Plan
from services.matching.planner.input.json_values import is_line, short
from services.matching.planner.input.model import PlanInput
from shared.faults import Invalid, Problem
from shared.messages import Message, say

FORMAT = "speedmentor.what-if/1"
AS_IT_IS = "as it is"
MOST_PEOPLE = 100_000

#: What is of one person, and not of others like her.
_OWN = ("wants", "avoid", "person", "manager")
_PEOPLE = re.compile(r"(mentors|mentees)([+-])(\d{1,6})(?:@(.+))?")
#: A comma may also be part of the name of a site.
_BETWEEN = re.compile(r",(?=\s*(?:(?:mentors|mentees)[+-]|rounds=|$))")
_ROUNDS = re.compile(r"rounds=(\d{1,4})(?:/(\d{1,4}))?")

Document = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What one variant comes to. ``minutes``: of talk a mentee has on average, where the length is known."""

    name: str
    rounds: int
    mentors: int
    mentees: int
    least: int
    mean: float
    most: int
    value: int
    idle_seats: int
    unmet: int
    gap: float
    minutes: float | None = None

    def to_document(self) -> Document:
        """The outcome as JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def outcome_of(name: str, plan_input: PlanInput, plan: Plan, minutes_a_round: int | None) -> Outcome:
    """What ``plan`` comes to."""
    mentees = len(plan_input.mentees)
    mean = plan.quality.meetings / mentees
    held = Counter(each.mentor for each in plan_input.current or () if each.round <= plan_input.frozen_through)
    rooms = sum(_seats(plan_input, at, held[at]) for at in range(len(plan_input.mentors)))
    return Outcome(
        name=name,
        rounds=plan_input.rounds,
        mentors=len(plan_input.mentors),
        mentees=mentees,
        least=plan.quality.least,
        mean=round(mean, 3),
        most=plan.quality.most,
        value=plan.quality.score,
        idle_seats=max(0, rooms - plan.quality.meetings),
        unmet=len(plan.unmet),
        gap=plan.quality.gap,
        minutes=None if minutes_a_round is None else round(mean * minutes_a_round, 1),
    )


def _seats(plan_input: PlanInput, at: int, held: int) -> int:
    """The meetings that mentor ``at`` could hold in the rounds in which she is there; at least those ``held``."""
    mentor = plan_input.mentors[at]
    there = mentor.rounds & ((1 << plan_input.mentor_absent.get(at, plan_input.rounds + 1) - 1) - 1)
    return max(held, min(mentor.max_meetings, mentor.seats * there.bit_count()))


def variant(document: Mapping[str, Any], text: str) -> tuple[Document, int | None]:
    """``document`` (checked before) with the changes in ``text``, and the minutes of a round where it says so.

    ``text`` holds changes apart by commas: ``mentors+2@site`` and ``mentees-3`` (people like those there; the
    last in the list go), ``rounds=5``, and ``rounds=90/12`` for as many rounds of 12 minutes as go into 90.
    Raises :class:`shared.faults.Invalid` for a change that is not understood or cannot be made.
    """
    changed: Document = dict(document)
    minutes = None
    if not is_line(text):
        raise _invalid(text, say("holds characters that cannot be printed"))
    for change in _BETWEEN.split(text):
        if found := _PEOPLE.fullmatch(change.strip()):
            role, sign, count, site = found.groups()
            if sign == "+" and int(count) > MOST_PEOPLE:
                raise _invalid(text, say("adds more than {most} people", most=MOST_PEOPLE))
            changed = (_with if sign == "+" else _without)(changed, role, int(count), site, text)
        elif found := _ROUNDS.fullmatch(change.strip()):
            number, length = int(found[1]), found[2]
            if length is not None:
                minutes = int(length)
                number = number // minutes if minutes else 0
            if number < 1:
                raise _invalid(text, say("leaves no round"))
            changed = _with_rounds(changed, number)
        else:
            raise _invalid(text, say("is not a change like mentors+2@site, mentees-3 or rounds=5"))
    return changed, minutes


def _invalid(text: str, what: Message) -> Invalid:
    return Invalid(what, [Problem(f"--what-if {short(text)}", what, say("name a change that can be made"))])


def _with(document: Document, role: str, count: int, site: str | None, text: str) -> Document:
    """``count`` more people, each like one who is there, in turn."""
    here = _at(document[role], site)
    if site is not None and not here and site not in _sites(document):
        raise _invalid(text, say("there is no site {site}", site=site))
    models = here or document[role]
    # Whoever is absent is named by id alone, whichever role bears it.
    taken = {each["id"] for role in ("mentors", "mentees") for each in document[role]}
    free = (name for number in range(1, count + len(taken) + 1) if (name := f"extra-{number}") not in taken)
    more = []
    for number in range(count):
        like = {key: value for key, value in models[number % len(models)].items() if key not in _OWN}
        like["id"] = next(free)
        if site is not None:
            like["site"] = site
        more.append(like)
    changed = {**document, role: [*document[role], *more]}
    if "scores" in document:
        changed["scores"] = [*document["scores"], *_scores_like(document, role, more, models)]
    return changed


def _scores_like(document: Document, role: str, more: list[Document], models: list[Document]) -> list[list[Any]]:
    column = 1 if role == "mentors" else 0
    by_model: dict[str, list[list[Any]]] = {}
    for row in document["scores"]:
        by_model.setdefault(row[column], []).append(row)
    return [
        [*row[:column], person["id"], *row[column + 1 :]]
        for number, person in enumerate(more)
        for row in by_model.get(models[number % len(models)]["id"], ())
    ]


def _without(document: Document, role: str, count: int, site: str | None, text: str) -> Document:
    """Without the last ``count`` people of the site, and without whatever names them."""
    here = _at(document[role], site)
    if count > len(here) or count >= len(document[role]):
        raise _invalid(text, say("takes away more people than there are"))
    gone = {each["id"] for each in here[len(here) - count :]}
    column, name, other = (1, "mentor", "mentees") if role == "mentors" else (0, "mentee", "mentors")
    changed = {
        **document,
        role: [each for each in document[role] if each["id"] not in gone],
        other: [
            {
                key: [one for one in value if one not in gone] if key in ("wants", "avoid") else value
                for key, value in each.items()
                if key != "manager" or value not in gone
            }
            for each in document[other]
        ],
    }
    left = {each["id"] for role in ("mentors", "mentees") for each in changed[role]}
    keep: dict[str, Callable[[Any], bool]] = {
        "never": lambda row: row[column] not in gone,
        "met_before": lambda row: row[column] not in gone,
        "scores": lambda row: row[column] not in gone,
        "current": lambda row: row[name] not in gone,
        "absent": lambda row: row["id"] in left,
    }
    for key, kept in keep.items():
        if key in document:
            changed[key] = [row for row in document[key] if kept(row)]
    return changed


def _with_rounds(document: Document, rounds: int) -> Document:
    def within(people: Iterable[Document]) -> list[Document]:
        return [
            {**each, "rounds": [number for number in each["rounds"] if number <= rounds]} if "rounds" in each else each
            for each in people
        ]

    changed = {
        **document,
        "rounds": rounds,
        "mentors": within(document["mentors"]),
        "mentees": within(document["mentees"]),
    }
    if "current" in document:
        changed["current"] = [each for each in document["current"] if each["round"] <= rounds]
    if "frozen_through" in document:
        changed["frozen_through"] = min(rounds, document["frozen_through"])
    if "absent" in document:
        changed["absent"] = [each for each in document["absent"] if each.get("from_round", 1) <= rounds]
    return changed


def _at(people: list[Document], site: str | None) -> list[Document]:
    return people if site is None else [each for each in people if each.get("site", "") == site]


def _sites(document: Document) -> set[str]:
    return {each.get("site", "") for role in ("mentors", "mentees") for each in document[role]}
