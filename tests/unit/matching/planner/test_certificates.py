"""The proof that comes with a plan, checked by code that shares nothing with what made it."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_events import made_event, made_revision
from plan_rules import allowed_pairs, broken_rules, counts_of, frozen_meetings, people
from scipy.optimize import linprog
from scipy.sparse import coo_array

from services.matching.planner import read_input, solve

SOME = settings(max_examples=40, derandomize=True, suppress_health_check=list(HealthCheck))


def proved_bound(document, plan):
    """What the prices of ``plan`` prove: no plan earns more fairness (in units) and score than this, part by part."""
    mentees, mentors = people(document, "mentees"), people(document, "mentors")
    held = counts_of(document, frozen_meetings(document))
    given = dict.fromkeys(mentors, 0)
    for each in frozen_meetings(document):
        given[each["mentor"]] += 1
    allowed = allowed_pairs(document)
    bounds = []
    for result in plan.results:
        unit = result.prices.unit
        worth = {plan.mentee_ids[at]: int(w) for at, w in zip(result.part.mentees, result.prices.worth, strict=True)}
        price = {plan.mentor_ids[at]: int(p) for at, p in zip(result.part.mentors, result.prices.price, strict=True)}
        assert all(each >= 0 for each in price.values())
        bound = 0
        for e, value in worth.items():
            room = min(mentees[e]["max_meetings"] - held[e], len(mentees[e]["open"]), len(price))
            fairness = [document["rounds"] - held[e] - nth for nth in range(room)]
            bound += sum(max(0, unit * each - value) for each in fairness)
        for m, value in price.items():
            seats = mentors[m]["seats"] * len(mentors[m]["open"])
            bound += value * min(mentors[m]["max_meetings"] - given[m], seats, len(worth))
        for (e, m), score in allowed.items():
            if e in worth and m in price:
                bound += max(0, score + worth[e] - price[m])
        bounds.append((bound, unit * result.fairness + result.value))
        # Parts share no pair: what is allowed between them would be priced nowhere.
        across = [(e, m) for e, m in allowed if (e in worth) != (m in price)]
        assert not [(e, m) for e, m in across if mentees[e]["max_meetings"] and mentors[m]["max_meetings"]]
    return bounds


@SOME
@given(st.integers(0, 10**9))
def test_the_prices_of_a_plan_prove_that_nothing_earns_more(seed):
    document = made_event(seed, mentees=25, mentors=10, rounds=5, sites=3)
    plan = solve(read_input(document))
    assert plan.quality.certified
    for bound, earned in proved_bound(document, plan):
        assert bound == earned


@SOME
@given(st.integers(0, 10**9), st.booleans(), st.randoms(use_true_random=False))
def test_every_rule_holds_and_the_same_input_has_the_same_plan(seed, breaks, dice):
    document = made_event(seed, mentees=20, mentors=8, rounds=5, breaks=breaks)
    plan = solve(read_input(document)).to_document()
    assert not broken_rules(document, plan)
    revision = made_revision(document, plan, dice)
    mended = solve(read_input(revision)).to_document()
    assert not broken_rules(revision, mended)
    again = solve(read_input(revision)).to_document()
    assert {**again, "quality": {**again["quality"], "seconds": mended["quality"]["seconds"]}} == mended


@SOME
@given(st.integers(0, 10**9), st.randoms(use_true_random=False))
def test_the_order_of_the_people_decides_nothing_that_counts(seed, dice):
    document = made_event(seed, mentees=20, mentors=8, rounds=5)
    first = solve(read_input(document)).to_document()
    shuffled = {**document, "mentors": dice.sample(document["mentors"], len(document["mentors"])),
                "mentees": dice.sample(document["mentees"], len(document["mentees"]))}  # fmt: skip
    second = solve(read_input(shuffled)).to_document()
    counts = [sorted(counts_of(document, each["meetings"]).values()) for each in (first, second)]
    assert counts[0] == counts[1]
    assert first["quality"]["score"] == second["quality"]["score"]


def test_a_plan_that_was_announced_and_still_holds_is_kept_whole():
    for seed in range(20):
        document = made_event(seed, breaks=seed % 2 == 0)
        announced = solve(read_input(document)).to_document()
        keys = ("round", "mentee", "mentor", "table")
        document["current"] = [{key: each[key] for key in keys} for each in announced["meetings"]]
        document["change_cost"] = 100
        kept = solve(read_input(document))
        assert kept.to_document()["meetings"] == announced["meetings"]
        assert not kept.changes


@pytest.mark.parametrize(
    ("mentees", "mentors", "rounds", "kept"), [(60, 30, 60, 30), (40, 20, 30, 15), (20, 12, 20, 12)]
)
def test_an_announced_plan_is_kept_as_far_as_fairness_lets_it_however_many_rounds_there_are(
    mentees, mentors, rounds, kept
):
    """One mentee's whole day is announced; fairness leaves each of them ``kept`` meetings."""
    document = {
        "format": "speedmentor.plan-input/1",
        "rounds": rounds,
        "mentors": [{"id": f"m{at}"} for at in range(mentors)],
        "mentees": [{"id": f"e{at}"} for at in range(mentees)],
        "current": [{"round": at + 1, "mentee": "e0", "mentor": f"m{at}"} for at in range(mentors)],
        "change_cost": 1000,
    }
    quality = solve(read_input(document)).quality
    assert (quality.certified, quality.kept, quality.changed) == (True, kept, mentors - kept)


