"""Independent parts of an event, and the pairs that may meet within one.

People of one site may meet; so may remote people of any sites. Sites joined by nobody are parts that can be
solved apart. Within a part pairs come in blocks (a site's people; all remote people), so that memory follows
the pairs that may meet and not the square of the part.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from services.matching.planner.input.model import Index
from services.matching.planner.input.plan_document import TOP_SCORE
from services.matching.planner.problem.people import Doubles, Flags, People
from services.matching.planner.problem.scores import FORBIDDEN, Scores, Scoring

BLOCK_CELLS = 4_000_000
MOST_KEPT = 60_000_000
"""Pairs whose scores are kept from one look to the next; beyond, they are made anew each time."""


@dataclass(frozen=True, slots=True)
class Part:
    """Positions (in the input's lists, ascending) of people who depend on nobody outside.

    ``blocks`` hold rows and columns (positions in ``mentees`` and ``mentors``) that may meet, one for each site; with
    ``remote`` the last holds those who meet over a screen.
    """

    mentees: Index
    mentors: Index
    blocks: tuple[tuple[Index, Index], ...]
    remote: bool = False

    @property
    def cells(self) -> int:
        """The pairs to look at."""
        return sum(len(rows) * len(columns) for rows, columns in self.blocks)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs that may meet (positions within a part), ordered by mentee then mentor, and what they are worth.

    That is the score, with the bonus where an announced meeting of the pair can be kept.
    """

    mentee: Index
    mentor: Index
    score: Index

    def __len__(self) -> int:
        return len(self.mentee)

    def only(self, which: Flags | Index) -> "Pairs":
        """Some of the pairs."""
        return Pairs(self.mentee[which], self.mentor[which], self.score[which])


def parts_of(people: People) -> list[Part]:
    """The independent parts, in the order of the sites in the input. Who can be given no meeting is in none."""
    mentees = np.flatnonzero(people.mentee_room > 0)
    mentors = np.flatnonzero(people.mentor_room > 0)
    at_site = (
        [
            (mentees[people.mentee_site[mentees] == site], mentors[people.mentor_site[mentors] == site])
            for site in range(len(people.sites))
        ]
        if len(people.sites) < 50
        else _by_site(people, mentees, mentors)
    )
    far_mentees = mentees[people.mentee_remote[mentees]]
    far_mentors = mentors[people.mentor_remote[mentors]]
    joined: set[int] = set()
    if len(far_mentees) and len(far_mentors):
        joined = {*people.mentee_site[far_mentees].tolist(), *people.mentor_site[far_mentors].tolist()}
    if len(joined) == 1:
        joined = set()
    groups = _connected(joined, people)
    shared = {site for group in groups for site in group}
    parts = [
        Part(those, these, ((np.arange(len(those)), np.arange(len(these))),))
        for site, (those, these) in enumerate(at_site)
        if site not in shared and len(those) and len(these)
    ]
    parts += [
        _joined([at_site[site] for site in sorted(group)], people, remote=bool(joined) and joined <= group)
        for group in groups
    ]
    return [part for part in parts if len(part.mentees) and len(part.mentors)]


def _connected(joined: set[int], people: People) -> list[set[int]]:
    """The sites to plan together: those ``joined`` by remote people, and those of one person in two roles."""
    groups = [joined] if joined else []
    for mentee, mentor in people.doubles:
        ends = {int(people.mentee_site[mentee]), int(people.mentor_site[mentor])}
        if len(ends) > 1:
            touched = [group for group in groups if group & ends]
            groups = [group for group in groups if not group & ends] + [ends.union(*touched)]
    return groups


def _by_site(people: People, mentees: Index, mentors: Index) -> list[tuple[Index, Index]]:
    sites = np.arange(len(people.sites) + 1)
    found = []
    for those, site in ((mentees, people.mentee_site[mentees]), (mentors, people.mentor_site[mentors])):
        order = np.argsort(site, kind="stable")
        cuts = np.searchsorted(site[order], sites)
        found.append([those[order[a:b]] for a, b in pairwise(cuts)])
    return list(zip(*found, strict=True))


def _joined(at_site: list[tuple[Index, Index]], people: People, *, remote: bool) -> Part:
    mentees = np.sort(np.concatenate([those for those, _ in at_site]))
    mentors = np.sort(np.concatenate([these for _, these in at_site]))
    blocks = [(np.searchsorted(mentees, those), np.searchsorted(mentors, these)) for those, these in at_site]
    if remote:
        blocks.append((np.flatnonzero(people.mentee_remote[mentees]), np.flatnonzero(people.mentor_remote[mentors])))
    return Part(mentees, mentors, tuple(blocks), remote)


class Field:
    """One part with its people's arrays and the scores of its pairs.

    ``announced`` are the announced meetings that can be kept: each pair as ``mentee * mentors + mentor``
    (positions in the part), ascending, and its round (from 0) at the same place in ``announced_round``. Keeping
    one is worth ``bonus``, on top of its score. ``doubles`` are one person each (position as mentee, as mentor).
    """

    def __init__(self, part: Part, people: People, scoring: Scoring) -> None:
        self.part = part
        self.rounds = people.rounds
        self.mentee_open = people.mentee_open[part.mentees]
        self.mentor_open = people.mentor_open[part.mentors]
        # Nobody meets more people than there are, however many rounds there are: it keeps the numbers small.
        self.mentee_room = np.minimum(people.mentee_room[part.mentees], len(part.mentors))
        self.mentor_room = np.minimum(people.mentor_room[part.mentors], len(part.mentees))
        self.mentee_met = people.mentee_met[part.mentees]
        self.seats = people.seats[part.mentors]
        self._mentee_site = people.mentee_site[part.mentees]
        self._mentor_site = people.mentor_site[part.mentors]
        self._scoring = scoring
        self.bonus = people.change_cost if len(people.announced_round) else 0
        self._chunks: list[tuple[Index, Index, Scores]] | None = None
        self.announced, self.announced_round = self._announced(people)
        self.doubles = self._doubles(people)

    @property
    def mentees(self) -> int:
        return len(self.part.mentees)

    @property
    def mentors(self) -> int:
        return len(self.part.mentors)

    @property
    def uniform(self) -> bool:
        """Whether all are available in the same rounds, each in one role, and none holds an announced plan."""
        return not (len(self.announced) and self.bonus) and self.open_alike and not self.doubles

    @property
    def open_alike(self) -> bool:
        """Whether all are available in the same rounds."""
        first = self.mentee_open[0]
        return bool((self.mentee_open == first).all() and (self.mentor_open == first).all())

    @property
    def open_rounds(self) -> Index:
        """The rounds (0 is the first) in which anybody is available."""
        return np.flatnonzero(self.mentee_open.any(axis=0) & self.mentor_open.any(axis=0))

    def chunks(self) -> Iterator[tuple[Index, Index, Scores]]:
        """All pairs, as matrices: rows, columns, scores with the bonus (``FORBIDDEN`` where a pair may not meet)."""
        if self._chunks is not None:
            yield from self._chunks
            return
        kept: list[tuple[Index, Index, Scores]] | None = [] if self.part.cells <= MOST_KEPT else None
        for chunk in self._made_chunks():
            if kept is not None:
                kept.append(chunk)
            yield chunk
        self._chunks = kept

    def forget(self) -> None:
        """Let go of the scores: nobody will look again."""
        self._chunks = None

    def _made_chunks(self) -> Iterator[tuple[Index, Index, Scores]]:
        for number, (rows, columns) in enumerate(self.part.blocks):
            remote = self.part.remote and number == len(self.part.blocks) - 1
            step = max(1, BLOCK_CELLS // max(1, len(columns)))
            for start in range(0, len(rows), step):
                some = rows[start : start + step]
                scores = self._scoring.block(self.part.mentees[some], self.part.mentors[columns])
                self._forbid(scores, some, columns, remote)
                self._add_bonus(scores, some, columns)
                yield some, columns, scores

    def _forbid(self, scores: Scores, rows: Index, columns: Index, remote: bool) -> None:
        common = self.mentee_open[rows].astype(np.float32) @ self.mentor_open[columns].T.astype(np.float32)
        scores[common == 0] = FORBIDDEN
        if remote:  # pairs of one site are in that site's block already
            scores[self._mentee_site[rows][:, None] == self._mentor_site[columns]] = FORBIDDEN

    def _doubles(self, people: People) -> Doubles:
        if not people.doubles:
            return ()
        mentees = {number: at for at, number in enumerate(self.part.mentees.tolist())}
        mentors = {number: at for at, number in enumerate(self.part.mentors.tolist())}
        both = ((mentees.get(mentee), mentors.get(mentor)) for mentee, mentor in people.doubles)
        return tuple((mentee, mentor) for mentee, mentor in both if mentee is not None and mentor is not None)

    def _announced(self, people: People) -> tuple[Index, Index]:
        if not self.bonus:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        mentees, mentors = self.part.mentees, self.part.mentors
        mentee = np.searchsorted(mentees, people.announced_mentee)
        mentor = np.searchsorted(mentors, people.announced_mentor)
        here = (mentee < len(mentees)) & (mentor < len(mentors))
        here[here] = (mentees[mentee[here]] == people.announced_mentee[here]) & (
            mentors[mentor[here]] == people.announced_mentor[here]
        )
        pair = mentee[here] * len(mentors) + mentor[here]
        order = np.argsort(pair)
        return pair[order], people.announced_round[here][order]

    def _add_bonus(self, scores: Scores, rows: Index, columns: Index) -> None:
        if not len(self.announced):
            return
        row_at, column_at = np.full(self.mentees, -1), np.full(self.mentors, -1)
        row_at[rows], column_at[columns] = np.arange(len(rows)), np.arange(len(columns))
        row, column = row_at[self.announced // self.mentors], column_at[self.announced % self.mentors]
        here = (row >= 0) & (column >= 0)
        row, column = row[here], column[here]
        allowed = scores[row, column] >= 0
        scores[row[allowed], column[allowed]] += self.bonus

    def round_kept(self, pairs: "Pairs") -> Index:
        """For each pair the round in which it is announced, or -1."""
        found = np.full(len(pairs), -1, np.int64)
        if len(self.announced):
            key = pairs.mentee * self.mentors + pairs.mentor
            at = np.minimum(np.searchsorted(self.announced, key), len(self.announced) - 1)
            hit = self.announced[at] == key
            found[hit] = self.announced_round[at[hit]]
        return found

    @property
    def dearest(self) -> int:
        """What one meeting can be worth at most."""
        return TOP_SCORE + self.bonus

    def all_pairs(self) -> Pairs:
        """Every pair that may meet."""
        mentee, mentor, score = [], [], []
        for rows, columns, scores in self.chunks():
            row, column = np.nonzero(scores >= 0)
            mentee.append(rows[row])
            mentor.append(columns[column])
            score.append(scores[row, column].astype(np.int64))
        return ordered(np.concatenate(mentee), np.concatenate(mentor), np.concatenate(score))


def ordered(mentee: Index, mentor: Index, score: Index) -> Pairs:
    """The pairs, each once, by mentee then mentor."""
    width = int(mentor.max()) + 1 if len(mentor) else 1
    _, first = np.unique(mentee * width + mentor, return_index=True)
    return Pairs(mentee[first], mentor[first], score[first])
