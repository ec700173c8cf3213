"""The final pairing, against the definitions of the field and brute force."""

from itertools import permutations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from services.matching.pairing.pairs import Pairs, pair
from services.matching.pairing.rankings_document import read_rankings

few = settings(max_examples=150)


@st.composite
def rankings(draw, mentees=5, mentors=4, most_places=2):
    mentee_ids = [f"e{number}" for number in range(draw(st.integers(1, mentees)))]
    mentor_ids = [f"m{number}" for number in range(draw(st.integers(1, mentors)))]
    ranks_of_mentee = st.lists(st.sampled_from(mentor_ids), unique=True)
    ranks_of_mentor = st.lists(st.sampled_from(mentee_ids), unique=True)
    pairs = st.tuples(st.sampled_from(mentee_ids), st.sampled_from(mentor_ids))
    scores = draw(st.dictionaries(pairs, st.integers(-1, 4)))
    return {
        "format": "speedmentor.rankings/1",
        "top": draw(st.integers(1, 3)),
        "mentors": [
            {"id": each, "capacity": draw(st.integers(0, most_places)), "ranks": draw(ranks_of_mentor)}
            for each in mentor_ids
        ],
        "mentees": [{"id": each, "ranks": draw(ranks_of_mentee)} for each in mentee_ids],
        "scores": [[*each, score] for each, score in scores.items()],
    }


class Opinions:
    """The same rankings, read by nothing but the contract."""

    def __init__(self, document):
        self.top = document["top"]
        self.mentees = {each["id"]: each["ranks"] for each in document["mentees"]}
        self.mentors = {each["id"]: each["ranks"] for each in document["mentors"]}
        self.places = {each["id"]: each["capacity"] for each in document["mentors"]}
        self.scores = {(mentee, mentor): score for mentee, mentor, score in document["scores"]}

    def allowed(self, mentee, mentor):
        return self.scores.get((mentee, mentor), 0) >= 0

    def ranked(self, mentee, mentor):
        somebody_did = mentor in self.mentees[mentee] or mentee in self.mentors[mentor]
        return somebody_did and self.allowed(mentee, mentor)

    def kind(self, mentee, mentor):
        if not self.ranked(mentee, mentor):
            return "assigned"
        tops = (mentor in self.mentees[mentee][: self.top]) + (mentee in self.mentors[mentor][: self.top])
        return ("ranked", "one-sided", "mutual")[tops]

    def place(self, ranks, other):
        return ranks.index(other) + 1 if other in ranks else len(ranks) + 1

    def places_given(self, mentee, mentor):
        return self.place(self.mentees[mentee], mentor) + self.place(self.mentors[mentor], mentee)

    def mentee_prefers(self, mentee, mentor):
        """The full order of the document in docs/pairing.md, best first."""
        score = self.scores.get((mentee, mentor), 0)
        return (
            self.place(self.mentees[mentee], mentor),
            -score,
            self.place(self.mentors[mentor], mentee),
            mentor,
        )

    def mentor_prefers(self, mentor, mentee):
        score = self.scores.get((mentee, mentor), 0)
        return (
            self.place(self.mentors[mentor], mentee),
            -score,
            self.place(self.mentees[mentee], mentor),
            mentee,
        )

    def all_pairings(self):
        """Every way to pair along ranked pairs, capacities held: {mentee: mentor or None}."""
        options = [
            [None, *(mentor for mentor in self.mentors if self.ranked(mentee, mentor))] for mentee in self.mentees
        ]
        for choice in product(*options):
            if all(choice.count(mentor) <= places for mentor, places in self.places.items()):
                yield dict(zip(self.mentees, choice, strict=True))

    def blocking(self, pairing):
        """Pairs who would both rather have each other."""
        for mentee, mentor in product(self.mentees, self.mentors):
            if not self.ranked(mentee, mentor) or pairing.get(mentee) == mentor:
                continue
            hers = pairing.get(mentee)
            if hers and self.mentee_prefers(mentee, hers) < self.mentee_prefers(mentee, mentor):
                continue
            theirs = [each for each, partner in pairing.items() if partner == mentor]
            worst = max((self.mentor_prefers(mentor, each) for each in theirs), default=None)
            if len(theirs) < self.places[mentor] or (worst is not None and self.mentor_prefers(mentor, mentee) < worst):
                yield mentee, mentor


def chosen(opinions, pairs):
    """The pairing over ranked pairs alone, without whoever was assigned a place."""
    by_mentee = {each.mentee: each.mentor for each in pairs if each.kind != "assigned"}
    return {mentee: by_mentee.get(mentee) for mentee in opinions.mentees}


def paired(document) -> Pairs:
    return pair(read_rankings(document))


@few
@given(rankings())
def test_a_mentee_has_one_mentor_and_a_mentor_no_more_than_her_places(document):
    opinions = Opinions(document)
    pairs = paired(document)
    for pairing in (pairs.stable, pairs.most_mutual):
        assert len({each.mentee for each in pairing}) == len(pairing)
        for mentor, places in opinions.places.items():
            assert sum(each.mentor == mentor for each in pairing) <= places
        assert all(opinions.allowed(each.mentee, each.mentor) for each in pairing)
        assert all(each.kind == opinions.kind(each.mentee, each.mentor) for each in pairing)


@few
@given(rankings(mentees=9, mentors=6, most_places=3))
def test_no_two_people_would_both_rather_have_each_other(document):
    opinions = Opinions(document)
    assert not list(opinions.blocking(chosen(opinions, paired(document).stable)))


