"""What a meeting is worth: a whole number from 0 to 1000, and the parts it is made of.

========================  ======  =====================================================================
part                      at most  how
========================  ======  =====================================================================
topics                    600     each topic the mentee ranks weighs its rank-order centroid weight
                                  (Barron and Barrett, 1996); the mentor's level 0-5 gives its share
motive                    100     the mentor welcomes what the mentee comes for (or names no motive)
storytelling              100     20 for each level the mentor's stories are rated
wants                     200     the mentee asks for the mentor 80, the mentor for the mentee 40,
                                  both 200: mutual choices are what lasts
========================  ======  =====================================================================

Scores given with the input replace the formula; their one part is ``given``.
"""

from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.matching.planner.input.json_values import TOP_LEVEL
from services.matching.planner.input.model import Index, PlanInput
from services.matching.planner.problem.people import People
from services.matching.planner.problem.ragged import Rows

TOPICS = 600
MOTIVE = 100
STORY_LEVEL = 20
MENTEE_WANTS = 80
MENTOR_WANTS = 40
MUTUAL = 80
FORBIDDEN = -1

Scores = NDArray[np.int32]


@lru_cache(maxsize=64)
def topic_points(count: int) -> tuple[int, ...]:
    """How the 600 points of topics are shared among ``count`` ranked topics: rank-order centroid weights."""
    shares = [sum(Fraction(1, rank) for rank in range(at, count + 1)) / count for at in range(1, count + 1)]
    points = [int(TOPICS * share) for share in shares]
    points[0] += TOPICS - sum(points)
    return tuple(points)


