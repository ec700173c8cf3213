"""The wall of a site: all of it is to be read, whatever there is to say and whatever the screen."""

import random
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import canned
import pytest
from fake_gateway import FakeGateway
from halls import THIRTY, UNBROKEN, hall
from measuring import faults
from playwright.sync_api import Page, expect
from watching import settled, until

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
WALL = f"/wall/{canned.PROGRAM}/jkt"
PLAN = f"/programs/{canned.PROGRAM}"

#: What hangs in halls: 16:9 of several sizes, 16:10, 4:3, ultra-wide, and a screen on its side.
SCREENS = [
    (1280, 720),
    (1366, 768),
    (1920, 1080),
    (1920, 1200),
    (1600, 1200),
    (3440, 1440),
    (3840, 2160),
    (1080, 1920),
]
#: One of each shape, for what takes long to look through.
SHAPES = [(1280, 720), (1600, 1200), (3440, 1440), (1080, 1920)]
TITLES = {
    "short": "Open Doors 2026",
    "two lines": "A day of open doors for all who have ever wanted to ask somebody how it was done at the very start",
    "long": ("Questions and answers from all over the archipelago " * 6)[:300],
    "unbroken": "M" * 300,
}


def least(screen: tuple[int, int]) -> float:
    """The smallest letters a wall may have, pixels."""
    return max(16, 0.022 * min(screen))


def phases(gateway: FakeGateway) -> Iterator[dict[str, Any]]:
    """A session in each of its phases, before its start first."""
    now = gateway.now()
    for number, (ago, more) in enumerate(
        [
            (-7300, {}),
            (-250, {}),
            (200, {}),
            (720 + 500, {}),
            (720 + 585, {}),
            (640, {}),
            (720 + 200, {"paused_at": canned.write(now)}),
            (640, {"paused_at": canned.write(now)}),
            (6 * 720, {}),
            (200, {"cancelled_at": canned.write(now)}),
        ],
        start=1,
    ):
        yield canned.session(now - timedelta(seconds=ago), revision=number, **more)


def with_title(gateway: FakeGateway, title: str) -> None:
    """Give the program this title."""
    gateway.answers["GET", PLAN] = (200, {**canned.program(gateway.now()), "title": title})


@pytest.mark.parametrize(
    ("title", "language"), [("short", "en-GB"), ("two lines", "id-ID"), ("long", "en-GB"), ("unbroken", "id-ID")]
)
def test_in_every_phase_all_is_to_be_read_on_every_screen(
    gateway: FakeGateway, open_page: OpenPage, title: str, language: str
) -> None:
    with_title(gateway, TITLES[title])
    page = open_page(WALL, locale=language)
    expect(page.locator("#title")).to_contain_text(TITLES[title])
    wrong = {}
    for session in [None, *phases(gateway)]:
        if session:
            gateway.tell(session)
            until(page, f"r.revision === {session['revision']}")
        for screen in SCREENS if title in ("short", "unbroken") else SHAPES:
            page.set_viewport_size({"width": screen[0], "height": screen[1]})
            settled(page)
            if found := faults(page, least(screen)):
                wrong[session and session["revision"], screen] = found
    assert not wrong, "\n".join(f"{where}: {what}" for where, what in wrong.items())


#: The names on all pages, turned over one after the other.
ALL_PAGES = """
  () => {
    const { pages } = document.querySelector('#seats');
    return pages.pages.flatMap(() => {
      pages.turn();
      return [...document.querySelectorAll('.seats p')].map((line) => line.textContent);
    });
  }
"""


@pytest.mark.parametrize(
    ("tables", "seats", "name", "language"),
    [
        (1, 1, THIRTY, "en-GB"),
        (12, 1, THIRTY, "id-ID"),
        (40, 1, THIRTY, "en-GB"),
        (120, 1, THIRTY, "id-ID"),
        (120, 1, UNBROKEN, "en-GB"),
        (120, 4, THIRTY, "en-GB"),
        (3, 100, UNBROKEN, "id-ID"),
    ],
)
def test_everybody_is_seen_where_they_sit_with_the_whole_name(
    begun: FakeGateway, open_page: OpenPage, tables: int, seats: int, name: str, language: str
) -> None:
    with_title(begun, TITLES["two lines"])
    names = hall(begun, tables, seats, name)
    page = open_page(WALL, locale=language)
    expect(page.locator("#title")).to_contain_text(TITLES["two lines"])
    until(page, "r.round === 2")
    page.locator("#seats-toggle").click()
    expect(page.locator(".seats li").first).to_be_visible()
    wrong = {}
    for screen in SCREENS if tables * seats <= 120 and name == THIRTY else SHAPES:
        page.set_viewport_size({"width": screen[0], "height": screen[1]})
        settled(page)
        if found := faults(page, least(screen)):
            wrong[screen, "first page"] = found
        if page.locator("#seats-next").is_visible():
            page.locator("#seats-next").click()
            if found := faults(page, least(screen)):
                wrong[screen, "second page"] = found
        seen = set(page.evaluate(ALL_PAGES))
        if seen != names:
            wrong[screen, "not seen"] = sorted(names - seen)[:5] + sorted(seen - names)[:5]
    assert not wrong, "\n".join(f"{where}: {what}" for where, what in wrong.items())


