"""Three pages against the running system: a wrong clock, a sleeping tab and a lost connection end on one second."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pymongo import MongoClient
from sleeping import Sleeper
from tcp_relay import TcpRelay

from deploy.demo.event import Run
from deploy.demo.files import read_files
from deploy.demo.system import System, clock_from, running
from deploy.local import RUN
from shared.events import read_time

pytestmark = [pytest.mark.browser, pytest.mark.system]

SAMPLE = Path(__file__).parents[3] / "examples" / "small"
PICTURES = RUN / "pictures"
#: For how long the sleeping page sleeps and the lost one is lost, and how soon all agree again, s.
GONE, AGREED = 20, 1.0
HOUR_OFF = "const real = Date.now.bind(Date); Date.now = () => real() + 3600000;"
#: What a page looks after now and then, it looks after every second.
OFTEN = "const real = window.setInterval; window.setInterval = (run, wait) => real(run, Math.min(wait, 1000));"
READ = "(() => { const { countdown } = %s; return { ...countdown.read(), sure: countdown.clock.sure } })()"
WALL, CARD, PHONE = (f"document.querySelector('{place}')" for place in ("#stage", "[data-session]", "#now"))


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """All services of this checkout, on a broker and a database of their own, on the day of the event."""
    root = RUN / f"browser-{os.getpid()}"
    clock = clock_from(read_files(SAMPLE).day_before + timedelta(hours=12), 1.0)
    try:
        with running(clock, root) as found:
            yield found
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def program(system: System) -> str:
    """A program that is imported, published and planned; its first round begins in some seconds."""
    run = Run(system.organizer(), system.clock)
    run.prepare(read_files(SAMPLE).texts)
    api, program_id = system.organizer(), run.outcome.program_id
    (session,) = api.get(f"/programs/{program_id}/sessions")
    early = read_time(session["timetable"][0]["starts_at"]) - system.clock.now() - timedelta(seconds=10)
    api.post(f"/programs/{program_id}/sessions/start-shift", {"by_seconds": -int(early.total_seconds())})
    return program_id


class Screen:
    """A page with a countdown, logged in."""

    def __init__(self, page: Page, place: str) -> None:
        self.page, self.place = page, place

    def read(self) -> dict[str, Any]:
        """What it shows."""
        return self.page.evaluate(READ % self.place)

    def skew(self, system: System) -> float:
        """By how many ms its time at the event is off, at least: it is read between two readings of ours."""
        before = system.clock.now().timestamp() * 1000
        shown = self.read()["now"]
        after = system.clock.now().timestamp() * 1000
        return shown - before if shown < before else max(0.0, shown - after)

    def picture(self, name: str) -> None:
        """Keep what it looks like."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(PICTURES / f"{name}.png"))


@pytest.fixture
def relay(system: System) -> Iterator[TcpRelay]:
    """The network of one screen."""
    found = TcpRelay(system.deployment.url)
    yield found
    found.close()


