"""A plan, put in the order people look at it: by site, table and round, and by person."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from services.matching.planner.answer.plan import AND_HELP

PAPER_MILLIMETRES = 190
"""What the narrowest paper (A4, upright) is wide, without margins."""
LETTER_MILLIMETRES = 2.2
"""How wide a letter in print is."""
PADDING_MILLIMETRES = 4
ROUNDS_A_SHEET = (4, 12)
"""How many rounds are printed side by side: the least, where names are broken to fit, and the most."""
SHADES = 9
"""How many shades a score is drawn in, from 0 (the plan's lowest) to 8 (its highest)."""


@dataclass(frozen=True)
class Scale:
    """The scores of this plan, lowest to highest, in shades."""

    low: int
    high: int

    def shade(self, score: float) -> int:
        """The shade of ``score``, from 0 to ``SHADES - 1``."""
        if self.high == self.low:
            return SHADES - 1
        return min(SHADES - 1, int((score - self.low) * SHADES // (self.high - self.low)))

    def lowest(self, shade: int) -> int:
        """The lowest score drawn in ``shade``."""
        return self.low - (self.low - self.high) * shade // SHADES


@dataclass(frozen=True)
class Meeting:
    """One meeting as it is drawn. ``announced`` is false where people were told something else before."""

    round: int
    table: str
    mentee: "Person"
    mentor: "Person"
    score: int
    because: Mapping[str, int]
    announced: bool

    @property
    def topics(self) -> list[str]:
        """What the mentee would talk about and the mentor knows, the dearest first."""
        return [topic for topic in self.mentee.topics if topic in self.mentor.knows]


@dataclass(eq=False)
class Person:
    """A mentee or a mentor. ``anchor`` is unique on the page; ``seats`` is 1 for a mentee; ``reason`` says in the
    planner's words why there is no meeting."""

    id: str
    anchor: str
    site: str
    topics: Sequence[str]
    knows: frozenset[str]
    rounds: frozenset[int]
    seats: int
    most: int
    reason: str = ""
    meetings: list[Meeting] = field(default_factory=list)

    @cached_property
    def by_round(self) -> dict[int, list[Meeting]]:
        """The meetings of each round that has any."""
        found: dict[int, list[Meeting]] = defaultdict(list)
        for meeting in self.meetings:
            found[meeting.round].append(meeting)
        return dict(found)

    @property
    def table(self) -> str:
        """Where a mentor sits, if she has any meeting."""
        return self.meetings[-1].table if self.meetings else ""

    @property
    def idle_seats(self) -> int:
        """Seats in rounds this person could come to, up to the most meetings, that stay empty."""
        return max(0, min(self.most, self.seats * len(self.rounds)) - len(self.meetings))


@dataclass(eq=False)
class Site:
    """One site: who belongs to it, and what its tables do."""

    name: str
    anchor: str
    mentees: list[Person] = field(default_factory=list)
    mentors: list[Person] = field(default_factory=list)

    @cached_property
    def tables(self) -> list[Person]:
        """The mentors who have a table, in the order of the tables."""
        return sorted((each for each in self.mentors if each.meetings), key=lambda each: _natural(each.table))

    def sheets(self, rounds: int) -> list[range]:
        """The rounds that stand beside each other on paper, for one table of the timetable after the other."""
        names = [person.id for table in self.tables for person in (table, *(each.mentee for each in table.meetings))]
        longest = max(map(len, names), default=0)
        least, most = ROUNDS_A_SHEET
        fitting = int(PAPER_MILLIMETRES // (longest * LETTER_MILLIMETRES + PADDING_MILLIMETRES)) - 1
        return spans(rounds, max(least, min(most, fitting)))

    @cached_property
    def spread(self) -> tuple[int, float, int]:
        """Least, mean and most meetings of a mentee here."""
        return spread(len(each.meetings) for each in self.mentees)

    @cached_property
    def meetings(self) -> int:
        """Meetings at the tables of this site."""
        return sum(len(each.meetings) for each in self.mentors)

    @cached_property
    def idle_seats(self) -> int:
        """Seats of this site's mentors that stay empty."""
        return sum(each.idle_seats for each in self.mentors)

    @cached_property
    def mean_scores(self) -> dict[int, float]:
        """The mean score of each round that has meetings at this site."""
        found: dict[int, list[int]] = defaultdict(list)
        for mentor in self.mentors:
            for meeting in mentor.meetings:
                found[meeting.round].append(meeting.score)
        return {number: sum(scores) / len(scores) for number, scores in found.items()}

    def matrix(self, scale: Scale) -> list[tuple[int, list[tuple[int, int]]]]:
        """Where mentees (columns) meet tables (rows), by shade of the score."""
        column = {mentee: number for number, mentee in enumerate(self.mentees)}
        cells: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for row, mentor in enumerate(self.tables):
            for meeting in mentor.meetings:
                if meeting.mentee in column:
                    cells[scale.shade(meeting.score)].append((column[meeting.mentee], row))
        return sorted(cells.items())


@dataclass(frozen=True)
class PlanView:
    """Everything the page shows, sites in the order of their names."""

    rounds: int
    frozen_through: int
    sites: list[Site]
    scale: Scale
    quality: Mapping[str, Any]
    unmet: Sequence[tuple[Person, str]]
    changed: bool

    @cached_property
    def mentees(self) -> list[Person]:
        """All mentees."""
        return [mentee for site in self.sites for mentee in site.mentees]

    @cached_property
    def mentors(self) -> list[Person]:
        """All mentors."""
        return [mentor for site in self.sites for mentor in site.mentors]

    @cached_property
    def spread(self) -> tuple[int, float, int]:
        """Least, mean and most meetings of a mentee."""
        return spread(len(each.meetings) for each in self.mentees)

    @cached_property
    def fairness(self) -> list[tuple[int, int]]:
        """How many mentees have each number of meetings, from the least to the most."""
        counts = [len(each.meetings) for each in self.mentees]
        least, _, most = self.spread
        return [(count, counts.count(count)) for count in range(least, most + 1)]

    @cached_property
    def scores(self) -> list[tuple[int, int, int]]:
        """How many meetings have a score in each shade: from, to (inclusive), meetings."""
        tally = [0] * SHADES
        for mentor in self.mentors:
            for meeting in mentor.meetings:
                tally[self.scale.shade(meeting.score)] += 1
        if self.scale.high - self.scale.low < SHADES:
            return [(self.scale.low, self.scale.high, sum(tally))] if any(tally) else []
        edges = [self.scale.lowest(shade) for shade in range(SHADES)]
        last = [edge - 1 for edge in edges[1:]] + [self.scale.high]
        return list(zip(edges, last, tally, strict=True))

    @cached_property
    def reasons(self) -> list[tuple[str, list[Person]]]:
        """Mentees who have fewer meetings than they could, by reason, the commonest first."""
        by_reason: dict[str, list[Person]] = defaultdict(list)
        for mentee, reason in self.unmet:
            by_reason[reason].append(mentee)
        return sorted(by_reason.items(), key=lambda each: (-len(each[1]), each[0]))

    @cached_property
    def idle_seats(self) -> int:
        """Mentors' seats that stay empty."""
        return sum(site.idle_seats for site in self.sites)


def view(plan: Mapping[str, Any], plan_input: Mapping[str, Any]) -> PlanView:
    """The view of a plan document, with the input it was made from (formats 1, both already checked)."""
    rounds = int(plan_input["rounds"])
    gone: dict[str, int] = {}
    for each in plan_input.get("absent", ()):  # whoever is listed twice is gone from the earlier round on
        gone[each["id"]] = min(each.get("from_round", 1), gone.get(each["id"], rounds + 1))
    mentees = _people(plan_input["mentees"], "e", rounds, gone)
    mentors = _people(plan_input["mentors"], "m", rounds, gone)
    told = {(each["round"], each["mentee"], each["mentor"]) for each in plan_input.get("current", ())}
    scores = [each["score"] for each in plan["meetings"]]
    for row in sorted(plan["meetings"], key=lambda each: (each["round"], each["mentee"])):
        mentee, mentor = mentees[row["mentee"]], mentors[row["mentor"]]
        announced = not told or (row["round"], row["mentee"], row["mentor"]) in told
        meeting = Meeting(row["round"], row["table"], mentee, mentor, row["score"], row.get("because", {}), announced)
        mentee.meetings.append(meeting)
        mentor.meetings.append(meeting)
    unmet = [(mentees[each["mentee"]], str(each["reason"])) for each in plan.get("unmet", ())]
    for mentee, reason in unmet:
        mentee.reason, _, _ = reason.partition(AND_HELP)
    return PlanView(
        rounds=rounds,
        frozen_through=int(plan_input.get("frozen_through", 0)),
        sites=_sites(mentees.values(), mentors.values()),
        scale=Scale(min(scores, default=0), max(scores, default=0)),
        quality=plan["quality"],
        unmet=unmet,
        changed=bool(told),
    )


def spans(rounds: int, length: int) -> list[range]:
    """Rounds 1 to ``rounds``, in spans of ``length`` at most and as alike as can be."""
    count = -(-rounds // length)
    edges = [1 + rounds * number // count for number in range(count + 1)]
    return [range(first, last) for first, last in pairwise(edges)]


def spread(counts: Iterable[int]) -> tuple[int, float, int]:
    """Least, mean and most; zeros where there is nobody."""
    listed = list(counts)
    if not listed:
        return 0, 0.0, 0
    return min(listed), sum(listed) / len(listed), max(listed)


def _people(rows: Sequence[Mapping[str, Any]], role: str, rounds: int, gone: Mapping[str, int]) -> dict[str, Person]:
    everywhere = range(1, rounds + 1)
    people = {}
    for number, row in enumerate(rows):
        topics = row.get("topics", ())
        seats = int(row.get("seats", 1))
        there = frozenset(each for each in row.get("rounds", everywhere) if each < gone.get(row["id"], rounds + 1))
        people[row["id"]] = Person(
            id=row["id"],
            anchor=f"{role}{number}",
            site=row.get("site", ""),
            topics=list(topics),
            knows=frozenset(topics),
            rounds=there,
            seats=seats,
            most=int(row.get("max_meetings", rounds * seats)),
            reason="" if there else "is available in no round",
        )
    return people


def _sites(mentees: Iterable[Person], mentors: Iterable[Person]) -> list[Site]:
    mentees, mentors = list(mentees), list(mentors)
    names = sorted({each.site for each in (*mentees, *mentors)}, key=_natural)
    sites = {name: Site(name, f"s{number}") for number, name in enumerate(names)}
    for mentee in sorted(mentees, key=lambda each: _natural(each.id)):
        sites[mentee.site].mentees.append(mentee)
    for mentor in sorted(mentors, key=lambda each: _natural(each.id)):
        sites[mentor.site].mentors.append(mentor)
    return list(sites.values())


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """So that jkt-10 comes after jkt-9: runs of digits compare as numbers."""
    runs: list[str] = []
    for letter in text:
        if runs and (runs[-1][-1].isdecimal() == letter.isdecimal()):
            runs[-1] += letter
        else:
            runs.append(letter)
    return tuple((0, int(run), run) if run.isdecimal() else (1, 0, run) for run in runs)
