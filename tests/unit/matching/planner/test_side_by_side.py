"""Sites that share nobody are planned in processes side by side: the same plan, told of and stopped on the way."""

import multiprocessing

import pytest
from made_events import made_event

from services.matching.planner import parallel, read_input, solve


@pytest.fixture
def processes_always_pay(monkeypatch):
    monkeypatch.setattr(parallel, "ENOUGH", 0)


def event(breaks=False):
    document = made_event(7, mentees=120, mentors=40, rounds=5, sites=6, breaks=breaks, given=0, full=True)
    for role in ("mentors", "mentees"):
        for number, each in enumerate(document[role]):
            each.update(site=f"s{number % 6}", remote=False)
    return document


def plan_of(document, **options):
    plan = solve(read_input(document), **options).to_document()
    plan["quality"].pop("seconds")
    return plan


@pytest.mark.usefixtures("processes_always_pay")
@pytest.mark.parametrize("breaks", [False, True])
def test_processes_give_the_same_plan_as_one(breaks):
    document = event(breaks)
    assert plan_of(document, workers=2) == plan_of(document, workers=1)


@pytest.mark.usefixtures("processes_always_pay")
@pytest.mark.parametrize("workers", [1, 2])
def test_progress_grows_to_the_whole(workers):
    shares = []
    plan_of(event(), workers=workers, progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) == 6
    assert shares[-1] == 1


class Enough(Exception):
    pass


@pytest.mark.usefixtures("processes_always_pay")
@pytest.mark.parametrize("workers", [1, 2])
def test_what_progress_raises_ends_the_planning_and_leaves_no_process(workers):
    def stop(share):
        raise Enough

    with pytest.raises(Enough):
        plan_of(event(), workers=workers, progress=stop)
    assert not multiprocessing.active_children()
