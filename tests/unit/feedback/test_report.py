"""A report tells of no fewer than K answers, not even to one who subtracts."""

from collections import Counter
from itertools import chain, combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.feedback.domain.report import (
    CONNECTIONS,
    STAY_IN_TOUCH,
    Cell,
    figures,
    pairing,
    pairing_figures,
    report,
)
from shared.anonymity import K_ANONYMITY, shown
from shared.events import NewEvent
from shared.events.catalogue import TYPES

QUESTION = "time_well_spent"

cells = st.lists(
    st.builds(
        Cell,
        question=st.just(QUESTION),
        value=st.integers(1, 7),
        count=st.integers(1, 7),
        site_id=st.sampled_from(["jkt", "dps", "mes", None]),
        role=st.sampled_from(["mentor", "mentee"]),
    ),
    max_size=12,
)


def subsets(items: list[Any]) -> chain[tuple[Any, ...]]:
    return chain.from_iterable(combinations(items, size) for size in range(len(items) + 1))


@given(sizes=st.dictionaries(st.text("abcdef", min_size=1, max_size=1), st.integers(0, 20)))
def test_what_is_hidden_is_nothing_or_k_together(sizes: dict[str, int]) -> None:
    visible = shown(sizes)
    assert all(sizes[name] >= K_ANONYMITY for name in visible)
    hidden = sum(size for name, size in sizes.items() if name not in visible)
    assert hidden == 0 or hidden >= K_ANONYMITY or sum(sizes.values()) < K_ANONYMITY


def test_no_more_is_hidden_than_must_be() -> None:
    assert shown({"a": 10, "b": 5}) == {"a", "b"}
    assert shown({"a": 10, "b": 0}) == {"a"}
    assert shown({"a": 10, "b": 6, "c": 4}) == {"a"}
    assert shown({"a": 10, "b": 3, "c": 2}) == {"a"}
    assert shown({"a": 10, "b": 4}) == set()


@given(found=cells)
def test_every_figure_shown_is_right_and_over_k_answers(found: list[Cell]) -> None:
    question = report(found, held=0, answers=0)["questions"][QUESTION]
    groups = [(question["all"], found)]
    groups += [(each, [c for c in found if c.role == role]) for role, each in question["by_role"].items()]
    groups += [(each, [c for c in found if (c.site_id or "") == site]) for site, each in question["by_site"].items()]
    for figure, members in groups:
        values: Counter[int] = Counter()
        for cell in members:
            values[cell.value] += cell.count
        if figure["answers"] is None:
            assert figure == {"answers": None, "mean": None, "distribution": None}
            continue
        assert figure["answers"] == values.total() >= K_ANONYMITY
        assert figure["distribution"] == {str(value): values[value] for value in sorted(values)}
        assert abs(figure["mean"] - sum(v * n for v, n in values.items()) / values.total()) < 1e-4
    assert (question["all"]["answers"] is None) == (sum(cell.count for cell in found) < K_ANONYMITY)


@given(found=cells)
def test_subtracting_groups_that_lie_within_a_group_leaves_nothing_or_k(found: list[Cell]) -> None:
    sizes: Counter[tuple[str, str | None]] = Counter()
    for cell in found:
        sizes[cell.site_id or "", cell.role] += cell.count
    question = report(found, held=0, answers=0)["questions"][QUESTION]
    if question["all"]["answers"] is None:
        return
    groups = {"all": frozenset(sizes)}
    for kind, place in (("by_role", 1), ("by_site", 0)):
        for name, figure in question[kind].items():
            if figure["answers"] is not None:
                groups[name] = frozenset(key for key in sizes if key[place] == name)
    for whole in groups.values():
        parts = [part for part in groups.values() if part < whole]
        for taken in subsets(parts):
            union = frozenset(chain.from_iterable(taken))
            if sum(len(part) for part in taken) == len(union):
                rest = sum(sizes[key] for key in whole - union)
                assert rest == 0 or rest >= K_ANONYMITY


