"""Which sites are planned together, and which anew."""

from hypothesis import given
from hypothesis import strategies as st

from services.matching.domain.groups import groups_of, touched_groups

SITES = [
    {"site_id": "jkt", "starts_at": "2026-12-05T02:00:00.000Z"},
    {"site_id": "sub", "starts_at": "2026-12-05T02:00:00.000Z"},
    {"site_id": "upg", "starts_at": "2026-12-05T01:00:00.000Z"},
]


def test_without_remote_people_every_site_is_planned_apart() -> None:
    assert groups_of(SITES, set()) == [("jkt",), ("sub",), ("upg",)]


def test_sites_with_remote_people_that_begin_together_are_one_group() -> None:
    assert groups_of(SITES, {"jkt", "sub", "upg"}) == [("jkt", "sub"), ("upg",)]


def test_only_the_touched_group_is_planned_anew() -> None:
    groups = groups_of(SITES, {"jkt", "sub"})
    assert touched_groups(groups, {"sub"}, groups) == [("jkt", "sub")]


def test_groups_that_have_parted_are_both_planned_anew() -> None:
    planned_as = groups_of(SITES, {"jkt", "sub"})
    assert touched_groups(groups_of(SITES, {"sub"}), {"sub"}, planned_as) == [("jkt",), ("sub",)]


names = st.sampled_from("abcdefgh")


@given(
    st.dictionaries(names, st.integers(0, 2), min_size=1),
    st.sets(names),
    st.sets(names),
    st.sets(names),
)
def test_old_parts_left_and_new_parts_never_share_a_site(
    starts: dict[str, int], remote: set[str], once_remote: set[str], touched: set[str]
) -> None:
    sites = [{"site_id": name, "starts_at": str(start)} for name, start in starts.items()]
    planned, groups = groups_of(sites, once_remote), groups_of(sites, remote)
    anew = touched_groups(groups, touched & set(starts), planned)
    covered = {site for group in anew for site in group}
    assert touched & set(starts) <= covered
    assert all(covered.isdisjoint(part) or covered.issuperset(part) for part in planned)
    left = [part for part in planned if covered.isdisjoint(part)]
    assert sorted(site for group in [*left, *anew] for site in group) == sorted(starts)