def linear_program(document):
    """Fairness and then score of the best fractional plan (HiGHS), rounds aside: no plan is above."""
    mentees, mentors = people(document, "mentees"), people(document, "mentors")
    pairs = sorted(allowed_pairs(document).items())
    rounds = document["rounds"]
    row_of = {name: at for at, name in enumerate([*(("e", e) for e in mentees), *(("m", m) for m in mentors)])}
    levels = [(e, k) for e in mentees for k in range(min(rounds, mentees[e]["max_meetings"]))]
    columns = len(pairs) + len(levels)
    rows, cols, values = [], [], []
    for at, ((e, m), _) in enumerate(pairs):
        rows += [row_of["e", e], row_of["m", m]]
        cols += [at, at]
        values += [1, 1]
    for at, (e, _) in enumerate(levels):
        rows.append(row_of["e", e])
        cols.append(len(pairs) + at)
        values.append(-1)
    matrix = coo_array((values, (rows, cols)), shape=(len(row_of), columns)).tocsr()
    count = len(mentees)
    room = [min(each["max_meetings"], rounds * each["seats"]) for each in mentors.values()]
    fairness = np.array([0] * len(pairs) + [rounds - k for _, k in levels], float)
    score = np.array([each for _, each in pairs] + [0] * len(levels), float)

    def best(objective, extra=None):
        less, most = matrix[count:], np.array(room, float)
        if extra is not None:
            from scipy.sparse import vstack

            less, most = vstack([less, coo_array(-fairness[None, :])]).tocsr(), np.append(most, -extra + 1e-6)
        found = linprog(
            -objective, A_ub=less, b_ub=most, A_eq=matrix[:count], b_eq=np.zeros(count), bounds=(0, 1), method="highs"
        )
        assert found.status == 0
        return -found.fun

    fairest = best(fairness)
    return round(fairest), best(score, extra=fairest)


@pytest.mark.parametrize(("mentees", "mentors", "seed"), [(40, 20, 1), (90, 30, 2), (200, 60, 3), (200, 60, 4)])
def test_plans_reach_the_linear_program(mentees, mentors, seed):
    document = made_event(seed, mentees=mentees, mentors=mentors, rounds=6, sites=3, full=True)
    plan = solve(read_input(document)).to_document()
    counts = counts_of(document, plan["meetings"]).values()
    fairest, value = linear_program(document)
    earned = sum(sum(document["rounds"] - k for k in range(count)) for count in counts)
    assert earned == fairest
    assert plan["quality"]["score"] == pytest.approx(value, abs=0.5)
    assert plan["quality"]["bound"] == plan["quality"]["score"]
