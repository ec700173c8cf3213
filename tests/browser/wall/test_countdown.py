"""The countdown in a real browser: wrong clocks, sleep, lost connections, new timetables, rehearsals."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import canned
import pytest
from fake_gateway import FakeGateway
from playwright.sync_api import Page
from sleeping import Sleeper
from watching import until

pytestmark = pytest.mark.browser

WALL = f"/wall/{canned.PROGRAM}/jkt"
OpenPage = Callable[..., Page]

#: Sets the device's wall clock off by so many ms; `setWall(ms)` steps it later.
CLOCK_OFF = """
  const real = Date.now.bind(Date);
  let off = %d;
  Date.now = () => real() + off;
  window.setWall = (ms) => (off = ms);
"""


def reading(page: Page) -> dict:
    """What the page shows now."""
    return page.evaluate("document.querySelector('#stage').countdown.read()")


def error(page: Page, gateway: FakeGateway) -> float:
    """By how many ms the page's event time is wrong, at most; the reading happens between the two of ours."""
    before = gateway.now().timestamp() * 1000
    shown = reading(page)["now"]
    after = gateway.now().timestamp() * 1000
    return max(before - shown, shown - after, 0)


def is_right(page: Page, gateway: FakeGateway, ms: float = 100) -> bool:
    """Whether the page's event time is wrong by less than ``ms``, or than half the round trip where that is longer."""
    bound = page.evaluate("document.querySelector('#stage').countdown.clock.bound()")
    return error(page, gateway) < max(ms, bound) * gateway.speed


def running(page: Page) -> None:
    """Wait until the countdown runs."""
    until(page, "r.seconds > 0")


@pytest.fixture
def begun(gateway: FakeGateway) -> FakeGateway:
    """A gateway with a session in its second round, 313 s in."""
    gateway.tell(canned.session(gateway.now() - timedelta(seconds=720 + 313)))
    return gateway


@pytest.mark.parametrize("hours", [-1, 1, 26])
def test_a_device_whose_clock_is_off_shows_the_second_of_the_event(
    begun: FakeGateway, open_page: OpenPage, hours: int
) -> None:
    page = open_page(WALL, before=CLOCK_OFF % (hours * 3_600_000))
    running(page)
    assert is_right(page, begun)
    assert reading(page)["round"] == 2
    assert 240 < reading(page)["remaining"] / 1000 < 287