def test_a_side_less_the_sites_where_only_it_answered_is_not_told() -> None:
    found = [
        Cell(QUESTION, 7, 10, "jkt", "mentee"),
        Cell(QUESTION, 1, 1, "dps", "mentee"),
        Cell(QUESTION, 6, 9, "dps", "mentor"),
    ]
    question = report(found, held=0, answers=0)["questions"][QUESTION]
    assert [figure["answers"] for figure in question["by_site"].values()] == [10, 10]
    assert [figure["answers"] for figure in question["by_role"].values()] == [None, None]


@given(found=cells, answers=st.integers(0, 1000))
def test_what_is_published_is_what_the_catalogue_allows(found: list[Cell], answers: int) -> None:
    made = report(found, held=3, answers=answers)
    data = {"program_id": "program-1", "figures": figures(made), "k": K_ANONYMITY, "answers": answers}
    event = NewEvent("feedback.program-report-ready", "program-1", data)
    assert TYPES[f"speedmentor.{event.type}.v1"].refusal(event.data, publishing=True) is None


def test_shares_and_connections_are_figures_too() -> None:
    found = [
        Cell(STAY_IN_TOUCH, 1, 6, "jkt", "mentor"),
        Cell(STAY_IN_TOUCH, 0, 2, "jkt", "mentee"),
        Cell(STAY_IN_TOUCH, 1, 4, "jkt", "mentee"),
        Cell(CONNECTIONS, 1, 4, "jkt"),
        Cell(CONNECTIONS, 0, 2, "jkt"),
    ]
    made = figures(report(found, held=6, answers=12))
    assert made["stay_in_touch_mean"] == round(10 / 12, 4)
    assert made["stay_in_touch_mean_mentee"] == round(4 / 6, 4)
    assert made["connections"] == 4
    assert made["connections_mean"] == round(4 / 6, 4)
    too_few = figures(report([Cell(CONNECTIONS, 1, 4, "jkt")], held=4, answers=8))
    assert too_few == {}


@given(few=st.integers(0, K_ANONYMITY - 1), many=st.integers(K_ANONYMITY, 100))
def test_pairs_are_counted_only_where_there_are_k(few: int, many: int) -> None:
    published = TYPES["speedmentor.matching.pairing-published.v1"].example()
    hidden = pairing({**published, "pairs": few})
    assert hidden is not None
    assert (hidden["pairs"], hidden["stable"], hidden["most_mutual"]) == (None, None, None)
    assert pairing_figures(hidden) == {}
    told = pairing_figures(pairing({**published, "pairs": many, "method": "most-mutual"}))
    assert told["pairs"] == many
    assert told["pairs_one_sided"] == published["most_mutual"]["one-sided"]
    assert pairing(None) is None
    assert pairing_figures(None) == {}


kinds = st.fixed_dictionaries({kind: st.integers(0, 12) for kind in ("mutual", "one-sided", "ranked", "assigned")})


@given(stable=kinds, most_mutual=kinds)
def test_no_kind_is_told_of_fewer_than_k_pairs_not_even_by_subtraction(
    stable: dict[str, int], most_mutual: dict[str, int]
) -> None:
    published = TYPES["speedmentor.matching.pairing-published.v1"].example()
    made = pairing(
        {**published, "pairs": max(K_ANONYMITY, sum(stable.values())), "stable": stable, "most_mutual": most_mutual}
    )
    assert made is not None
    for told, counted in ((made["stable"], stable), (made["most_mutual"], most_mutual)):
        assert told.keys() == counted.keys()
        assert all(count in (None, counted[kind]) for kind, count in told.items())
        assert all(count >= K_ANONYMITY for count in told.values() if count is not None)
        hidden = sum(counted[kind] for kind, count in told.items() if count is None)
        assert hidden == 0 or hidden >= K_ANONYMITY or sum(counted.values()) < K_ANONYMITY
    assert pairing_figures(made).keys() == {
        "pairs",
        *(f"pairs_{kind.replace('-', '_')}" for kind, count in made["stable"].items() if count is not None),
    }


def test_a_kind_of_k_pairs_is_hidden_with_one_of_fewer() -> None:
    published = TYPES["speedmentor.matching.pairing-published.v1"].example()
    stable = {"mutual": 20, "one-sided": 6, "ranked": 2, "assigned": 0}
    made = pairing({**published, "pairs": 28, "stable": stable})
    assert made is not None
    assert made["stable"] == {"mutual": 20, "one-sided": None, "ranked": None, "assigned": None}