def logged_in(browser: Browser, url: str, size: tuple[int, int], before: str = "", **how: str) -> Page:
    """A page in a browser of its own, past the door."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-GB")
    page = context.new_page()
    if before:
        page.add_init_script(before)
    page.goto(url)
    if "password" in how:
        page.click("#organizer summary")
    for name, value in how.items():
        page.fill(f"[name={name}]", value)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: address.endswith(("/programs", "/me")))
    return page


def test_three_screens_show_the_same_second(
    chromium: Browser, system: System, program: str, relay: TcpRelay, eventually: Callable[..., Any]
) -> None:
    password, api = system.infrastructure.organizer_password, system.organizer()
    code = next(each for each in api.get(f"/programs/{program}/access-codes") if each["role"] == "mentee")
    (session,) = api.get(f"/programs/{program}/sessions")
    url = system.deployment.url

    wall = logged_in(chromium, relay.url, (1920, 1080), password=password)
    wall.goto(f"{relay.url}/wall/{program}/{session['site_id']}")
    office = logged_in(chromium, url, (1366, 768), HOUR_OFF, password=password)
    office.goto(f"{url}/programs/{program}#sessions")
    phone = logged_in(chromium, url, (390, 844), access_code=code["access_code"])
    screens = {"wall": Screen(wall, WALL), "office": Screen(office, CARD), "phone": Screen(phone, PHONE)}
    for screen in screens.values():
        expect(screen.page.locator("main")).to_contain_text("Round 1 of 3", timeout=30_000)
        assert abs(screen.skew(system)) < 150
    expect(phone.locator(".meeting.now")).to_be_visible()
    for name, screen in screens.items():
        screen.picture(f"before-{name}")

    # The phone sleeps and the wall loses its connection; meanwhile the organizer pauses, goes on and extends.
    sleeper = Sleeper(phone)
    sleeper.sleep()
    relay.cut()
    wall.context.set_offline(True)
    gone = datetime.now(UTC)
    office.get_by_role("button", name="Pause").click()
    expect(office.locator("[data-session]")).to_contain_text("Paused in round 1 of 3")
    eventually(lambda: datetime.now(UTC) - gone > timedelta(seconds=GONE / 3), GONE)
    office.get_by_role("button", name="Resume").click()
    expect(office.locator("[data-session]")).to_contain_text("Round 1 of 3")
    office.get_by_role("button", name="Extend").click()
    office.get_by_label("By how much?").select_option("60")
    office.get_by_role("dialog").get_by_role("button", name="Extend").click()
    expect(office.locator("#said")).to_contain_text("extended")
    revision = api.get(f"/sessions/{session['session_id']}")["revision"]
    eventually(lambda: datetime.now(UTC) - gone > timedelta(seconds=GONE), GONE + 5)
    assert screens["office"].read()["revision"] == revision
    assert screens["wall"].read()["revision"] < revision
    assert sleeper.peek(f"{PHONE}.countdown.last.revision") < revision

    relay.mend()
    wall.context.set_offline(False)
    sleeper.wake()

    def agree() -> bool:
        read = [screen.read() for screen in screens.values()]
        return all(each["revision"] == revision and each["sure"] for each in read)

    eventually(agree, AGREED, "all on the newest timetable", pause=0.02)
    skews = [screen.skew(system) for screen in screens.values()]
    assert max(skews) - min(skews) < 150, skews
    untils = {screen.read()["until"] for screen in screens.values()}
    assert len(untils) == 1

    def same_second() -> set[str]:
        shown = [
            wall.locator("#count").inner_text(),
            office.locator("[data-session] .now-count").inner_text(),
            phone.locator("#count").inner_text(),
        ]
        assert len(set(shown)) == 1, shown
        return set(shown)

    # Read one after the other, they may be caught on two sides of a second.
    eventually(same_second, 2, "the same second on all")
    for name, screen in screens.items():
        screen.picture(f"after-{name}")
    for page in (wall, office, phone):
        page.context.close()


def test_a_program_goes_from_its_files_to_a_plan_on_the_pages(chromium: Browser, system: System) -> None:
    page = logged_in(chromium, system.deployment.url, (1366, 768), password=system.infrastructure.organizer_password)
    names = ("program.toml", "mentors.csv", "mentees.csv")
    texts = read_files(SAMPLE).texts
    mark = f"at-the-pages-{os.getpid()}"
    texts = {
        **texts,
        "program.toml": texts["program.toml"].replace("lunch-with-a-mentor", mark).replace("Lunch", "Tea"),
    }
    files = [{"name": name, "mimeType": "text/plain", "buffer": texts[name].encode()} for name in names]

    broken = [
        {**files[0], "buffer": files[0]["buffer"].replace(b"round_minutes = 5", b"round_minutes = 50")},
        *files[1:],
    ]
    page.set_input_files("#files", broken)
    page.click("#import button")
    expect(page.locator(".faults")).to_contain_text("round_minutes")
    page.set_input_files("#files", files)
    page.click("#import button")
    expect(page.locator("#said")).to_contain_text("Imported")
    card = page.locator("#programs .card", has_text="Tea with a mentor")
    card.get_by_role("button", name="Publish").click()
    expect(card.locator(".badge")).to_have_text("Published")
    card.get_by_role("link", name="Tea with a mentor").click()
    page.click("text=Plan")
    page.get_by_role("button", name="Make the plan").click()
    expect(page.locator(".quality.proved")).to_be_visible(timeout=30_000)
    expect(page.locator(".timetable tbody tr").first.locator("td")).to_have_count(3)
    page.click(".tabs >> text=Check-in")
    first = page.locator(".person").first
    first.get_by_role("button", name="Check in").click()
    expect(first.locator(".badge")).to_have_text("Here")

    # Somebody comes whom nobody has registered, and somebody else goes for good.
    page.get_by_text("Somebody is on no list").click()
    form = page.locator(".walk-in form")
    form.get_by_label("Name").fill("Zoë Ćosić")
    form.get_by_label("Topics").fill("Leadership; hiring")
    form.get_by_role("button", name="Register and check in").click()
    expect(page.locator("#said")).to_contain_text("Zoë Ćosić is registered and here. Access code: ")
    code = page.locator("#said").inner_text().rpartition(" ")[2]
    walked_in = logged_in(chromium, system.deployment.url, (390, 844), access_code=code)
    expect(walked_in.locator("#hello")).to_contain_text("Zoë Ćosić")
    # The plan is made anew with whoever is there now.
    expect(walked_in.locator(".meeting").first).to_be_visible(timeout=30_000)
    # The organizer reads what that has changed, and why two meet.
    page.reload()
    page.click(".tabs >> text=Plan")
    changes = page.locator(".changes")
    expect(changes.get_by_role("heading", level=2)).to_contain_text("What changed with revision 2")
    expect(changes.locator("li", has_text="Zoë Ćosić with ").first).to_contain_text(" – ")
    page.locator(".why summary").first.click()
    expect(page.locator(".why").first).to_contain_text("Value ")
    # Whom one would like to meet is kept.
    walked_in.get_by_text("Choose people").click()
    expect(walked_in.locator(".candidates li li", has_text=re.compile("[a-z]")).first).to_be_visible()
    walked_in.locator(".candidates button").first.click()
    walked_in.get_by_role("button", name="Save my wishes").click()
    expect(walked_in.locator("#said")).to_contain_text("Your wishes are saved")
    wished = walked_in.locator("#wants-list b").inner_text()
    walked_in.reload()
    expect(walked_in.locator("#wants-list b")).to_have_text(wished)
    walked_in.get_by_text("I cannot come").click()
    walked_in.locator("#erase").click()
    walked_in.get_by_role("dialog").get_by_role("button", name="Erase my data").click()
    walked_in.wait_for_url(lambda address: address.endswith("/"))
    page.click(".tabs >> text=Check-in")
    page.reload()
    page.get_by_label("Search by name").fill("cosic")
    expect(page.get_by_role("status").filter(has_text="0 found")).to_be_visible()
    walked_in.context.close()
    page.context.close()


def test_who_has_met_ranks_and_reads_with_whom_it_goes_on(
    chromium: Browser, system: System, program: str, eventually: Callable[..., Any]
) -> None:
    api, url = system.organizer(), system.deployment.url
    eventually(lambda: api.get(f"/programs/{program}/plan")["begun"], 30, "the first round has begun")
    met = next(each for each in api.get(f"/programs/{program}/plan")["meetings"] if each["round"] == 1)
    people = {each["participant_id"]: each["name"] for each in api.get(f"/programs/{program}/participants")}
    codes = {each["participant_id"]: each["access_code"] for each in api.get(f"/programs/{program}/access-codes")}
    sides = {
        role: logged_in(chromium, url, (390, 844), access_code=codes[met[f"{role}_id"]])
        for role in ("mentor", "mentee")
    }
    for role, other in (("mentor", "mentee_id"), ("mentee", "mentor_id")):
        page = sides[role]
        page.get_by_role("button", name=f"Go on with {people[met[other]]}").click()
        page.locator("#ranking-form").get_by_role("button", name="Save").click()
        expect(page.locator("#said")).to_contain_text("saved")
    office = logged_in(chromium, url, (1366, 768), password=system.infrastructure.organizer_password)
    office.goto(f"{url}/programs/{program}#report")
    expect(office.locator("#view-report")).to_contain_text("1 by mentors, 1 by mentees")
    office.get_by_role("button", name="Form the pairs").click()
    office.get_by_role("dialog").get_by_role("button", name="Form the pairs").click()
    row = office.locator("#view-report tr", has_text=people[met["mentee_id"]])
    expect(row).to_contain_text("Both chose each other", timeout=30_000)
    # Nobody loads these anew: the stream tells them.
    expect(sides["mentee"].locator("#pair-list")).to_contain_text(people[met["mentor_id"]])
    expect(sides["mentor"].locator("#pair-list")).to_contain_text(people[met["mentee_id"]])
    for page in (office, *sides.values()):
        page.context.close()


def test_dates_and_states_are_told_as_they_are_also_after_an_upgrade(
    chromium: Browser, system: System, program: str, eventually: Callable[..., Any]
) -> None:
    api, url, password = system.organizer(), system.deployment.url, system.infrastructure.organizer_password
    texts = read_files(SAMPLE).texts
    texts = {**texts, "program.toml": texts["program.toml"].replace("Lunch", "Supper")}
    supper = api.post("/programs:import", {"files": texts})["program_id"]
    api.post(f"/programs/{supper}/publication")
    office = logged_in(chromium, url, (1366, 768), OFTEN, password=password)
    card = office.locator("#programs .card", has_text="Supper with a mentor")
    expect(card.locator("[data-attention]")).to_contain_text("There is no plan yet")
    wall = logged_in(chromium, url, (1920, 1080), OFTEN, password=password)
    wall.goto(f"{url}/wall/{supper}/canteen")
    expect(wall.locator("#phase")).to_have_text("There is no plan yet")
    # Nobody loads anything anew: the open pages follow.
    api.post(f"/programs/{supper}/plan")
    expect(wall.locator("#phase")).to_have_text("Starts in")
    expect(card.locator("[data-attention]")).to_have_count(0)
    api.post(f"/programs/{supper}/sessions/start-shift", {"by_seconds": 1800})
    expect(card).to_contain_text("Sat 5 Dec, 12:30 (moved from Sat 5 Dec, 12:00)")

    # The other program is under way, then closed.
    other = office.locator("#programs .card", has_text="Lunch with a mentor")
    expect(other.locator(".badge")).to_have_text("Under way")
    (session,) = api.get(f"/programs/{program}/sessions")
    if session["round"] == 1 and session["state"] == "round":
        api.post(f"/sessions/{session['session_id']}/end-round")
    eventually(lambda: api.get(f"/programs/{program}/ledgers")["feedback"]["rounds-held"], 30, "a round is over")
    api.post(f"/programs/{program}/closing")
    expect(other.locator(".badge")).to_have_text("Closed, with a report")

    # As of an earlier release, in which nobody listened.
    with MongoClient[dict[str, Any]](system.infrastructure.mongo_uri("registration")) as client:
        client["registration"]["progress"].delete_many({})
    office.reload()
    expect(card).to_contain_text("Sat 5 Dec, 12:30 (moved from Sat 5 Dec, 12:00)")
    expect(card.locator("[data-attention]")).to_have_count(0)
    expect(other.locator(".badge")).to_have_text("Closed, with a report")
    for page in (office, wall):
        page.context.close()
