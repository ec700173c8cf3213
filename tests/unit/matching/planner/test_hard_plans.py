"""Where people miss rounds, or hold an announced plan, small events are still planned as well as can be."""

import random

import pytest
from made_events import made_event, made_long_event, made_revision
from plan_oracle import Oracle, value_of
from plan_rules import allowed_pairs, broken_rules, counts_of

from services.matching.planner import read_input, solve
from services.matching.planner.rounds import drafts, integer_programming, own_rounds


def as_good_as_integer_programming(document, seed):
    plan = solve(read_input(document)).to_document()
    assert not broken_rules(document, plan), seed
    oracle = Oracle(document)
    assert sorted(counts_of(document, plan["meetings"]).values()) == oracle.fairest(), seed
    assert value_of(document, plan) == oracle.best_value(), seed
    assert plan["quality"]["certified"], seed


@pytest.mark.parametrize("batch", range(5))
def test_people_who_miss_rounds_get_the_best_plan(batch):
    for seed in range(batch * 20, batch * 20 + 20):
        as_good_as_integer_programming(made_event(seed, breaks=True), seed)


@pytest.mark.parametrize("batch", range(5))
def test_an_announced_plan_is_mended_with_the_fewest_changes_the_fairest_plan_allows(batch):
    for seed in range(batch * 20, batch * 20 + 20):
        document = made_event(seed, breaks=seed % 2 == 0)
        announced = solve(read_input(document)).to_document()
        as_good_as_integer_programming(made_revision(document, announced, random.Random(seed)), seed)


@pytest.mark.parametrize("seed", range(30))
def test_parts_too_large_for_a_flow_over_rounds_keep_every_rule_and_an_honest_bound(seed, monkeypatch):
    monkeypatch.setattr(own_rounds, "MOST_TRIED", 0)
    monkeypatch.setattr(drafts, "MOST_TRIED", 0)
    document = made_event(seed, mentees=15, mentors=8, rounds=5, breaks=True)
    plan = solve(read_input(document)).to_document()
    assert not broken_rules(document, plan)
    revision = made_revision(document, plan, random.Random(seed))
    mended = solve(read_input(revision)).to_document()
    assert not broken_rules(revision, mended)
    oracle = Oracle(revision)
    if sorted(counts_of(revision, mended["meetings"]).values()) == oracle.fairest():
        missing = mended["quality"]["bound"] - mended["quality"]["score"]
        assert oracle.best_value() <= value_of(revision, mended) + missing


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("work", [0.0, 1.0])
def test_no_bound_promises_more_than_all_pairs_together(seed, work, monkeypatch):
    monkeypatch.setattr(own_rounds, "WORK", work)
    document = made_long_event(seed)
    quality = solve(read_input(document)).to_document()["quality"]
    assert quality["score"] <= quality["bound"] <= sum(allowed_pairs(document).values())


def test_stating_questions_to_the_solver_counts_as_work_too(monkeypatch):
    monkeypatch.setattr(integer_programming, "BUILDING", 1e-3)
    asked = []

    def counted(field, pairs, slots, *others):
        found = integer_programming.search(field, pairs, slots, *others)
        asked.append((len(slots), found.work))
        return found

    monkeypatch.setattr(own_rounds, "search", counted)
    solve(read_input(made_long_event(3, people=14, rounds=16)))
    assert asked
    assert all(work > slots * 1e-3 for slots, work in asked)
    # No question is asked when the work is used up; the last one may take a little more.
    assert sum(work for _, work in asked[:-1]) < own_rounds.WORK