class Scoring:
    """Scores of any block of mentees and mentors of one input."""

    def __init__(self, plan_input: PlanInput, people: People) -> None:
        mentees, mentors = plan_input.mentees, plan_input.mentors
        self._people = people
        self._mentors = len(mentors)
        self._mentee_words, self._mentor_words = _language_words(
            [each.languages for each in mentees], [each.languages for each in mentors]
        )
        self._given: Rows | None = None
        if plan_input.scores is not None:
            given = plan_input.scores
            self._given = Rows.from_pairs(given.mentee, given.mentor, len(mentees))
            self._given_score = given.score
            return
        topic_at: dict[str, int] = {}
        self._asked = Rows.of(
            ([topic_at.setdefault(topic, len(topic_at)) for topic in each.topics] for each in mentees),
            len(mentees),
        )
        known = [
            {topic_at[topic]: level for topic, level in each.topics.items() if topic in topic_at} for each in mentors
        ]
        self._topics = len(topic_at)
        self._knows = Rows.of((list(each) for each in known), len(mentors))
        self._level = np.fromiter(
            (level for each in known for level in each.values()), np.int64, len(self._knows.values)
        )
        motive_at: dict[str, int] = {"": 0}
        self._motive = np.fromiter(
            (motive_at.setdefault(each.motive, len(motive_at)) for each in mentees), np.int64, len(mentees)
        )
        self._welcomes = np.zeros((len(motive_at), len(mentors)), np.int32)
        for at, mentor in enumerate(mentors):
            if not mentor.motives:
                self._welcomes[1:, at] = MOTIVE
            for motive in mentor.motives:
                if motive in motive_at:
                    self._welcomes[motive_at[motive], at] = MOTIVE
        self._story = np.fromiter((each.storytelling * STORY_LEVEL for each in mentors), np.int32, len(mentors))
        self._wants = Rows.of(
            ([plan_input.mentor_at[each] for each in mentee.wants] for mentee in mentees), len(mentees)
        )
        wanted_by: list[list[int]] = [[] for _ in mentees]
        for at, mentor in enumerate(mentors):
            for wanted in mentor.wants:
                wanted_by[plan_input.mentee_at[wanted]].append(at)
        self._wanted_by = Rows.of(wanted_by, len(mentees))

    def block(self, mentees: Index, mentors: Index) -> Scores:
        """The scores of ``mentees`` (rows) with ``mentors`` (columns); ``FORBIDDEN`` where a rule forbids the pair.

        Sites are the caller's matter; availability in rounds too.
        """
        column = np.full(self._mentors, -1, np.int64)
        column[mentors] = np.arange(len(mentors))
        if self._given is None:
            scores = self._topic_scores(mentees, mentors)
            scores += self._welcomes[self._motive[mentees]][:, mentors]
            scores += self._story[mentors][None, :]
            self._add_wants(scores, mentees, column)
        else:
            scores = np.full((len(mentees), len(mentors)), FORBIDDEN, np.int32)
            which, places = self._given.within(mentees)
            at = column[self._given.values[places]]
            here = at >= 0
            scores[which[here], at[here]] = np.maximum(self._given_score[places[here]], FORBIDDEN)
        scores[~self.speak_alike(mentees, mentors)] = FORBIDDEN
        self._people.exclusions.forbid(scores, FORBIDDEN, mentees, mentors, column)
        return scores

    def score(self, mentee: int, mentor: int) -> int:
        """The score of one pair, or ``FORBIDDEN``."""
        return int(self.block(np.array([mentee]), np.array([mentor]))[0, 0])

    def speak_alike(self, mentees: Index, mentors: Index) -> NDArray[np.bool_]:
        """Whether each of ``mentees`` (rows) has a language in common with each of ``mentors`` (columns)."""
        alike = np.zeros((len(mentees), len(mentors)), np.bool_)
        for word in range(self._mentee_words.shape[1]):
            alike |= (self._mentee_words[mentees, word][:, None] & self._mentor_words[mentors, word]) != 0
        return alike

    def _topic_scores(self, mentees: Index, mentors: Index) -> Scores:
        scores = np.zeros((len(mentees), len(mentors)), np.int32)
        counts = self._asked.starts[mentees + 1] - self._asked.starts[mentees]
        which, places = self._knows.within(mentors)
        for count in np.unique(counts[counts > 0]).tolist():
            rows = np.flatnonzero(counts == count)
            asked = self._asked.values[self._asked.starts[mentees[rows]][:, None] + np.arange(count)]
            topics, local = np.unique(asked, return_inverse=True)
            local = local.reshape(asked.shape)
            at = np.full(self._topics, -1, np.int64)
            at[topics] = np.arange(len(topics))
            topic = at[self._knows.values[places]]
            here = topic >= 0
            level = np.zeros((len(topics), len(mentors)), np.int32)
            level[topic[here], which[here]] = self._level[places[here]]
            found = np.zeros((len(rows), len(mentors)), np.int32)
            for rank, points in enumerate(topic_points(count)):
                found += (points * level // TOP_LEVEL)[local[:, rank]]
            scores[rows] = found
        return scores

    def _add_wants(self, scores: Scores, mentees: Index, column: Index) -> None:
        wants = []
        for rows, points in ((self._wants, MENTEE_WANTS), (self._wanted_by, MENTOR_WANTS)):
            which, places = rows.within(mentees)
            at = column[rows.values[places]]
            here = at >= 0
            scores[which[here], at[here]] += points
            wants.append(which[here] * scores.shape[1] + at[here])
        mutual = np.intersect1d(wants[0], wants[1])
        scores.ravel()[mutual] += MUTUAL

    def because(self, mentee: Index, mentor: Index) -> dict[str, Index]:
        """The parts of the score of each pair (columns of one length), rules aside."""
        if self._given is not None:
            keys = self._keys(self._given)
            wanted = mentee * self._mentors + mentor
            at = np.searchsorted(keys, wanted)
            at = np.minimum(at, len(keys) - 1)
            hit = keys[at] == wanted if len(keys) else np.zeros(len(wanted), np.bool_)
            given = np.zeros(len(wanted), np.int64)
            given[hit] = np.maximum(self._given_score[at[hit]], 0)
            return {"given": given}
        topics = np.zeros(len(mentee), np.int64)
        level_keys, levels = self._level_keys()
        counts = self._asked.starts[mentee + 1] - self._asked.starts[mentee]
        for count in np.unique(counts[counts > 0]).tolist():
            rows = np.flatnonzero(counts == count)
            first = self._asked.starts[mentee[rows]]
            for rank, points in enumerate(topic_points(count)):
                asked = self._asked.values[first + rank]
                keys = mentor[rows] * self._topics + asked
                at = np.minimum(np.searchsorted(level_keys, keys), max(0, len(level_keys) - 1))
                if len(level_keys):
                    level = np.where(level_keys[at] == keys, levels[at], 0)
                    topics[rows] += points * level // TOP_LEVEL
        wants = np.zeros(len(mentee), np.int64)
        pair = mentee * self._mentors + mentor
        asks = np.isin(pair, self._keys(self._wants))
        asked_for = np.isin(pair, self._keys(self._wanted_by))
        wants += MENTEE_WANTS * asks + MENTOR_WANTS * asked_for + MUTUAL * (asks & asked_for)
        return {
            "topics": topics,
            "motive": self._welcomes[self._motive[mentee], mentor].astype(np.int64),
            "storytelling": self._story[mentor].astype(np.int64),
            "wants": wants,
        }

    def _level_keys(self) -> tuple[Index, Index]:
        mentor = np.repeat(np.arange(self._mentors), np.diff(self._knows.starts))
        keys = mentor * self._topics + self._knows.values
        order = np.argsort(keys)
        return keys[order], self._level[order]

    def _keys(self, rows: Rows) -> Index:
        return np.repeat(np.arange(len(rows.starts) - 1), np.diff(rows.starts)) * self._mentors + rows.values


def _language_words(
    mentees: list[tuple[str, ...]], mentors: list[tuple[str, ...]]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Languages as bits, 64 to a word; who names none speaks with everybody: all bits."""
    spoken = {each: at for at, each in enumerate(dict.fromkeys(mentees + mentors))}
    language_at: dict[str, int] = {}
    rows = [[language_at.setdefault(each, len(language_at)) for each in languages] for languages in spoken]
    words = np.zeros((len(rows), max(1, -(-len(language_at) // 64))), np.uint64)
    for at, row in enumerate(rows):
        for language in row:
            words[at, language // 64] |= np.uint64(1 << language % 64)
        if not row:
            words[at] = np.uint64(2**64 - 1)
    return words[[spoken[each] for each in mentees]], words[[spoken[each] for each in mentors]]
