"""Given everybody is available in every round, the plan is the best there is, and proved so."""

import pytest
from made_events import made_event
from plan_oracle import Oracle, value_of
from plan_rules import broken_rules, counts_of

from services.matching.planner import read_input, solve


@pytest.mark.parametrize("batch", range(10))
def test_five_hundred_random_events_are_planned_as_well_as_by_integer_programming(batch):
    for seed in range(batch * 50, batch * 50 + 50):
        document = made_event(seed)
        plan = solve(read_input(document)).to_document()
        assert not broken_rules(document, plan), seed
        oracle = Oracle(document)
        assert sorted(counts_of(document, plan["meetings"]).values()) == oracle.fairest(), seed
        assert value_of(document, plan) == oracle.best_value(), seed
        assert plan["quality"]["certified"], seed
        assert plan["quality"]["gap"] == 0, seed