def test_pages_turn_by_themselves_unless_they_are_held(begun: FakeGateway, open_page: OpenPage) -> None:
    hall(begun, 120, 4, THIRTY)
    page = open_page(WALL, width=1280, height=720)
    until(page, "r.round === 2")
    page.locator("#seats-toggle").click()
    title = page.locator("#seats-title")
    expect(title).to_contain_text(re.compile("Round 2 · tables 1–.* · page 1 of "))
    expect(title).to_contain_text("page 2 of")
    page.locator("#seats-hold").click()
    expect(page.locator("#seats-hold")).to_have_attribute("aria-pressed", "true")
    page.locator("#seats-next").click()
    expect(title).to_contain_text("page 3 of")
    assert not page.evaluate("document.querySelector('#seats').pages.timer")


def test_a_page_stands_long_enough_and_everybody_comes_within_a_minute(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    seconds = open_page("/").evaluate(
        """async (counts) => {
          const { SeatPages } = await import('/assets/wall/seat-pages.js');
          return counts.map((count) => SeatPages.secondsFor(count));
        }""",
        [2, 6, 10, 15, 30],
    )
    assert seconds == [10, 10, 6, 4, 4]


def test_tables_are_packed_in_their_order_and_never_higher_than_a_page(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    by_chance = random.Random(7)
    cases = [
        {
            "pieces": [{"n": n, "height": by_chance.randint(1, 100)} for n in range(by_chance.randint(0, 60))],
            "room": {"height": by_chance.randint(100, 400), "gap": 5, "columns": by_chance.randint(1, 5)},
        }
        for _ in range(200)
    ]
    packed = open_page("/").evaluate(
        """async (cases) => {
          const { pack } = await import('/assets/wall/seat-pages.js');
          return cases.map(({ pieces, room }) => pack(pieces, room));
        }""",
        cases,
    )
    for case, pages in zip(cases, packed, strict=True):
        room = case["room"]
        assert [piece for page in pages for column in page for piece in column] == case["pieces"]
        assert all(len(page) <= room["columns"] for page in pages)
        for column in (column for page in pages for column in page):
            assert column
            assert sum(piece["height"] + room["gap"] for piece in column) - room["gap"] <= room["height"]


def test_what_goes_wrong_is_said_without_covering_anything(begun: FakeGateway, open_page: OpenPage) -> None:
    hall(begun, 120, 1, THIRTY)
    begun.answers["GET", PLAN] = (500, {"detail": "The gateway could not do this. " * 8})
    page = open_page(WALL)
    until(page, "r.round === 2")
    page.locator("#seats-toggle").click()
    expect(page.locator("#trouble")).to_contain_text("could not do this")
    expect(page.locator(".seats li").first).to_be_visible()
    wrong = {}
    for screen in SCREENS:
        page.set_viewport_size({"width": screen[0], "height": screen[1]})
        settled(page)
        wrong |= {screen: found} if (found := faults(page, least(screen))) else {}
    assert not wrong


def test_a_new_plan_changes_who_sits_where_at_once(begun: FakeGateway, open_page: OpenPage) -> None:
    hall(begun, 2, 1, THIRTY)
    page = open_page(WALL)
    until(page, "r.round === 2")
    page.locator("#seats-toggle").click()
    expect(page.locator(".seats li")).to_have_count(2)
    begun.replan(meetings=[each for each in begun.plan["meetings"] if each["table"] == "jkt-2"])
    expect(page.locator(".seats li")).to_have_count(1)
    expect(page.locator(".seats b")).to_have_text("2")
