"""Somebody who takes part as mentor and as mentee is at one table a round, and plans are as good as that allows."""

import random

import pytest
from made_events import made_event, made_revision, tied
from plan_oracle import Oracle, value_of
from plan_rules import broken_rules, counts_of, doubles

from services.matching.planner import read_input, solve
from services.matching.planner.rounds import drafts, own_rounds


@pytest.mark.parametrize("batch", range(4))
def test_random_events_are_planned_as_fairly_and_as_well_as_by_integer_programming(batch):
    certified = number = 0
    for seed in range(batch * 30, batch * 30 + 30):
        document = tied(made_event(seed, breaks=seed % 3 == 0), seed)
        plan = solve(read_input(document)).to_document()
        assert not broken_rules(document, plan), seed
        if not doubles(document):
            continue
        oracle = Oracle(document)
        fairest = sorted(counts_of(document, plan["meetings"]).values())
        number += 1
        certified += plan["quality"]["certified"]
        if plan["quality"]["certified"]:
            assert (fairest, value_of(document, plan)) == (oracle.fairest(), oracle.best_value()), seed
        else:
            assert fairest <= oracle.fairest()
            assert fairest < oracle.fairest() or plan["quality"]["bound"] >= oracle.best_value()
    assert number > 5
    assert certified >= 0.9 * number


@pytest.mark.parametrize("seed", range(20))
def test_plans_that_are_mended_keep_to_it_too(seed):
    document = tied(made_event(seed), seed)
    plan = solve(read_input(document)).to_document()
    revision = made_revision(document, plan, random.Random(seed))
    assert not broken_rules(revision, solve(read_input(revision)).to_document())


def test_somebody_who_asks_at_one_site_and_is_asked_at_another_is_at_one_table_a_round():
    document = {
        "format": "speedmentor.plan-input/1",
        "rounds": 2,
        "mentors": [{"id": "m1", "site": "a"}, {"id": "m2", "site": "b", "person": "p"}],
        "mentees": [{"id": "e1", "site": "a", "person": "p"}, {"id": "e2", "site": "b"}],
    }
    plan = solve(read_input(document)).to_document()
    assert not broken_rules(document, plan)
    assert plan["quality"]["meetings"] == 2


@pytest.mark.parametrize("most", [0, 10**9])
def test_at_a_large_site_too(most, monkeypatch):
    monkeypatch.setattr(drafts, "MOST_TRIED", most)
    monkeypatch.setattr(own_rounds, "MOST_TRIED", most)
    monkeypatch.setattr(own_rounds, "MOST_SLOTS", 0)
    mentors = [{"id": f"m{number}", "person": f"p{number}"} for number in range(20)]
    mentees = [{"id": f"e{number}", "person": f"p{number * 4}"} for number in range(60)]
    document = {"format": "speedmentor.plan-input/1", "rounds": 6, "mentors": mentors, "mentees": mentees}
    plan = solve(read_input(document)).to_document()
    assert not broken_rules(document, plan)
    assert plan["quality"]["least"] >= 1
