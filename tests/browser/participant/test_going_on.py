"""Whom participants would go on with after the event, and whom it became."""

from collections.abc import Callable
from datetime import timedelta

import canned
import pytest
from as_participant import as_participant
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PROGRAM = f"/programs/{canned.PROGRAM}"


def test_whom_one_would_go_on_with_is_put_in_order_by_keyboard(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", width=390, height=844, before=as_participant("mentee-13"))
    names = [begun.people[each]["name"] for each in begun.ranking["met"]]
    for name in names[:2]:
        page.get_by_role("button", name=f"Go on with {name}").first.focus()
        page.keyboard.press("Enter")
    page.get_by_role("button", name=f"Move {names[1]} up").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#ranking-list li b")).to_have_text([names[1], names[0]])
    expect(page.locator("#ranking-capacity")).to_be_hidden()
    page.locator("#ranking-form").get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("saved")
    assert begun.calls[-1] == ("PUT", f"{PROGRAM}/ranking", {"ranks": ["mentor-2", "mentor-1"]})


def test_a_participant_reads_with_whom_it_goes_on_once_that_is_announced(
    begun: FakeGateway, open_page: OpenPage
) -> None:
    page = open_page("/me", width=390, height=844, before=as_participant("mentor-1"))
    expect(page.locator("#ranking")).to_be_visible()
    begun.announce({"revision": 1, "pairs": [{"pair_id": "p", "mentor_id": "mentor-1", "mentee_id": "mentee-13"}]})
    expect(page.locator("#pair-list")).to_contain_text(begun.people["mentee-13"]["name"])
    expect(page.locator("#ranking-capacity")).to_be_visible()


def test_what_a_mentor_types_stays_while_the_event_goes_on(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", width=390, height=844, before=as_participant("mentor-1"))
    places = page.locator("#ranking-places")
    places.fill("4")
    # A change of phase and an announcement both have the page look again at what is known.
    begun.tell(canned.session(begun.now() - timedelta(seconds=2 * 720 + 5), revision=2))
    expect(page.locator("#phase")).to_have_text("Round 3 of 6")
    begun.announce({"revision": 1, "pairs": [{"pair_id": "p", "mentor_id": "mentor-1", "mentee_id": "mentee-13"}]})
    expect(page.locator("#pair-list")).to_contain_text(begun.people["mentee-13"]["name"])
    expect(places).to_have_value("4")
    page.locator("#ranking-form").get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("saved")
    assert begun.calls[-1] == ("PUT", f"{PROGRAM}/ranking", {"ranks": [], "capacity": 4})


@pytest.mark.parametrize(
    ("language", "left_empty"),
    [("en-GB", "Left empty, the organizer decides."), ("id-ID", "Jika dikosongkan, penyelenggara yang menentukan.")],
)
def test_a_mentor_who_says_no_number_leaves_it_to_the_organizer(
    begun: FakeGateway, open_page: OpenPage, language: str, left_empty: str
) -> None:
    page = open_page("/me", width=390, height=844, locale=language, before=as_participant("mentor-1"))
    expect(page.locator("#ranking-places")).to_have_value("")
    expect(page.locator("#ranking-places")).to_have_accessible_description(left_empty)
    page.locator("#ranking-form button.main").click()
    expect(page.locator("#said")).to_be_visible()
    assert begun.calls[-1] == ("PUT", f"{PROGRAM}/ranking", {"ranks": [], "capacity": None})


def test_a_mentor_may_take_a_number_back(begun: FakeGateway, open_page: OpenPage) -> None:
    begun.ranking["capacity"] = 2
    page = open_page("/me", width=390, height=844, before=as_participant("mentor-1"))
    expect(page.locator("#ranking-places")).to_have_value("2")
    page.locator("#ranking-places").fill("")
    page.locator("#ranking-form button.main").click()
    expect(page.locator("#said")).to_be_visible()
    assert begun.calls[-1][2]["capacity"] is None
