"""The page of all events, for those who build on them: on every screen, in both languages, from here alone."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect

from shared.events.catalogue import PUBLIC

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PATH = "/asyncapi"
#: Width, height, and how small letters may be: a wall is read from further away.
SCREENS = {"phone": (360, 740, 13), "laptop": (1366, 768, 13), "wall": (1920, 1080, 20)}

#: Text that sticks out of the screen at the side, is cut off or is too small; what is hidden on purpose is not.
_FAULTS = """
(least) => {
  const faults = [];
  const own = (el) => [...el.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const seen = (el) => el.checkVisibility({ visibilityProperty: true }) && !el.closest('.unseen, .skip, script');
  for (const el of [...document.body.querySelectorAll('*')].filter((each) => seen(each) && own(each))) {
    const name = `${el.tagName} “${el.textContent.trim().slice(0, 40)}”`;
    for (const { left, right } of el.getClientRects())
      if (left < -0.5 || right > innerWidth + 0.5) faults.push(`outside: ${name}`);
    const style = getComputedStyle(el);
    if (style.display !== 'inline' && el.scrollWidth > el.clientWidth + 1) faults.push(`cut off: ${name}`);
    const size = parseFloat(style.fontSize);
    if (size && size < least) faults.push(`small: ${name} ${size}`);
  }
  return faults;
}
"""


@pytest.mark.parametrize("language", ["en-GB", "id-ID"])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_type_is_readable_on_every_screen(
    gateway: FakeGateway, open_page: OpenPage, screen: str, language: str
) -> None:
    width, height, least = SCREENS[screen]
    page = open_page(PATH, width=width, height=height, locale=language)
    expect(page.locator("html")).to_have_attribute("lang", language[:2])
    expect(page.locator("article h3")).to_have_count(len(PUBLIC))
    page.locator("details").evaluate_all("(all) => all.forEach((each) => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(_FAULTS, least) == []


def test_all_of_it_is_in_the_language_of_the_reader(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(PATH, locale="id-ID")
    expect(page.locator("h1")).to_have_text("Peristiwa untuk sistem lain")
    started = page.locator("article", has=page.locator("[id='speedmentor.session-timer.round-started.v1']"))
    expect(started).to_contain_text("Sebuah ronde telah dimulai. Subjek: sesi.")
    expect(started.locator("dt", has_text="scheduled_at").locator("+ dd")).to_contain_text("kapan seharusnya")
    expect(started.locator("dt", has_text="actual_at").locator("+ dd")).to_contain_text("waktu UTC dengan milidetik")
    page.get_by_role("link", name="English").click()
    expect(page.locator("h1")).to_have_text("Events for other systems")


def test_it_needs_no_script_and_nothing_from_elsewhere(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/", java_script_enabled=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(gateway.url + PATH)
    expect(page.locator("article h3")).to_have_count(len(PUBLIC))
    expect(page.locator("main")).not_to_contain_text("JavaScript")
    page.get_by_text("Example").first.click()
    expect(page.locator("pre").first).to_be_visible()
    assert asked
    assert all(url.startswith(gateway.url) for url in asked)


def test_the_list_of_types_leads_to_each_and_headings_have_an_order(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(PATH)
    page.get_by_role("navigation", name="All types").get_by_role("link", name="Meeting assigned").click()
    expect(page.locator("[id='speedmentor.matching.meeting-assigned.v1']")).to_be_in_viewport()
    expect(page).to_have_url(gateway.url + PATH + "#speedmentor.matching.meeting-assigned.v1")
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
    assert len(ids) == len(set(ids))
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((each) => Number(each.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    # A screen reader's list of links tells them apart.
    names = page.get_by_role("link").evaluate_all("(all) => all.map((each) => each.textContent.trim())")
    schemas = [name for name in names if name.startswith("JSON Schema")]
    assert len(schemas) == len(set(schemas)) == len(PUBLIC)
