"""Before the event participants say whom they would like to meet, and mentees whom they would rather not meet."""

from collections.abc import Callable
from datetime import timedelta

import canned
import pytest
from as_participant import as_participant
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def ahead(gateway: FakeGateway) -> FakeGateway:
    """A gateway with a session that begins in an hour."""
    gateway.tell(canned.session(gateway.now() + timedelta(hours=1)))
    return gateway


def last_said(gateway: FakeGateway, who: str) -> dict[str, list[str]]:
    """The wishes that were saved last."""
    method, path, body = gateway.calls[-1]
    assert (method, path) == ("PUT", f"/participants/{who}/preferences")
    return body


def test_a_mentee_chooses_mentors_and_puts_them_in_order_by_keyboard(ahead: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", **PHONE, before=as_participant("mentee-13"))
    page.get_by_text("Choose people").focus()
    page.keyboard.press("Enter")
    one, two, three = (ahead.people[f"mentor-{number}"]["name"] for number in (1, 2, 4))
    for name, press in (
        (one, "I would like to meet"),
        (two, "I would like to meet"),
        (three, "I would rather not meet"),
    ):
        page.get_by_role("button", name=f"{press} {name}").focus()
        page.keyboard.press("Enter")
        # Whoever came by keyboard goes on with the next one, not from the top of the page.
        expect(page.locator(".candidates button:focus")).to_have_count(1)
    page.get_by_role("button", name=f"Move {two} up").click()
    expect(page.locator("#wants-list b")).to_have_text([two, one])
    expect(page.locator("#avoids-list b")).to_have_text([three])
    expect(page.locator(".candidates b", has_text=three)).to_have_count(0)
    page.get_by_role("button", name="Save my wishes").click()
    expect(page.locator("#said")).to_contain_text("Your wishes are saved")
    assert last_said(ahead, "mentee-13") == {"wants": ["mentor-2", "mentor-1"], "avoids": ["mentor-4"]}


@pytest.mark.parametrize(
    ("language", "off", "no_more"),
    [
        ("en-GB", "Take {} off the wishes", "Do not avoid {} any more"),
        ("id-ID", "Keluarkan {} dari keinginan", "Jangan hindari {} lagi"),
    ],
)
def test_what_was_wished_before_can_be_taken_back(
    ahead: FakeGateway, open_page: OpenPage, language: str, off: str, no_more: str
) -> None:
    ahead.people["mentee-13"] |= {"wants": ["mentor-1", "mentor-2"], "avoids": ["mentor-4"]}
    page = open_page("/me", **PHONE, locale=language, before=as_participant("mentee-13"))
    one, other = (ahead.people[f"mentor-{number}"]["name"] for number in (1, 4))
    page.get_by_role("button", name=off.format(one)).click()
    page.get_by_role("button", name=no_more.format(other)).click()
    page.locator("#preferences-form button.main").click()
    expect(page.locator("#said")).to_be_visible()
    assert last_said(ahead, "mentee-13") == {"wants": ["mentor-2"], "avoids": []}


def test_only_those_whom_the_plan_can_bring_together_are_offered(ahead: FakeGateway, open_page: OpenPage) -> None:
    ahead.people["mentor-1"]["status"] = "withdrawn"
    page = open_page("/me", **PHONE, before=as_participant("mentee-13"))
    page.get_by_text("Choose people").click()
    expected = {
        each["name"]
        for each in ahead.people.values()
        if each["role"] == "mentor" and each["site_id"] == "jkt" and each["participant_id"] != "mentor-1"
    }
    offered = page.locator(".candidates > li > div > b")
    expect(offered).to_have_count(len(expected))
    assert set(offered.all_text_contents()) == expected


def test_over_a_screen_others_are_in_reach_too(ahead: FakeGateway, open_page: OpenPage) -> None:
    for who in ("mentee-13", "mentor-0"):
        ahead.people[who]["remote"] = True
    assert ahead.people["mentor-0"]["site_id"] != ahead.people["mentee-13"]["site_id"]
    page = open_page("/me", **PHONE, before=as_participant("mentee-13"))
    page.get_by_text("Choose people").click()
    offered = page.locator(".candidates > li > div > b")
    expect(offered.filter(has_text=ahead.people["mentor-0"]["name"])).to_have_count(1)
    # At that other site, and not over a screen.
    expect(offered.filter(has_text=ahead.people["mentor-3"]["name"])).to_have_count(0)


def test_mentors_are_found_by_topic(ahead: FakeGateway, open_page: OpenPage) -> None:
    ahead.people["mentor-2"]["topics"] = {"public-speaking": 5}
    page = open_page("/me", **PHONE, before=as_participant("mentee-13"))
    page.get_by_text("Choose people").click()
    page.get_by_label("Search by name or topic").fill("speaking")
    expect(page.locator(".candidates > li")).to_have_count(1)
    expect(page.locator(".candidates")).to_contain_text("Public speaking")


@pytest.mark.parametrize(
    ("language", "help_"),
    [
        ("en-GB", "Type at least 3 letters of a name that you know."),
        ("id-ID", "Ketik sedikitnya 3 huruf dari nama yang Anda kenal."),
    ],
)
def test_mentors_find_a_mentee_by_name_only_and_read_nothing_else(
    ahead: FakeGateway, open_page: OpenPage, language: str, help_: str
) -> None:
    ahead.people["mentor-1"] |= {"avoids": ["mentee-16"], "wants": []}
    name = ahead.people["mentee-13"]["name"]
    page = open_page("/me", **PHONE, locale=language, before=as_participant("mentor-1"))
    page.locator("#preferences-choice summary").click()
    expect(page.locator("#candidate-help")).to_have_text(help_)
    expect(page.locator(".candidates > li")).to_have_count(0)
    page.locator("#candidate-search").fill(name[:2])
    expect(page.locator(".candidates > li")).to_have_count(0)
    page.locator("#candidate-search").fill(name)
    expect(page.locator(".candidates > li")).to_have_count(1)
    expect(page.locator(".candidates b")).to_have_text(name)
    expect(page.locator(".candidates .chips")).to_have_count(0)
    expect(page.locator("#avoids")).to_be_hidden()
    page.locator(".candidates button").click()
    page.locator("#preferences-form button.main").click()
    expect(page.locator("#said")).to_be_visible()
    # What the organizer has entered for a mentor stays.
    assert last_said(ahead, "mentor-1") == {"wants": ["mentee-13"], "avoids": ["mentee-16"]}


def test_who_was_erased_does_not_stand_in_the_way_of_other_wishes(ahead: FakeGateway, open_page: OpenPage) -> None:
    ahead.people["mentee-13"] |= {"wants": ["gone", "mentor-2"], "avoids": ["gone-too"]}
    page = open_page("/me", **PHONE, before=as_participant("mentee-13"))
    page.get_by_role("button", name="Save my wishes").click()
    expect(page.locator("#said")).to_be_visible()
    assert last_said(ahead, "mentee-13") == {"wants": ["mentor-2"], "avoids": []}


def test_a_refusal_keeps_what_was_chosen(ahead: FakeGateway, open_page: OpenPage) -> None:
    ahead.people["mentee-13"]["wants"] = ["mentor-1"]
    ahead.answers["PUT", "/participants/mentee-13/preferences"] = (422, {"detail": "not like this"})
    page = open_page("/me", **PHONE, before=as_participant("mentee-13"))
    page.get_by_role("button", name="Save my wishes").click()
    expect(page.locator("#trouble")).to_contain_text("not like this")
    expect(page.locator("#wants-list b")).to_have_text([ahead.people["mentor-1"]["name"]])


def test_wishes_end_when_the_first_round_begins(ahead: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", **PHONE, before=as_participant("mentee-13"))
    expect(page.locator("#preferences")).to_be_visible()
    ahead.tell(canned.session(ahead.now() - timedelta(seconds=5), revision=2))
    expect(page.locator("#preferences")).to_be_hidden()


def test_who_withdraws_wishes_for_nobody_any_more(ahead: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", **PHONE, before=as_participant("mentee-13"))
    expect(page.locator("#preferences")).to_be_visible()
    page.get_by_text("I cannot come").click()
    page.locator("#withdraw").click()
    page.get_by_role("dialog").locator("button.main").click()
    expect(page.locator("#preferences")).to_be_hidden()
