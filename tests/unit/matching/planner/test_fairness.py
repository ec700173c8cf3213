"""Fairness comes first, also where rounds that not everybody has decide who can have how much."""

import random

import pytest
from made_events import CONTESTED, made_contested_event, made_event, made_revision
from plan_oracle import Oracle, value_of
from plan_rules import broken_rules, counts_of

from services.matching.planner import read_input, solve
from services.matching.planner.rounds import own_rounds


def event(rounds, mentors, mentees, scores):
    return {
        "format": "speedmentor.plan-input/1",
        "rounds": rounds,
        "mentors": [{"id": each, "rounds": there} for each, there in mentors.items()],
        "mentees": [{"id": each, "rounds": there} for each, there in mentees.items()],
        "scores": scores,
    }


def counted(document, plan):
    return sorted(counts_of(document, plan["meetings"]).values())


def as_fair_and_good_as_integer_programming(document, seed=None):
    plan = solve(read_input(document)).to_document()
    assert not broken_rules(document, plan), seed
    oracle = Oracle(document)
    assert counted(document, plan) == oracle.fairest(), seed
    assert value_of(document, plan) == oracle.best_value(), seed
    assert plan["quality"]["certified"], seed
    return plan


def test_two_meetings_for_everybody_are_fairer_than_one_three_and_three():
    # One, three and three are more meetings, and more by every sum whose rewards fall evenly.
    document = event(4, CONTESTED["mentors"], CONTESTED["mentees"], [[*pair, 10] for pair in CONTESTED["pairs"]])
    plan = as_fair_and_good_as_integer_programming(document)
    assert counted(document, plan) == [2, 2, 2]
    assert plan["quality"]["score"] == plan["quality"]["bound"] == 60


def test_fairness_is_settled_before_scores_among_many_overlapping_absences():
    scores = {
        "e0": {"m0": 31, "m2": 24, "m5": 0},
        "e1": {"m1": 8, "m2": 18},
        "e2": {"m1": 35, "m2": 25, "m3": 40, "m5": 45},
        "e3": {"m0": 42, "m1": 1, "m4": 16},
        "e4": {"m0": 21, "m1": 42, "m3": 1, "m4": 32, "m5": 17},
    }
    document = event(
        5,
        {"m0": [1, 4], "m1": [1, 3, 4], "m2": [1, 2], "m3": [5], "m4": [4], "m5": [2, 5]},
        {"e0": [2, 3], "e1": [1, 2, 3, 5], "e2": [1, 2, 3, 4, 5], "e3": [1, 2, 3, 4, 5], "e4": [2, 5]},
        [[e, m, score] for e, row in scores.items() for m, score in row.items()],
    )
    assert counted(document, as_fair_and_good_as_integer_programming(document)) == [1, 2, 2, 2, 2]


@pytest.mark.parametrize("batch", range(4))
def test_where_rounds_are_contested_the_plan_is_the_fairest_and_then_the_best(batch):
    for seed in range(batch * 25, batch * 25 + 25):
        as_fair_and_good_as_integer_programming(made_contested_event(seed), seed)


@pytest.mark.parametrize("batch", range(4))
def test_an_announced_plan_is_mended_fairly_first_where_rounds_are_contested(batch):
    for seed in range(batch * 25, batch * 25 + 25):
        document = made_contested_event(seed)
        announced = solve(read_input(document)).to_document()
        as_fair_and_good_as_integer_programming(made_revision(document, announced, random.Random(seed)), seed)


@pytest.mark.parametrize("batch", range(3))
def test_without_time_to_search_nothing_is_certified_that_is_not_the_fairest_and_best(batch, monkeypatch):
    monkeypatch.setattr(own_rounds, "WORK", 0.0)
    certified = []
    for seed in range(batch * 25, batch * 25 + 25):
        for document in (made_contested_event(seed), made_event(seed, breaks=True)):
            plan = solve(read_input(document)).to_document()
            assert not broken_rules(document, plan), seed
            quality = plan["quality"]
            fair = Oracle(document)
            fair.as_fair_as(plan["meetings"])
            assert quality["score"] <= fair.best_value() <= quality["bound"], seed
            if quality["certified"]:
                assert counted(document, plan) == Oracle(document).fairest(), seed
            certified.append(quality["certified"])
    assert True in certified
    assert False in certified
