"""Nothing that can be reckoned from published ratings tells of fewer than K answers, or what all have said."""

from collections import Counter
from fractions import Fraction
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.feedback.domain.aggregates import published_figures, round_id_of, rounds_rated
from services.feedback.domain.report import CONNECTIONS, STAY_IN_TOUCH, Cell, report
from services.feedback.events import rated
from shared.anonymity import K_ANONYMITY
from shared.events.catalogue import TYPES

QUESTION = "time_well_spent"
SITES, ROUNDS, ROLES = ("jkt", "upg"), (1, 2, 3), ("mentor", "mentee")

Atom = tuple[str, int, str]
ATOMS: list[Atom] = [(site, number, role) for site in SITES for number in ROUNDS for role in ROLES]

cells = st.lists(
    st.builds(
        Cell,
        question=st.just(QUESTION),
        value=st.integers(5, 7),
        count=st.integers(1, 7),
        site_id=st.sampled_from(SITES),
        role=st.sampled_from(ROLES),
        round=st.sampled_from(ROUNDS),
    ),
    min_size=1,
    max_size=16,
)

Figure = tuple[Any, ...]


def histograms(found: list[Cell]) -> dict[Atom, Counter[int]]:
    by_atom: dict[Atom, Counter[int]] = {}
    for cell in found:
        assert cell.site_id is not None
        assert cell.round is not None
        assert cell.role is not None
        by_atom.setdefault((cell.site_id, cell.round, cell.role), Counter())[cell.value] += cell.count
    return by_atom


def figures_of_report(made: dict[str, Any], atoms: list[Atom]) -> list[set[Atom]]:
    """Of which answers the report has figures."""
    question = made["questions"][QUESTION]
    told = [(question["all"], set(atoms))]
    told += [(each, {atom for atom in atoms if atom[2] == role}) for role, each in question["by_role"].items()]
    told += [(each, {atom for atom in atoms if atom[0] == site}) for site, each in question["by_site"].items()]
    return [members for figure, members in told if figure["answers"] is not None]


def reckoned(known: list[set[Atom]], atoms: list[Atom]) -> set[frozenset[Atom]]:
    """Every set of answers whose figure follows from ``known`` by adding and subtracting any multiples of these.

    Its vector is in the space that theirs span, that is, orthogonal to all that is orthogonal to them.
    """
    free = _orthogonal([[Fraction(atom in members) for atom in atoms] for members in known], len(atoms))
    found = set()
    for size in range(1, len(atoms) + 1):
        for chosen in combinations(range(len(atoms)), size):
            if all(sum(vector[at] for at in chosen) == 0 for vector in free):
                found.add(frozenset(atoms[at] for at in chosen))
    return found


def _orthogonal(rows: list[list[Fraction]], width: int) -> list[list[Fraction]]:
    """A basis of what is orthogonal to ``rows``, by Gauss and Jordan."""
    pivots: list[int] = []
    for column in range(width):
        done = len(pivots)
        below = next((at for at in range(done, len(rows)) if rows[at][column]), None)
        if below is None:
            continue
        rows[done], rows[below] = rows[below], rows[done]
        rows[done] = [value / rows[done][column] for value in rows[done]]
        for at, row in enumerate(rows):
            if at != done and row[column]:
                rows[at] = [value - row[column] * other for value, other in zip(row, rows[done], strict=True)]
        pivots.append(column)
    basis = []
    for column in sorted(set(range(width)) - set(pivots)):
        vector = [Fraction(0)] * width
        vector[column] = Fraction(1)
        for at, pivot in enumerate(pivots):
            vector[pivot] = -rows[at][column]
        basis.append(vector)
    return basis


def test_the_attacker_reckons_what_follows_and_nothing_else() -> None:
    a, b, c = ATOMS[:3]
    assert reckoned([{a, b, c}, {a, b}], [a, b, c]) == {frozenset({a, b, c}), frozenset({a, b}), frozenset({c})}
    assert reckoned([{a, b}, {b, c}], [a, b, c]) == {frozenset({a, b}), frozenset({b, c})}
    # Half of the sum of three pairs is all three, and that less a pair is one.
    assert frozenset({a}) in reckoned([{a, b}, {b, c}, {a, c}], [a, b, c])


@settings(max_examples=150, deadline=None)
@given(found=cells)
def test_whoever_solves_for_what_is_hidden_finds_nothing_of_fewer_than_k_or_of_one_answer_for_all(
    found: list[Cell],
) -> None:
    made = report(found, held=0, answers=0)
    by_atom = histograms(found)
    atoms = sorted(by_atom)
    of_report = figures_of_report(made, atoms)
    of_rounds = [{atom for atom in atoms if atom[:2] == (e.site_id, e.round)} for e in rounds_rated(found, made)]
    before = reckoned(of_report, atoms)
    for members in reckoned(of_report + of_rounds, atoms) - before:
        joined = sum((by_atom[atom] for atom in members), Counter[int]())
        assert joined.total() >= K_ANONYMITY, members
        assert len(joined) > 1, members


