"""Names that are written from right to left, or turn the direction, leave the text around them as it is."""

from collections.abc import Callable
from pathlib import Path

import canned
import pytest
from as_participant import as_participant
from fake_gateway import FakeGateway
from playwright.sync_api import Browser, Page, expect
from watching import settled

from services.matching.pictures import render_html
from services.matching.planner import read_input, solve

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PROGRAM = f"/programs/{canned.PROGRAM}"
RIGHT_TO_LEFT = "פלוני (אלמוני) 7"
#: A name that leaves an override open, from a file of long ago.
OVERRIDE = "Ayu \u202eWijaya"

#: Where a name could turn what stands beside it: text that is neither alone in its block nor isolated there.
NOT_ISOLATED = """
(name) => {
  const inline = (el) => getComputedStyle(el).display === 'inline';
  const isolates = (el) => ['isolate', 'isolate-override', 'plaintext'].includes(getComputedStyle(el).unicodeBidi);
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const element = node.parentElement;
    if (!node.data.includes(name) || element.closest('script, style, textarea')) continue;
    seen += 1;
    if (node.data.split(name).slice(0, -1).every((before) => before.endsWith('\\u2068'))) continue;
    let at = element;
    while (inline(at) && at.textContent.trim() === name && at.tagName !== 'BDI') at = at.parentElement;
    if (at.tagName === 'BDI' || (isolates(at) && inline(at)) || at.textContent.trim() === name) continue;
    if (['OPTION'].includes(element.tagName)) continue;
    found.push(`${element.tagName}: ${at.textContent.trim().slice(0, 80)}`);
  }
  for (const el of document.querySelectorAll('[aria-label], [title], [placeholder]'))
    for (const { value } of el.attributes)
      if (value.includes(name) && value.trim() !== name && !value.includes('\\u2068' + name))
        found.push(`attribute: ${value}`);
  return [seen, found];
}
"""


@pytest.mark.parametrize(
    ("path", "complete"),
    [
        ("/programs", "#programs .card"),
        ("/me", "#connection-list li"),
        (f"/wall/{canned.PROGRAM}/jkt", ".seats li"),
        (f"{PROGRAM}#check-in", ".person"),
        (f"{PROGRAM}#plan", ".timetable"),
        (f"{PROGRAM}#sessions", "[data-session] button"),
        (f"{PROGRAM}#report", ".ranking, #view-report table"),
    ],
)
def test_names_leave_what_stands_beside_them_as_it_is(
    begun: FakeGateway, open_page: OpenPage, path: str, complete: str
) -> None:
    for person in begun.people.values():
        person["name"] = RIGHT_TO_LEFT
    program = canned.program(begun.now())
    for site in program["sites"]:
        site["name"] = RIGHT_TO_LEFT
    begun.answers["GET", PROGRAM] = (200, {**program, "title": RIGHT_TO_LEFT})
    begun.answers["GET", "/programs"] = (200, {"programs": [{**program, "title": RIGHT_TO_LEFT}]})
    begun.plan["changes"] = [canned.change("added", 3, 13, 4, "mentor-1 is needed")]
    begun.plan["unmet"] = [{"mentee": "mentee-20", "meetings": 0, "reason": "is absent"}]
    begun.pairing = canned.pairing("stable")
    page = open_page(path, before=as_participant("mentee-13"))
    if "/wall/" in path:
        page.locator("#seats-toggle").click()
    expect(page.locator(complete).first).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    settled(page)
    seen, found = page.evaluate(NOT_ISOLATED, RIGHT_TO_LEFT)
    assert seen
    assert not found


def test_an_open_override_ends_with_the_name(begun: FakeGateway, open_page: OpenPage) -> None:
    for person in begun.people.values():
        person["name"] = OVERRIDE
    page = open_page("/me", before=as_participant("mentee-13"))
    expect(page.locator("#what")).to_contain_text("\u2068Ayu Wijaya\u2069")
    expect(page.locator(".meeting h3 bdi").first).to_have_text("Ayu Wijaya")


def test_other_names_come_without_any_marks(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", before=as_participant("mentee-13"))
    expect(page.locator(".meeting").first).to_be_visible()
    assert not page.evaluate("/[\\u2066-\\u2069]/.test(document.body.textContent)")


def test_names_on_the_page_of_a_plan_are_isolated(chromium: Browser, tmp_path: Path) -> None:
    ids = [f"{RIGHT_TO_LEFT}{number}" for number in range(4)]
    document = {
        "format": "speedmentor.plan-input/1",
        "rounds": 3,
        "mentors": [{"id": each, "site": RIGHT_TO_LEFT} for each in ids],
        "mentees": [{"id": each, "site": RIGHT_TO_LEFT, "max_meetings": number} for number, each in enumerate(ids)],
    }
    (tmp_path / "plan.html").write_text(render_html(solve(read_input(document)).to_document(), document), "utf-8")
    page = chromium.new_page()
    page.goto((tmp_path / "plan.html").as_uri())
    for media in ("screen", "print"):
        page.emulate_media(media=media)
        for name in ids:
            seen, found = page.evaluate(NOT_ISOLATED, name)
            assert seen
            assert not found
    page.context.close()
