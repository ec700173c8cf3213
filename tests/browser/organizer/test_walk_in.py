"""Somebody at the door who is on no list is registered once, whatever goes wrong on the way."""

from collections.abc import Callable

import canned
import pytest
from fake_gateway import FakeGateway
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PROGRAM = f"/programs/{canned.PROGRAM}"
CHECK_IN = "/participants/new-36/check-in"


def filled(page: Page) -> Locator:
    """The form, with a mentor in it."""
    page.locator(".walk-in summary").click()
    form = page.locator(".walk-in form")
    form.locator("[name=role]").select_option("mentor")
    form.locator("[name=name]").fill("Zoë Ćosić")
    form.locator("[name=languages]").fill("id; en")
    form.get_by_label("Funding").select_option("4")
    return form


def test_who_is_on_no_list_is_registered_at_the_door_and_keeps_what_was_typed(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    page = open_page(f"{PROGRAM}#check-in")
    form = filled(page)
    refused = {"title": "Invalid", "detail": "The registration cannot be taken as it is.", "problems": []}
    gateway.answers["POST", f"{PROGRAM}/mentors"] = (422, refused)
    form.get_by_role("button", name="Register and check in").click()
    expect(page.locator("#trouble")).to_contain_text("cannot be taken")
    expect(form.get_by_label("Name")).to_have_value("Zoë Ćosić")
    del gateway.answers["POST", f"{PROGRAM}/mentors"]
    form.get_by_role("button", name="Register and check in").click()
    expect(page.locator("#said")).to_contain_text("Zoë Ćosić is registered and here. Access code: K7QF-0036")
    (registered, checked_in) = gateway.calls[-2:]
    mentor = {"name": "Zoë Ćosić", "site_id": "jkt", "languages": ["id", "en"], "topics": {"funding": 4}}
    assert registered == ("POST", f"{PROGRAM}/mentors", mentor)
    assert checked_in[1] == "/participants/new-36/check-in"
    page.get_by_label("Search by name").fill("cosic")
    expect(page.locator(".person")).to_have_count(1)


def test_what_looks_wrong_at_the_door_is_asked_about_and_taken_after_a_yes(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    page = open_page(f"{PROGRAM}#check-in")
    form = filled(page)
    asked = {"field": "/mentor/name", "what": "it was probably O'Neill", "remedy": "type it", "confirm": ["spoilt-1"]}
    refused = {"title": "Invalid", "detail": "It cannot be taken.", "problems": [asked]}
    gateway.answers["POST", f"{PROGRAM}/mentors"] = (422, refused)
    form.get_by_role("button", name="Register and check in").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("it was probably O'Neill")
    del gateway.answers["POST", f"{PROGRAM}/mentors"]
    dialog.get_by_role("button", name="It is meant so").click()
    expect(page.locator("#said")).to_contain_text("is registered and here")
    sent = [call[2].get("confirmed") for call in gateway.calls if call[1] == f"{PROGRAM}/mentors"]
    assert sent == [None, ["spoilt-1"]]


@pytest.mark.parametrize(
    ("language", "waiting", "again", "done"),
    [
        ("en-GB", "registered and on the list, but not checked in yet", "Check in Zoë Ćosić", "is registered and here"),
        ("id-ID", "sudah terdaftar dan ada di daftar", "Catat kehadiran Zoë Ćosić", "K7QF-0036"),
    ],
)
def test_only_the_check_in_is_tried_again_once_somebody_is_registered(
    gateway: FakeGateway, open_page: OpenPage, language: str, waiting: str, again: str, done: str
) -> None:
    gateway.answers["POST", CHECK_IN] = (409, {"detail": "not now"})
    page = open_page(f"{PROGRAM}#check-in", locale=language)
    filled(page).locator("button.main").click()
    expect(page.locator("#trouble")).to_contain_text("not now")
    expect(page.locator(".walk-in form")).to_be_hidden()
    expect(page.locator(".walk-in")).to_contain_text(waiting)
    expect(page.locator("[data-id=new-36] .badge")).to_have_class("badge expected")
    button = page.locator(".walk-in").get_by_role("button", name=again)
    expect(button).to_be_focused()
    with page.expect_response(f"**{CHECK_IN}"):
        button.click()
    expect(page.locator("#trouble")).to_contain_text("not now")
    expect(button).not_to_have_attribute("aria-busy", "true")
    del gateway.answers["POST", CHECK_IN]
    button.click()
    expect(page.locator("#said")).to_contain_text(done)
    expect(page.locator("[data-id=new-36] .badge")).to_have_class("badge here")
    assert [path for _, path, _ in gateway.calls] == [f"{PROGRAM}/mentors", CHECK_IN, CHECK_IN, CHECK_IN]
    # Ready for the next one.
    expect(page.locator(".walk-in form [name=name]")).to_have_value("")
    expect(page.locator(".walk-in form [name=name]")).to_be_focused()


def test_somebody_else_can_be_registered_while_a_check_in_fails(gateway: FakeGateway, open_page: OpenPage) -> None:
    gateway.answers["POST", CHECK_IN] = (409, {"detail": "not now"})
    page = open_page(f"{PROGRAM}#check-in")
    filled(page).locator("button.main").click()
    page.get_by_role("button", name="Register somebody else").click()
    form = page.locator(".walk-in form")
    form.locator("[name=name]").fill("Somebody Else")
    form.get_by_label("Funding").check()
    form.locator("button.main").click()
    expect(page.locator("#said")).to_contain_text("Somebody Else is registered and here")
    expect(page.locator("[data-id=new-36]")).to_be_visible()
    assert len(set(gateway.keys)) == 4


def test_the_same_sent_again_has_the_same_key_and_another_has_another(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    gateway.answers["POST", f"{PROGRAM}/mentors"] = (500, {"detail": "lost"})
    page = open_page(f"{PROGRAM}#check-in")
    form = filled(page)
    for name in ("Zoë Ćosić", "Zoë Ćosić", "Zoe Cosic"):
        form.locator("[name=name]").fill(name)
        with page.expect_response(f"**{PROGRAM}/mentors"):
            form.locator("button.main").click()
        expect(form.locator("button.main")).not_to_have_attribute("aria-busy", "true")
    first, second, third = gateway.keys
    assert first == second != third


@pytest.mark.parametrize(
    ("language", "text"),
    [("en-GB", "begins once the program is published"), ("id-ID", "dimulai setelah program diterbitkan")],
)
def test_nobody_is_registered_at_the_door_before_the_program_is_published(
    gateway: FakeGateway, open_page: OpenPage, language: str, text: str
) -> None:
    gateway.program |= {"state": "draft"}
    page = open_page(f"{PROGRAM}#check-in", locale=language)
    expect(page.locator("#view-check-in .notice")).to_contain_text(text)
    expect(page.locator(".walk-in")).to_have_count(0)
    page.locator(".tabs a").first.click()
    page.locator("#view-overview button.main").click()
    expect(page.locator("#said")).to_be_visible()
    page.locator(".tabs a").nth(1).click()
    expect(page.locator(".walk-in")).to_be_visible()


def test_nobody_is_registered_at_the_door_of_a_cancelled_program(gateway: FakeGateway, open_page: OpenPage) -> None:
    gateway.program |= {"state": "cancelled"}
    page = open_page(f"{PROGRAM}#check-in")
    expect(page.locator(".person").first).to_be_visible()
    expect(page.locator(".walk-in, #view-check-in .notice")).to_have_count(0)
