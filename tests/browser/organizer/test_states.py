"""Where a program stands, when it begins and what is missing: told on every page, and told anew while it is open."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import canned
import pytest
from as_participant import as_participant
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PROGRAM = f"/programs/{canned.PROGRAM}"
WALL = f"/wall/{canned.PROGRAM}/jkt"
#: The night on which the clocks of Berlin go back: 2:54 comes before 2:10.
BACK = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
#: And that on which they go forward: 1:54 is followed by 3:06.
FORWARD = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
BERLIN = "Europe/Berlin"
LATER = "const real = window.setInterval; window.setInterval = (run, wait) => real(run, Math.min(wait, 500));"


def attention(starts_at: datetime, when: str) -> list[dict[str, Any]]:
    """A plan is missing."""
    return [{"code": "no-plan", "when": when, "starts_at": canned.write(starts_at), "sites": ["jkt", "dps"]}]


@pytest.mark.parametrize(
    ("state", "said"),
    [("running", "Under way"), ("finished", "Rounds are over"), ("closed", "Closed, with a report")],
)
def test_cards_and_overview_tell_where_a_program_stands(
    gateway: FakeGateway, open_page: OpenPage, state: str, said: str
) -> None:
    gateway.program |= {"state": state}
    card = open_page("/programs").locator("#programs .card")
    expect(card.locator(".badge")).to_have_text(said)
    expect(open_page(PROGRAM).locator("#heading .badge")).to_have_text(said)


def test_a_moved_start_is_the_one_that_is_shown_with_what_was_published(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    for site in gateway.program["sites"]:
        site |= {"starts_at": "2026-12-08T02:30:00.000Z", "published_starts_at": "2026-12-05T02:00:00.000Z"}
    moved = "Tue 8 Dec, 09:30 (moved from Sat 5 Dec, 09:00)"
    expect(open_page("/programs").locator("#programs .card")).to_contain_text(moved)
    overview = open_page(PROGRAM).locator("#view-overview")
    expect(overview).to_contain_text(moved)
    expect(overview).to_contain_text("Tue 8 Dec, 10:30 (moved from Sat 5 Dec, 10:00)")


def test_organizers_are_told_that_a_plan_is_missing_while_the_page_is_open(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    start = datetime(2026, 12, 5, 2, tzinfo=UTC)
    pages = [open_page("/programs", before=LATER), open_page(f"{PROGRAM}#check-in", before=LATER)]
    for page in pages:
        expect(page.locator(".badge").first).to_be_visible()
        expect(page.locator("[data-attention]")).to_have_count(0)
    gateway.program |= {"attention": attention(start, "soon")}
    for page in pages:
        expect(page.locator("[data-attention]")).to_contain_text("There is no plan yet")
        expect(page.locator("[data-attention]")).to_contain_text("Sat 5 Dec, 09:00")
    gateway.program |= {"attention": attention(start, "passed")}
    for page in pages:
        expect(page.locator("[data-attention]")).to_contain_text("The start was Sat 5 Dec, 09:00, and there is no plan")
    pages[0].get_by_role("link", name="Make the plan").focus()
    gateway.program |= {"mentors": 13}
    expect(pages[0].locator("#programs")).to_contain_text("13 mentors")
    assert pages[0].evaluate("document.activeElement.closest('[data-program]')?.dataset.program") == canned.PROGRAM
    pages[0].get_by_role("link", name="Make the plan").click()
    expect(pages[0].locator("#view-plan")).to_be_visible()
    gateway.program |= {"attention": []}
    expect(pages[1].locator("[data-attention]")).to_have_count(0)


def test_a_wall_without_a_timetable_says_what_is_missing_until_there_is_one(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    wall = open_page(WALL, 1920, 1080, before=LATER)
    gateway.program |= {"state": "draft"}
    expect(wall.locator("#phase")).to_have_text("The program is not published yet.")
    gateway.program |= {"state": "published"}
    gateway.program["sites"][0] |= {"starts_at": canned.write(gateway.now() + timedelta(seconds=8))}
    expect(wall.locator("#phase")).to_have_text("There is no plan yet")
    expect(wall.locator("#next")).to_contain_text("Round 1 is to begin")
    expect(wall.locator("#phase")).to_have_text("There is no plan, so nothing rings")
    expect(wall.locator("#next")).to_contain_text("make the plan on the page of the program")
    assert not wall.locator("#count").is_visible()
    gateway.tell(canned.session(gateway.now() - timedelta(seconds=60)))
    expect(wall.locator("#phase")).to_have_text("Round 1 of 6")
    expect(wall.locator("#count")).to_contain_text(":")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": "cancelled"}, "This program does not take place."),
        ({"sites": []}, "The program has no such site."),
    ],
)
def test_a_wall_on_which_nothing_will_count_down_says_why(
    gateway: FakeGateway, open_page: OpenPage, change: dict[str, Any], said: str
) -> None:
    gateway.program |= change
    expect(open_page(WALL).locator("#phase")).to_have_text(said)


def test_participants_read_when_it_begins_by_the_timetable_that_holds(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    gateway.program["sites"][0] |= {"starts_at": "2099-12-05T02:00:00.000Z"}
    page = open_page("/me", 390, 844, before=as_participant("mentee-13"))
    expect(page.locator("#where")).to_contain_text("Sat 5 Dec, 09:00")
    gateway.tell(canned.session(datetime(2099, 12, 8, 2, 30, tzinfo=UTC)))
    expect(page.locator("#where")).to_contain_text("Tue 8 Dec, 09:30")


@pytest.mark.parametrize(
    ("start", "language", "times"),
    [
        (BACK, "en", ["02:30 CEST–02:40 CEST", "02:42 CEST–02:52 CEST", "02:54 CEST–02:04 CET"]),
        (BACK, "id", ["02.30 GMT+2–02.40 GMT+2", "02.42 GMT+2–02.52 GMT+2", "02.54 GMT+2–02.04 GMT+1"]),
        (FORWARD, "en", ["01:30 CET–01:40 CET", "01:42 CET–01:52 CET", "01:54 CET–03:04 CEST"]),
        (BACK + timedelta(days=1), "en", ["01:30–01:40", "01:42–01:52", "01:54–02:04"]),
    ],
)
def test_times_in_a_night_of_changing_clocks_tell_by_which_clock(
    gateway: FakeGateway, open_page: OpenPage, start: datetime, language: str, times: list[str]
) -> None:
    gateway.tell({**canned.session(start), "time_zone": BERLIN})
    page = open_page(f"/me?lang={language}", 390, 844, before=as_participant("mentee-13"))
    whens = page.locator(".meeting")
    expect(whens).to_have_count(6)
    shown = [whens.nth(number).inner_text() for number in range(3)]
    assert all(time in text for time, text in zip(times, shown, strict=True)), shown


def test_no_two_instants_of_a_night_read_alike_in_any_zone(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/programs")
    alike = page.evaluate(
        """async () => {
        const { timeOfDay } = await import("/assets/base/words.js");
        const day = 86_400_000, step = 10 * 60_000, found = [];
        const from = Date.UTC(2026, 8, 1), until = Date.UTC(2027, 4, 1);
        for (const zone of Intl.supportedValuesOf("timeZone")) {
            const offset = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" });
            const at = (instant) => offset.formatToParts(instant).find(({ type }) => type === "timeZoneName").value;
            for (let night = from; night < until; night += day) {
                if (at(night) === at(night + day)) continue;
                const seen = new Map();
                for (let instant = night - 6 * step; instant < night + day + 12 * step; instant += step) {
                    const said = timeOfDay(instant, zone);
                    // A day later the same time comes again, and is said to be another day's.
                    if (instant - (seen.get(said) ?? -Infinity) < day / 2) found.push([zone, said]);
                    seen.set(said, instant);
                }
            }
        }
        return found;
    }"""
    )
    assert alike == []