@given(found=cells)
def test_every_figure_of_a_round_is_right(found: list[Cell]) -> None:
    for each in rounds_rated(found, report(found, held=0, answers=0)):
        values: Counter[int] = Counter()
        for cell in found:
            if (cell.site_id, cell.round) == (each.site_id, each.round):
                values[cell.value] += cell.count
        assert each.figures[f"{QUESTION}_answers"] == values.total() >= K_ANONYMITY
        assert abs(each.figures[f"{QUESTION}_mean"] - sum(v * n for v, n in values.items()) / values.total()) < 1e-4
        event = rated("program-1", "org-1", each)
        assert event.subject == round_id_of("program-1", each.site_id, each.round)
        assert TYPES[f"speedmentor.{event.type}.v1"].refusal(event.data, publishing=True) is None


def round_of(site: str, number: int, mentors: dict[int, int], mentees: dict[int, int]) -> list[Cell]:
    sides = {"mentor": mentors, "mentee": mentees}
    return [
        Cell(QUESTION, value, count, site, role, number)
        for role, said in sides.items()
        for value, count in said.items()
    ]


def shown(found: list[Cell]) -> set[tuple[str, int]]:
    return {(each.site_id, each.round) for each in rounds_rated(found, report(found, held=0, answers=0))}


USUAL = {6: 4, 7: 4}


def test_usual_rounds_are_all_shown() -> None:
    found = [cell for site in SITES for number in ROUNDS for cell in round_of(site, number, USUAL, USUAL)]
    assert shown(found) == {(site, number) for site in SITES for number in ROUNDS}


def test_no_more_is_hidden_than_must_be() -> None:
    small, same = round_of("jkt", 1, {6: 1}, {7: 1}), round_of("jkt", 1, {7: 4}, {7: 4})
    two, three = round_of("jkt", 2, USUAL, USUAL), round_of("jkt", 3, {6: 9}, {7: 9})
    upg = round_of("upg", 1, USUAL, USUAL)
    # Round 1 less than k, or all the same: another hides with it, the smallest, so that the site does not tell it.
    assert shown(small + two + three + upg) == {("jkt", 3), ("upg", 1)}
    assert shown(same + two + three + upg) == {("jkt", 3), ("upg", 1)}
    # Two that hide each other.
    assert shown(small + round_of("jkt", 2, {6: 2}, {7: 2}) + three + upg) == {("jkt", 3), ("upg", 1)}


def test_a_site_that_the_report_hides_has_no_rounds() -> None:
    found = round_of("jkt", 1, USUAL, USUAL) + round_of("upg", 1, {6: 1}, {7: 1})
    assert shown(found) == set()


def test_a_side_less_the_rounds_in_which_only_it_answered_is_not_told() -> None:
    def answers(both: dict[int, int]) -> list[Cell]:
        return round_of("jkt", 1, {5: 3, 6: 3}, {}) + round_of("jkt", 2, both, {6: 3, 7: 3})

    # All mentors, whom the report tells, less those of the first round, would be two.
    assert shown(answers({5: 1, 6: 1})) == set()
    assert shown(answers({5: 3, 6: 2})) == {("jkt", 1), ("jkt", 2)}


def test_the_choices_to_stay_in_touch_are_told_by_connections_alone() -> None:
    found = [
        Cell(STAY_IN_TOUCH, 1, 9, "jkt", "mentor", 1),
        Cell(STAY_IN_TOUCH, 0, 9, "jkt", "mentee", 1),
        Cell(CONNECTIONS, 1, 5, "jkt"),
        Cell(CONNECTIONS, 0, 5, "jkt"),
    ]
    made = report(found, held=9, answers=18)
    assert rounds_rated(found, made) == []
    assert published_figures(made) == {"connections_mean": 0.5, "connections_answers": 10, "connections": 5}


def test_of_the_report_nothing_is_published_by_which_all_said_the_same() -> None:
    def told(mentors: dict[int, int], mentees: dict[int, int]) -> set[str]:
        made = report(round_of("jkt", 1, mentors, mentees), held=9, answers=18)
        return {name.removeprefix(f"{QUESTION}_") for name in published_figures(made) if name.startswith(QUESTION)}

    everything = {"mean", "answers", "mean_mentor", "answers_mentor", "mean_mentee", "answers_mentee"}
    assert told(USUAL, USUAL) == everything
    # All, less the mentees, would be the mentors, who all said 7.
    assert told({7: 9}, USUAL) == {"mean", "answers"}
    assert told({7: 9}, {7: 9}) == set()
