"""The bells of the wall: they ring when the browser lets them, and where it does not the wall says so."""

from collections.abc import Callable
from datetime import timedelta

import canned
import pytest
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect
from watching import until

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
WALL = f"/wall/{canned.PROGRAM}/jkt"
SILENT = {"en-GB": "This screen cannot ring", "id-ID": "Layar ini tidak dapat membunyikan bel"}
#: Knows the sounds of the page, and when it has been given strokes.
LISTENING = """
  window.sounds = [];
  window.strokes = [];
  const Real = AudioContext;
  window.AudioContext = class extends Real {
    constructor(...given) { super(...given); sounds.push(this); }
    createOscillator() { strokes.push(this.currentTime); return super.createOscillator(); }
  };
"""


def wall(open_page: OpenPage, before: str = "", **more: object) -> Page:
    """A wall that counts down."""
    page = open_page(WALL, before=LISTENING + before, **more)
    until(page, "r.seconds > 0")
    return page


@pytest.mark.parametrize("language", SILENT)
def test_a_wall_never_touched_says_that_it_cannot_ring_until_it_is_touched(
    begun: FakeGateway, open_page: OpenPage, language: str
) -> None:
    page = wall(open_page, locale=language)
    told = page.locator("#bells-trouble")
    expect(told).to_contain_text(SILENT[language])
    expect(told).to_have_attribute("role", "status")
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "false")
    page.mouse.click(300, 300)
    expect(told).to_be_hidden()
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    # Heard at once.
    assert page.evaluate("strokes.length") == 3


def test_a_wall_reloaded_after_its_bells_were_on_says_that_it_cannot_ring(
    begun: FakeGateway, open_page: OpenPage
) -> None:
    page = wall(open_page)
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.locator("#bells-trouble")).to_contain_text("Touch it once")
    page.keyboard.press("a")
    expect(page.locator("#bells-trouble")).to_be_hidden()
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")


def test_sound_that_a_call_has_taken_is_missed_aloud_and_comes_back(begun: FakeGateway, open_page: OpenPage) -> None:
    page = wall(open_page)
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    # As a call does it: the page cannot go on by itself.
    page.evaluate("(sounds[0].resume = () => Promise.reject(new Error('in a call'))) && sounds[0].suspend()")
    expect(page.locator("#bells-trouble")).to_contain_text("cannot ring")
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "false")
    # A bell that is due meanwhile does not ring late.
    before = page.evaluate("strokes.length")
    begun.tell({**canned.session(begun.now() - timedelta(seconds=720 + 601)), "revision": 2})
    until(page, "r.state === 'break'")
    assert page.evaluate("strokes.length") == before
    page.evaluate("delete sounds[0].resume")
    # The call is over: the page goes on without a touch.
    expect(page.locator("#bells-trouble")).to_be_hidden()
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")


def test_sound_that_stands_still_is_missed_aloud_and_begun_anew_by_a_touch(
    begun: FakeGateway, open_page: OpenPage
) -> None:
    page = wall(open_page)
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    page.evaluate("Object.defineProperty(sounds[0], 'currentTime', { value: 7 }) && 0")
    expect(page.locator("#bells-trouble")).to_contain_text("cannot ring")
    page.mouse.click(300, 300)
    expect(page.locator("#bells-trouble")).to_be_hidden()
    assert page.evaluate("sounds.map((sound) => sound.state)") == ["closed", "running"]


def test_bells_that_were_switched_off_stay_off_and_say_nothing(begun: FakeGateway, open_page: OpenPage) -> None:
    page = wall(open_page)
    button = page.locator("#sound")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    page.reload()
    until(page, "r.seconds > 0")
    page.mouse.click(300, 300)
    expect(page.locator("#bells-trouble")).to_be_hidden()
    assert page.evaluate("sounds.length") == 0
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")


def test_a_browser_without_sound_is_told_apart_from_one_that_waits(begun: FakeGateway, open_page: OpenPage) -> None:
    page = wall(open_page, before="window.AudioContext = undefined;")
    expect(page.locator("#bells-trouble")).to_contain_text("its browser has no sound")
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "false")


def test_a_bell_that_is_due_rings_where_the_browser_lets_it(begun: FakeGateway, open_page: OpenPage) -> None:
    page = wall(open_page)
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    before = page.evaluate("strokes.length")
    begun.tell({**canned.session(begun.now() - timedelta(seconds=720 + 601)), "revision": 2})
    until(page, "r.state === 'break'")
    assert page.evaluate("strokes.length") == before + 3
