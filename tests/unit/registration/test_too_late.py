"""What comes after its time is asked about, and taken with a yes; of a closed program nothing is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from services.registration.domain.program import Program, Site, State
from services.registration.domain.progress import Progress, SiteSession
from services.registration.domain.too_late import TimeCheck, require_start_ahead
from shared.faults import Conflict, Fault, Invalid

START = datetime(2026, 12, 5, 2, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


#: Three rounds of ten minutes with breaks of two: they end at 10, 22 and 34 minutes.
PROGRAM = Program(
    id="p",
    org="acme",
    key="k",
    title="t",
    rounds=3,
    round_seconds=600,
    break_seconds=120,
    warning_seconds=(),
    sites=(
        Site(id="jkt", name="Jakarta", time_zone="Asia/Jakarta", starts_at=START),
        Site(id="upg", name="Makassar", time_zone="Asia/Makassar", starts_at=at(60)),
    ),
    state=State.PUBLISHED,
)
NOTHING_HEARD = Progress(program_id="p")


def session(starts: float = 0, **more: object) -> Progress:
    """The timer's timetable of Jakarta."""
    ends = tuple(at(starts + end) for end in (10, 22, 34))
    timed = SiteSession(
        site_id="jkt",
        revision=2,
        starts_at=at(starts),
        ends_at=ends[-1],
        round_ends=ends,
        **more,  # type: ignore[arg-type]
    )
    return NOTHING_HEARD.take(timed)


@pytest.mark.parametrize(
    ("minutes", "progress", "over"),
    [
        (-5, NOTHING_HEARD, 0),
        (9, NOTHING_HEARD, 0),
        (10, NOTHING_HEARD, 1),
        (30, NOTHING_HEARD, 2),
        (34, NOTHING_HEARD, 3),
        # The start was moved: what was published holds no longer.
        (34, session(starts=20), 1),
        # While the session stands still no round ends.
        (34, session(stands_since=at(15), paused=True), 1),
        (15, session(finished=True), 3),
        (15, NOTHING_HEARD.take(SiteSession(site_id="jkt", finished=True)), 3),
    ],
)
def test_rounds_are_over_by_the_timers_timetable_or_as_published(minutes: float, progress: Progress, over: int) -> None:
    assert TimeCheck(PROGRAM, progress, at(minutes)).rounds_over("jkt") == over


def refusal(work: Callable[[], None]) -> Fault | None:
    try:
        work()
    except Fault as fault:
        return fault
    return None


@pytest.mark.parametrize(("from_round", "asked"), [(1, True), (2, True), (3, False), (4, False)])
def test_an_absence_from_a_round_that_is_over_is_asked_about_and_taken_with_a_yes(
    mentor, from_round: int, asked: bool
) -> None:
    def note(confirmed: tuple[str, ...] = ()) -> None:
        TimeCheck(PROGRAM, NOTHING_HEARD, at(25)).require_round_ahead(mentor, from_round, confirmed)

    fault = refusal(note)
    assert isinstance(fault, Invalid) is asked
    if fault is not None:
        (problem,) = fault.problems
        assert (problem.field, problem.remedy.params) == ("/from_round", {"round": 3})
        note(problem.confirm)


@pytest.mark.parametrize(("site", "minutes", "asked"), [("jkt", 33, False), ("jkt", 34, True), ("upg", 34, False)])
def test_whoever_comes_after_the_last_round_of_a_site_is_asked_about(site: str, minutes: float, asked: bool) -> None:
    def come(confirmed: tuple[str, ...] = (), program: Program = PROGRAM) -> None:
        TimeCheck(program, NOTHING_HEARD, at(minutes)).require_before_the_end(site, "/mentor/site_id", "Ann", confirmed)

    fault = refusal(come)
    assert isinstance(fault, Conflict) is asked
    if fault is not None:
        assert [each.field for each in fault.problems] == ["/mentor/site_id"]
        come(fault.problems[0].confirm)


def test_of_a_closed_program_nothing_is_taken_whatever_is_confirmed(mentor) -> None:
    closed = NOTHING_HEARD.close(at(50))
    check = TimeCheck(PROGRAM, closed, at(20))
    for work in (
        lambda: check.require_round_ahead(mentor, 3, ("any",)),
        lambda: check.require_before_the_end("jkt", "/mentor", "Ann", ("any",)),
    ):
        fault = refusal(work)
        assert isinstance(fault, Conflict)
        assert not fault.problems


def test_a_program_that_begins_in_the_past_is_asked_about_once_for_all_its_sites() -> None:
    require_start_ahead(PROGRAM, "program.toml", (), at(-1))
    for minutes, count in ((0, 1), (90, 2)):
        fault = refusal(partial(require_start_ahead, PROGRAM, "program.toml", (), at(minutes)))
        assert isinstance(fault, Invalid)
        (problem,) = fault.problems
        assert (problem.file, problem.field, problem.what.params["count"]) == ("program.toml", "/date", count)
        require_start_ahead(PROGRAM, "program.toml", problem.confirm, at(minutes))
