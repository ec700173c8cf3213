"""What organizers read of a plan: what has changed, why two meet, and how far the plan can be trusted."""

from collections.abc import Callable

import canned
import pytest
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PLAN = f"/programs/{canned.PROGRAM}#plan"
PATH = f"/programs/{canned.PROGRAM}/plan"

HEADINGS = {
    "en-GB": ("What changed with revision 3", ["No longer held", "New", "In another round"], "Round 2 · "),
    "id-ID": ("Yang berubah pada revisi 3", ["Tidak diadakan lagi", "Baru", "Pindah ronde"], "Ronde 2 · "),
}


@pytest.mark.parametrize("language", HEADINGS)
def test_what_changed_is_told_by_kind_and_with_names(gateway: FakeGateway, open_page: OpenPage, language: str) -> None:
    gateway.plan |= {
        "revision": 3,
        "changes": [
            canned.change("moved", 4, 14, 2, "mentor-1 is needed"),
            canned.change("added", 3, 13, 4, "a seat was free"),
            canned.change("released", 5, 16, 1, "mentor mentor-1 is absent from round 2 on"),
            canned.change("released", 2, 13, 1, "mentor mentor-1 is absent from round 2 on"),
        ],
    }
    heading, kinds, second = HEADINGS[language]
    changes = open_page(PLAN, locale=language).locator(".changes")
    expect(changes.get_by_role("heading", level=2)).to_have_text(heading)
    expect(changes.get_by_role("heading", level=3)).to_have_text(kinds)
    names = {each: person["name"] for each, person in gateway.people.items()}
    # The earliest first; the gateway has translated the reason, and the page puts names into it.
    first = changes.locator("li").first
    expect(first).to_contain_text(second)
    expect(first).to_contain_text(names["mentee-13"])
    expect(first).to_contain_text(f"– mentor {names['mentor-1']} is absent from round 2 on")
    expect(changes).not_to_contain_text("mentor-1")


def test_many_changes_are_folded_up_and_open_by_keyboard(gateway: FakeGateway, open_page: OpenPage) -> None:
    gateway.plan["changes"] = [canned.change("added", 3, 13 + number, 4, "a seat was free") for number in range(7)]
    page = open_page(PLAN)
    items = page.locator(".changes li")
    expect(page.locator(".changes summary")).to_contain_text("7")
    expect(items.first).to_be_hidden()
    page.locator(".changes summary").focus()
    page.keyboard.press("Enter")
    expect(items.first).to_be_visible()
    expect(items).to_have_count(7)


def test_a_plan_that_has_changed_nothing_says_nothing_of_changes(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(PLAN)
    expect(page.locator(".timetable")).to_have_count(2)
    expect(page.locator(".changes")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "value", "topics"), [("en-GB", "Value 640", "Topics"), ("id-ID", "Nilai 640", "Topik")]
)
def test_why_two_meet_opens_by_keyboard(
    gateway: FakeGateway, open_page: OpenPage, language: str, value: str, topics: str
) -> None:
    page = open_page(PLAN, locale=language)
    meeting = page.locator(".timetable .why").first
    meeting.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(meeting).to_contain_text(value)
    expect(meeting.locator("dd")).to_have_text(["420", "100", "80", "40"])
    # What weighs most comes first, with what the mentee asks about and the mentor knows.
    expect(meeting.locator("dt").first).to_have_text(f"{topics}Funding")


def test_why_two_meet_opens_by_touch(gateway: FakeGateway, open_page: OpenPage) -> None:
    for meeting in gateway.plan["meetings"]:
        meeting["because"] = {"given": 640}
    page = open_page(PLAN, width=390, height=844, has_touch=True)
    meeting = page.locator(".timetable .why").first
    meeting.locator("summary").tap()
    expect(meeting.locator("dl")).to_have_text("Given beforehand640")


def test_why_a_mentee_meets_nobody_is_said_with_names(gateway: FakeGateway, open_page: OpenPage) -> None:
    gateway.plan["unmet"] = [{"mentee": "mentee-20", "meetings": 0, "reason": "tidak hadir; mentor-1 akan melayani"}]
    page = open_page(PLAN)
    mentee, mentor = (gateway.people[each]["name"] for each in ("mentee-20", "mentor-1"))
    expect(page.locator("li", has_text="0 meetings")).to_have_text(
        f"{mentee}: 0 meetings – tidak hadir; {mentor} akan melayani"
    )


def test_a_plan_under_way_shows_how_far_it_is_and_can_be_stopped(gateway: FakeGateway, open_page: OpenPage) -> None:
    gateway.plan |= {"state": "planning", "progress": 0.4}
    page = open_page(PLAN)
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_js_property("value", 0.4)
    stop = page.get_by_role("button", name="Stop planning")
    stop.focus()
    gateway.plan["progress"] = 0.8
    expect(bar).to_have_js_property("value", 0.8)
    # Whoever came by keyboard is not thrown off the button by what moves on.
    expect(stop).to_be_focused()
    stop.click()
    expect(page.get_by_role("button", name="Plan anew")).to_be_visible()
    assert gateway.calls[-1][1] == f"{PATH}/cancellation"


@pytest.mark.parametrize(
    ("language", "warning", "again"),
    [
        ("en-GB", "may not fit any more whoever takes part", "Plan anew"),
        ("id-ID", "mungkin tidak cocok lagi dengan peserta yang ada", "Susun ulang"),
    ],
)
def test_a_plan_that_was_called_off_is_not_praised(
    gateway: FakeGateway, open_page: OpenPage, language: str, warning: str, again: str
) -> None:
    assert gateway.plan["quality"]["certified"]
    gateway.plan["state"] = "cancelled"
    page = open_page(PLAN, locale=language)
    expect(page.locator("#view-plan .notice")).to_contain_text(warning)
    expect(page.locator(".quality h2")).to_be_visible()
    expect(page.locator(".quality.proved")).to_have_count(0)
    expect(page.locator(".timetable").first).to_be_visible()
    page.get_by_role("button", name=again).click()
    expect(page.locator(".quality.proved")).to_be_visible()
    assert gateway.calls == [("POST", PATH, {})]


def test_a_first_plan_that_was_called_off_says_that_there_is_none(gateway: FakeGateway, open_page: OpenPage) -> None:
    gateway.plan |= {"state": "cancelled", "revision": 0, "quality": None, "meetings": [], "unmet": []}
    page = open_page(PLAN)
    expect(page.locator("#view-plan .notice")).to_contain_text("There is no plan yet")
    expect(page.get_by_role("button", name="Make the plan")).to_be_visible()


def test_why_planning_failed_is_said_beside_the_plan_that_holds(gateway: FakeGateway, open_page: OpenPage) -> None:
    gateway.plan |= {"state": "failed", "failure": "Perencana tidak dapat menyusun rencana ini."}
    page = open_page(PLAN)
    expect(page.get_by_role("alert").filter(has_text="Perencana")).to_contain_text("try again")
    expect(page.locator(".quality h2")).to_have_text("The plan that holds for now")
    expect(page.locator(".timetable").first).to_be_visible()