@few
@given(rankings(mentees=4, mentors=3))
def test_no_stable_pairing_is_better_for_any_mentee(document):
    opinions = Opinions(document)
    ours = chosen(opinions, paired(document).stable)
    for other in opinions.all_pairings():
        if any(opinions.blocking(other)):
            continue
        for mentee, mentor in other.items():
            if mentor is None:
                continue
            assert ours[mentee] is not None
            assert opinions.mentee_prefers(mentee, ours[mentee]) <= opinions.mentee_prefers(mentee, mentor)


def mutuality(opinions, pairing):
    """What most_mutual makes large, in its order."""
    made = [(mentee, mentor) for mentee, mentor in pairing.items() if mentor is not None]
    kinds = [opinions.kind(*each) for each in made]
    return (
        kinds.count("mutual"),
        kinds.count("one-sided"),
        len(made),
        -sum(opinions.places_given(*each) for each in made),
    )


@few
@given(rankings(mentees=4, mentors=3))
def test_no_pairing_has_more_mutual_choices_or_as_many_and_a_better_sum(document):
    opinions = Opinions(document)
    ours = mutuality(opinions, chosen(opinions, paired(document).most_mutual))
    assert ours == max(mutuality(opinions, each) for each in opinions.all_pairings())


def best_placing(opinions, left, free):
    """The most mentees placed, then the largest sum of scores, by trying every order."""
    seats = [mentor for mentor, count in free.items() for _ in range(count)]
    best = (0, 0)
    for order in permutations([*seats, *([None] * len(left))], len(left)):
        made = [(mentee, mentor) for mentee, mentor in zip(left, order, strict=True) if mentor]
        if all(opinions.allowed(*each) for each in made):
            best = max(best, (len(made), sum(opinions.scores.get(each, 0) for each in made)))
    return best


@few
@given(rankings(mentees=4, mentors=2))
def test_who_is_left_is_placed_by_score_while_places_last(document):
    opinions = Opinions(document)
    pairs = paired(document)
    for pairing in (pairs.stable, pairs.most_mutual):
        own = {each.mentee for each in pairing if each.kind != "assigned"}
        free = {
            mentor: places - sum(each.mentor == mentor and each.kind != "assigned" for each in pairing)
            for mentor, places in opinions.places.items()
        }
        assigned = [(each.mentee, each.mentor) for each in pairing if each.kind == "assigned"]
        score = sum(opinions.scores.get(each, 0) for each in assigned)
        left = [mentee for mentee in opinions.mentees if mentee not in own]
        assert (len(assigned), score) == best_placing(opinions, left, free)


@few
@given(rankings())
def test_left_over_is_whoever_the_stable_pairing_gives_nobody(document):
    pairs = paired(document)
    with_somebody = {each.mentee for each in pairs.stable}
    assert set(pairs.mentees_left_over) == {each["id"] for each in document["mentees"]} - with_somebody
    with_somebody = {each.mentor for each in pairs.stable}
    assert set(pairs.mentors_left_over) == {each["id"] for each in document["mentors"]} - with_somebody


@few
@given(rankings(), st.randoms(use_true_random=False))
def test_the_order_people_stand_in_the_file_decides_nothing(document, random):
    shuffled = {**document}
    for part in ("mentors", "mentees", "scores"):
        shuffled[part] = random.sample(document[part], len(document[part]))
    assert paired(shuffled) == paired(document)


def test_the_textbook_case_gives_every_mentee_her_best_stable_mentor():
    """Gale and Shapley's own example of three and three: proposers all get their first choice."""
    document = {
        "format": "speedmentor.rankings/1",
        "mentees": [
            {"id": "a", "ranks": ["A", "B", "C"]},
            {"id": "b", "ranks": ["B", "C", "A"]},
            {"id": "c", "ranks": ["C", "A", "B"]},
        ],
        "mentors": [
            {"id": "A", "ranks": ["b", "c", "a"]},
            {"id": "B", "ranks": ["c", "a", "b"]},
            {"id": "C", "ranks": ["a", "b", "c"]},
        ],
    }
    assert [(each.mentee, each.mentor) for each in paired(document).stable] == [
        ("a", "A"),
        ("b", "B"),
        ("c", "C"),
    ]


def test_most_mutual_gives_up_stability_for_one_more_mutual_pair():
    document = {
        "format": "speedmentor.rankings/1",
        "top": 2,
        "mentees": [{"id": "a", "ranks": ["A", "B"]}, {"id": "b", "ranks": ["A"]}],
        "mentors": [{"id": "A", "ranks": ["a", "b"]}, {"id": "B", "ranks": ["a"]}],
    }
    pairs = paired(document)
    assert [(each.mentee, each.mentor, each.kind) for each in pairs.stable] == [
        ("a", "A", "mutual"),
        ("b", "B", "assigned"),
    ]
    assert [(each.mentee, each.mentor, each.kind) for each in pairs.most_mutual] == [
        ("a", "B", "mutual"),
        ("b", "A", "mutual"),
    ]


def test_two_who_are_one_person_are_no_pair_though_they_rank_each_other_and_are_left() -> None:
    document = {
        "format": "speedmentor.rankings/1",
        "mentors": [{"id": "m1", "person": "ann", "ranks": ["e1"]}, {"id": "m2"}],
        "mentees": [{"id": "e1", "person": "ann", "ranks": ["m1"]}, {"id": "e2", "person": "bob"}],
    }
    found = pair(read_rankings(document))
    for pairs in (found.stable, found.most_mutual):
        assert {(each.mentee, each.mentor) for each in pairs} == {("e1", "m2"), ("e2", "m1")}
