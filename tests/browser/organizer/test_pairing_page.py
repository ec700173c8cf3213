"""The organizer has the final pairs formed."""

from collections.abc import Callable

import canned
import pytest
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PROGRAM = f"/programs/{canned.PROGRAM}"


def test_the_pairs_are_formed_and_stand_side_by_side(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(f"{PROGRAM}#report")
    expect(page.locator("#view-report")).to_contain_text("9 by mentors, 17 by mentees")
    page.get_by_role("button", name="Form the pairs").click()
    page.get_by_label("Which pairs are announced").select_option("most-mutual")
    page.get_by_role("dialog").get_by_role("button", name="Form the pairs").click()
    row = page.locator("#view-report tr", has_text="announced")
    expect(row.locator("td")).to_have_text(["2", "0", "0", "1"])
    assert gateway.calls[-1] == ("POST", f"{PROGRAM}/pairing", {"method": "most-mutual", "top": 3, "capacity": 1})
    expect(page.locator("#view-report")).to_contain_text(gateway.people["mentee-20"]["name"])


def test_the_organizer_says_what_a_top_choice_is_and_how_many_places_there_are(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    page = open_page(f"{PROGRAM}#report")
    page.get_by_role("button", name="Form the pairs").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("How many names make a top choice").fill("5")
    dialog.get_by_label("Places of a mentor who says no number").fill("2")
    page.keyboard.press("Enter")
    expect(page.locator("#view-report")).to_contain_text("the first 5 of a list are top choices")
    assert gateway.calls == [("POST", f"{PROGRAM}/pairing", {"method": "stable", "top": 5, "capacity": 2})]
    # Formed anew, what was said before is where one begins.
    page.get_by_role("button", name="Form the pairs anew").click()
    expect(dialog.get_by_label("How many names make a top choice")).to_have_value("5")
    expect(dialog.get_by_label("Places of a mentor who says no number")).to_have_value("2")


@pytest.mark.parametrize(
    ("language", "fault"),
    [("en-GB", "Give a whole number from 1 to 100."), ("id-ID", "Isi bilangan bulat dari 1 sampai 100.")],
)
@pytest.mark.parametrize("entered", ["", "0", "101", "2.5"])
def test_a_number_that_cannot_be_is_said_at_its_field(
    gateway: FakeGateway, open_page: OpenPage, language: str, fault: str, entered: str
) -> None:
    page = open_page(f"{PROGRAM}#report", locale=language)
    page.locator(
        "#view-report button", has_text=("Form the pairs" if language == "en-GB" else "Bentuk pasangan")
    ).click()
    dialog = page.get_by_role("dialog")
    top = dialog.locator("[name=top]")
    top.fill(entered)
    dialog.locator("button.main").click()
    expect(dialog.locator("[data-fault=top]")).to_have_text(fault)
    expect(top).to_have_attribute("aria-invalid", "true")
    expect(top).to_be_focused()
    expect(dialog.locator("[data-fault=capacity]")).to_be_empty()
    assert not gateway.calls
    top.fill("4")
    dialog.locator("button.main").click()
    expect(dialog).to_have_count(0)
    assert gateway.calls[-1][2]["top"] == 4


def test_a_refusal_is_said_at_the_field_that_it_names(gateway: FakeGateway, open_page: OpenPage) -> None:
    fault = {"field": "/capacity", "what": "too many", "remedy": "give fewer"}
    gateway.answers["POST", f"{PROGRAM}/pairing"] = (422, {"detail": "No.", "problems": [fault]})
    page = open_page(f"{PROGRAM}#report")
    page.get_by_role("button", name="Form the pairs").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("button.main").click()
    expect(dialog.locator("[data-fault=capacity]")).to_have_text("too many: give fewer")
    expect(dialog.locator("[name=capacity]")).to_be_focused()
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_refusal_that_names_no_field_ends_the_question(gateway: FakeGateway, open_page: OpenPage) -> None:
    gateway.answers["POST", f"{PROGRAM}/pairing"] = (409, {"detail": "no round has begun"})
    page = open_page(f"{PROGRAM}#report")
    page.get_by_role("button", name="Form the pairs").click()
    page.get_by_role("dialog").locator("button.main").click()
    expect(page.locator("#trouble")).to_contain_text("no round has begun")
    expect(page.get_by_role("dialog")).to_have_count(0)
