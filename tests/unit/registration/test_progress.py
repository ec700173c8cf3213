"""How far a program is: by the events of other services, in whatever order they come."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.registration.domain import progress
from services.registration.domain.progress import Progress, Standing, missing_plan, standing
from shared.events import Event, NewEvent, seal, write_time

START = datetime(2026, 12, 5, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def program(read, files):
    """Open day, published: four rounds at jkt from 2:00 UTC, all over at 2:46."""
    return read(files).program.publish()


@pytest.fixture
def two_sites(read, files):
    """The same, and two hours later at dps."""
    more = '[[sites]]\nid = "dps"\nname = "Denpasar"\ntime_zone = "Asia/Makassar"\nstart = "12:00"\n'
    return read({**files, "program.toml": files["program.toml"] + more}).program.publish()


def told(name: str, revision: int = 1, by: timedelta = timedelta(), site: str = "jkt", **data) -> Event:
    """An event of the session at ``site``, whose timetable begins ``by`` later than published."""
    start = START + by
    rounds = [start + number * 12 * MINUTE for number in range(4)]
    timetable = [
        {"round": number, "starts_at": write_time(each), "ends_at": write_time(each + 10 * MINUTE)}
        for number, each in enumerate(rounds, start=1)
    ]
    data = {"session_id": f"s-{site}", "program_id": "p", "site_id": site, "revision": revision, **data}
    if name != "session-finished":
        data["timetable"] = timetable
    return seal(NewEvent(f"session-timer.{name}", f"s-{site}", data), id="e", ordinal=revision, time=start)


def closed(at: datetime = START + 60 * MINUTE) -> Event:
    """The report is made."""
    return seal(NewEvent("feedback.program-report-ready", "p", {"program_id": "p"}), id="e", ordinal=1, time=at)


def heard(program, *events: Event) -> Progress:
    """The progress after these events."""
    found = progress.begin(program)
    for event in events:
        found = progress.hear(found, event)
    return found


SCHEDULED = told("session-scheduled")
MOVED = told("session-rescheduled", 2, timedelta(days=3), cause="start-shifted")
PAUSED = told("session-paused", 3, timedelta(days=3), round=1, at=write_time(START), cause="outage")
RESUMED = told("session-resumed", 4, timedelta(days=3), round=1, at=write_time(START))
FINISHED = told("session-finished", 4, rounds_held=4)


def test_a_program_stands_where_its_sessions_do(program):
    known = heard(program, SCHEDULED)

    assert standing(program, known, START - MINUTE) is Standing.PUBLISHED
    assert standing(program, known, START) is Standing.RUNNING
    assert standing(program, known, START + 45 * MINUTE) is Standing.RUNNING
    assert standing(program, known, START + 46 * MINUTE) is Standing.FINISHED, "the last bell may come late"
    assert standing(program, heard(program, SCHEDULED, closed()), START + 90 * MINUTE) is Standing.CLOSED


def test_a_start_that_was_moved_is_the_start(program):
    known = heard(program, SCHEDULED, MOVED)

    assert known.session("jkt").starts_at == START + timedelta(days=3)
    assert standing(program, known, START + MINUTE) is Standing.PUBLISHED


def test_a_session_that_stands_still_is_not_over_by_its_timetable(program):
    known = heard(program, SCHEDULED, MOVED, PAUSED)
    long_after = START + timedelta(days=4)

    assert standing(program, known, long_after) is Standing.RUNNING
    assert standing(program, progress.hear(known, RESUMED), long_after) is Standing.FINISHED


@pytest.mark.parametrize("order", list(itertools.permutations([SCHEDULED, MOVED, PAUSED, RESUMED, FINISHED])))
def test_of_two_revisions_the_higher_one_holds_in_any_order(program, order):
    known = heard(program, *order)

    assert known == heard(program, SCHEDULED, MOVED, PAUSED, RESUMED, FINISHED)
    assert (known.session("jkt").revision, known.session("jkt").finished) == (4, True)
    assert heard(program, *order, *order) == known, "what comes again changes nothing"


def test_a_program_is_finished_when_all_its_sites_are(two_sites):
    known = heard(two_sites, SCHEDULED, told("session-scheduled", site="dps", by=timedelta(hours=2)))

    assert standing(two_sites, known, START + 60 * MINUTE) is Standing.RUNNING, "one site is over, one to come"
    assert standing(two_sites, known, START + 166 * MINUTE) is Standing.FINISHED


def test_what_a_program_is_of_its_own_comes_first(program, read, files):
    draft = read(files).program
    known = heard(program, SCHEDULED, closed())

    assert standing(draft, Progress(program_id="p"), START + MINUTE) is Standing.DRAFT
    assert standing(program.cancel("venue"), known, START + MINUTE) is Standing.CANCELLED


def test_organizers_are_told_of_a_missing_plan_ahead_soon_and_when_the_start_has_passed(two_sites):
    waiting = heard(two_sites)

    ahead, soon, passed = (
        missing_plan(two_sites, waiting, at) for at in (START - timedelta(days=2), START - timedelta(hours=1), START)
    )
    assert [each.when for each in (ahead, soon, passed)] == ["ahead", "soon", "passed"]
    assert (passed.starts_at, passed.sites) == (START, ("jkt", "dps"))


def test_nobody_is_told_of_a_plan_that_is_there_or_not_wanted(program, read, files):
    assert missing_plan(program, heard(program, SCHEDULED), START) is None
    assert missing_plan(program.cancel("venue"), heard(program), START) is None
    assert missing_plan(read(files).program, Progress(program_id="p"), START) is None, "a draft has no start yet"
    assert missing_plan(program, Progress(program_id="p"), START) is None, "published before its events were heard"


def test_what_happened_before_its_events_were_heard_is_caught_up_with(program):
    session = {**MOVED.data, "paused_at": None, "state": "scheduled"}
    nothing = Progress(program_id=program.id)
    known = progress.catch_up(program, nothing, [session], write_time(START))

    assert known == replace(heard(program, SCHEDULED, MOVED), closed_at=START)
    assert progress.catch_up(program, nothing, [], None) == progress.begin(program)
    newer = progress.hear(nothing, PAUSED)
    assert progress.catch_up(program, newer, [session], None).session("jkt") == newer.session("jkt")
