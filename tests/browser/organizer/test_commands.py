"""What an organizer commands is given on what was on the screen when the button was pressed."""

from collections.abc import Callable
from datetime import datetime, timedelta

import canned
import pytest
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PROGRAM = f"/programs/{canned.PROGRAM}"


@pytest.fixture
def begun(gateway: FakeGateway) -> FakeGateway:
    """A gateway with a session in its second round."""
    gateway.tell(canned.session(gateway.now() - timedelta(seconds=720 + 313)))
    return gateway


def timer(open_page: OpenPage, **context: str) -> Page:
    page = open_page(f"{PROGRAM}#sessions", **context)
    expect(page.get_by_role("timer")).to_be_visible()
    return page


def confirm(page: Page, button: str) -> None:
    """Press it and wait for the answer: a request that has left the browser may not have reached the gateway yet."""
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.get_by_role("dialog").get_by_role("button", name=button).click()


def commands(gateway: FakeGateway) -> list[tuple[str, dict]]:
    return [(path, body) for _, path, body in gateway.calls if "session" in path]


def test_what_happens_while_it_is_asked_whether_one_is_sure_makes_the_command_stale(
    begun: FakeGateway, open_page: OpenPage
) -> None:
    page = timer(open_page)
    page.get_by_role("button", name="End round").click()
    # A colleague was faster: the round has been ended, and the third is running.
    begun.tell(canned.session(begun.now() - timedelta(seconds=2 * 720 + 20), revision=2))
    expect(page.locator(".revision")).to_have_text("Revision 2")
    confirm(page, "End round")
    assert commands(begun) == [("/sessions/s-jkt/end-round", {"revision": 1, "round": 2})]


def test_an_extension_is_for_the_round_that_was_running(begun: FakeGateway, open_page: OpenPage) -> None:
    page = timer(open_page)
    page.get_by_role("button", name="Extend").click()
    confirm(page, "Extend")
    assert commands(begun) == [("/sessions/s-jkt/extension", {"seconds": 60, "revision": 1, "round": 2})]


@pytest.mark.parametrize(
    ("language", "label", "wait", "kept"),
    [
        ("en-GB", "After an outage of the timer – Jakarta", "wait until I resume", "The choice is kept."),
        ("id-ID", "Setelah gangguan pada pewaktu – Jakarta", "tunggu sampai saya lanjutkan", "Pilihan tersimpan."),
    ],
)
def test_what_happens_after_an_outage_is_chosen_beforehand(
    begun: FakeGateway, open_page: OpenPage, language: str, label: str, wait: str, kept: str
) -> None:
    path = "/sessions/s-jkt/outage-policy"
    begun.answers["PUT", path] = (200, {**begun.sessions["s-jkt"], "revision": 2, "on_outage": "hold"})
    page = timer(open_page, locale=language)
    choice = page.get_by_label(label)
    expect(choice).to_have_value("catch-up")
    choice.select_option(label=wait)
    expect(page.locator("#said")).to_have_text(kept)
    expect(choice).to_have_value("hold")
    assert begun.calls == [("PUT", path, {"on_outage": "hold", "revision": 1})]
    begun.answers["PUT", path] = (500, {"detail": "not now"})
    choice.select_option("catch-up")
    expect(page.locator("#trouble")).to_contain_text("not now")
    # What is shown is what holds.
    expect(choice).to_have_value("hold")


def test_a_pause_does_not_shorten_the_time_in_which_a_round_can_be_restarted(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    session = canned.session(gateway.now() - timedelta(seconds=310))
    (first, *others) = session["timetable"]
    ends = canned.write(datetime.fromisoformat(first["ends_at"]) + timedelta(seconds=300))
    gateway.tell({**session, "timetable": [{**first, "ends_at": ends}, *others], "paused_seconds": [300]})
    page = timer(open_page)
    expect(page.get_by_role("button", name="Restart round")).to_be_visible()


def test_moving_the_start_of_all_sites_is_given_on_the_timetable_of_each(gateway: FakeGateway, open_page: OpenPage):
    gateway.tell(canned.session(gateway.now() + timedelta(hours=1), revision=4))
    page = timer(open_page)
    page.get_by_role("button", name="Move the start of all sites").click()
    confirm(page, "Move")
    path = f"/programs/{canned.PROGRAM}/sessions/start-shift"
    assert commands(gateway) == [(path, {"by_seconds": 300, "revisions": {"s-jkt": 4}})]