def test_a_step_of_the_wall_clock_changes_nothing(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(WALL, before=CLOCK_OFF % 0)
    running(page)
    for step in (3_600_000, -3_600_000):
        asked = begun.times_asked
        page.evaluate(f"setWall({step})")
        # It is noticed at the next tick, and the service asked anew.
        page.evaluate("document.querySelector('#stage').countdown.tick()")
        until(page, "c.clock.sure")
        assert is_right(page, begun)
        assert begun.times_asked > asked


def test_a_device_that_slept_without_counting_is_right_again_at_once(begun: FakeGateway, open_page: OpenPage) -> None:
    # A suspended laptop: its monotonic clock stood still for 20 s, its wall clock did not.
    before = "const mono = performance.now.bind(performance); let slept = 0;"
    before += "performance.now = () => mono() - slept; window.sleep = (ms) => (slept += ms);"
    page = open_page(WALL, before=before)
    running(page)
    page.evaluate("sleep(20000)")
    page.evaluate("document.querySelector('#stage').countdown.tick()")
    until(page, "c.clock.sure")
    assert is_right(page, begun)


def test_a_device_that_slept_offline_goes_on_by_its_wall_clock(begun: FakeGateway, open_page: OpenPage) -> None:
    before = CLOCK_OFF % 0
    page = open_page(WALL, before=before)
    running(page)
    page.context.set_offline(True)
    page.evaluate("setWall(20000)")
    begun.offset += timedelta(seconds=20)
    # The step is noticed, nobody can be asked, and what is most likely is taken.
    until(page, "!c.clock.sure && c.clock.failing && c.clock.slept === 0")
    assert is_right(page, begun, 250)
    assert not page.evaluate("document.querySelector('#stage').countdown.clock.sure")


def test_a_sleeping_tab_shows_the_right_second_when_it_wakes(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(WALL)
    running(page)
    sleeper = Sleeper(page)
    sleeper.sleep()
    asleep = "document.querySelector('#stage').countdown.last"
    shown = int(sleeper.peek(f"{asleep}.seconds"))
    # Another page's clock says when three seconds are over, and a revision comes meanwhile.
    other = open_page(WALL)
    running(other)
    until(other, f"r.seconds <= {shown - 3}")
    begun.tell({**begun.sessions["s-jkt"], "revision": 2, "paused_at": canned.write(begun.now())})
    until(other, "r.state === 'paused'")
    assert sleeper.peek(f"{asleep}.seconds") == shown
    assert sleeper.peek(f"{asleep}.revision") == 1
    sleeper.wake()
    until(page, "r.revision === 2")
    assert reading(page)["remaining"] == reading(other)["remaining"]
    assert page.text_content("#count") == other.text_content("#count")


def test_offline_the_countdown_goes_on_and_back_online_it_has_what_was_missed(
    begun: FakeGateway, open_page: OpenPage
) -> None:
    page = open_page(WALL)
    running(page)
    page.context.set_offline(True)
    begun.cut()
    shown = int(reading(page)["seconds"])
    until(page, f"r.seconds <= {shown - 2}")
    page.wait_for_selector("#connection[data-state=bad]")
    assert is_right(page, begun)
    begun.tell(canned.session(begun.now() - timedelta(seconds=720 + 200), revision=4))
    assert reading(page)["revision"] == 1
    page.context.set_offline(False)
    until(page, "r.revision === 4")
    page.wait_for_selector("#connection[data-state=good]")
    assert 350 < reading(page)["remaining"] / 1000 < 401


def test_a_stream_that_ends_is_opened_again(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(WALL)
    running(page)
    for revision in (2, 3):
        begun.cut()
        begun.sessions["s-jkt"]["revision"] = revision
        until(page, f"r.revision === {revision}")


def test_an_older_timetable_is_not_taken(begun: FakeGateway, open_page: OpenPage) -> None:
    session = begun.sessions["s-jkt"]
    begun.tell({**session, "revision": 5})
    page = open_page(WALL)
    until(page, "r.revision === 5")
    begun.tell({**canned.session(begun.now()), "revision": 4})
    begun.tell({**session, "revision": 5, "on_outage": "hold"})
    until(page, "c.session.on_outage === 'hold'")
    assert reading(page)["round"] == 2


def test_it_never_goes_back_up_but_at_a_new_revision(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(WALL)
    running(page)
    page.evaluate(
        """() => {
          window.shown = [];
          const stage = document.querySelector('#stage');
          const beat = () => {
            const r = stage.countdown.read();
            shown.push([r.revision, r.remaining]);
            if (!window.enough) setTimeout(beat, 5);
          };
          beat();
        }"""
    )
    # The estimate jumps to and fro as it does on a bad network.
    for offset in (400, -400, 700, -700, 0):
        begun.offset = timedelta(milliseconds=offset)
        page.evaluate(
            """async () => {
              const { clock } = document.querySelector('#stage').countdown;
              clock.sure = false;
              await clock.sync(1);
            }"""
        )
    session = begun.sessions["s-jkt"]
    moved = canned.session(begun.now() - timedelta(seconds=720 + 100), revision=2)
    begun.tell({**session, **moved})
    until(page, "r.revision === 2")
    # And some more after it.
    seen = page.evaluate("shown.length")
    until(page, f"shown.length >= {seen + 100}")
    shown = page.evaluate("(window.enough = true) && shown")
    ups = [(a, b) for a, b in pairwise(shown) if b[1] > a[1]]
    assert [(a[0], b[0]) for a, b in ups] == [(1, 2)]


def test_a_rehearsal_on_a_fast_clock(gateway: FakeGateway, open_page: OpenPage) -> None:
    gateway.speed = 20.0
    gateway.tell(canned.session(gateway.now() + timedelta(seconds=60), gap=20))
    page = open_page(WALL)
    running(page)
    until(page, "r.state === 'round' && r.round === 1")
    assert is_right(page, gateway, 150)
    until(page, "r.round === 1 && r.seconds < 560")


def test_phases_follow_from_the_timetable(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/")
    start = gateway.now()
    session = canned.session(start, rounds=2)
    at = int(start.timestamp() * 1000)
    phases = page.evaluate(
        """async ([session, start, seconds]) => {
          const { phaseAt, secondsLeft } = await import('/assets/time/countdown.js');
          const told = (p) => [p.state, p.round, secondsLeft(p.remaining), p.level];
          return seconds.map((s) => told(phaseAt(session, start + s * 1000)));
        }""",
        [session, at, [-60, 0, 479, 480, 570, 599.5, 600, 719.999, 720, 1320]],
    )
    assert phases == [
        ["scheduled", 0, 60, 0],
        ["round", 1, 600, 0],
        ["round", 1, 121, 0],
        ["round", 1, 120, 1],
        ["round", 1, 30, 2],
        ["round", 1, 1, 2],
        ["break", 1, 120, 0],
        ["break", 1, 1, 0],
        ["round", 2, 600, 0],
        ["finished", 2, None, 0],
    ]


def test_what_is_left_of_a_round_is_a_share_of_what_people_meet(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/")
    start = gateway.now()
    # 600 s, of which 300 s were paused; and one that is no longer than its first warning.
    long, short = (canned.session(start, rounds=1, length=length) for length in (900, 90))
    at = int(start.timestamp() * 1000)
    told = page.evaluate(
        """async ([session, start, seconds]) => {
          const { phaseAt } = await import('/assets/time/countdown.js');
          const told = (p) => [p.remaining / 1000, p.total / 1000, p.level];
          return seconds.map((s) => told(phaseAt(session, start + s * 1000)));
        }""",
        [{**long, "paused_seconds": [300]}, at, [600, 840]],
    )
    assert told == [[300, 600, 0], [60, 600, 1]]
    levels = page.evaluate(
        """async ([session, start]) => {
          const { phaseAt } = await import('/assets/time/countdown.js');
          return [10, 59, 61].map((s) => phaseAt(session, start + s * 1000).level);
        }""",
        [short, at],
    )
    assert levels == [0, 0, 1]
