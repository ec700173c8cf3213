"""What people do on the pages, and that everybody can."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import canned
import pytest
from as_participant import as_participant
from fake_gateway import FakeGateway
from playwright.sync_api import Browser, Page, Route, expect

from services.registration.domain.files.file_kinds import not_a_table

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PROGRAM = f"/programs/{canned.PROGRAM}"
STYLE = Path(__file__).parents[3] / "services/gateway/pages/static/style.css"


def test_a_code_leads_to_ones_own_page_and_never_to_a_server_in_an_address(
    begun: FakeGateway, open_page: OpenPage
) -> None:
    page = open_page("/#code=K7QF-0013")
    page.wait_for_url("**/me")
    assert begun.calls[0] == ("POST", "/log-in", {"access_code": "K7QF-0013"})
    expect(page.locator("#hello")).to_contain_text("Budi")


def test_a_wrong_password_is_said_and_can_be_typed_again(gateway: FakeGateway, open_page: OpenPage) -> None:
    gateway.answers["POST", "/log-in"] = (401, {"detail": "this is not the password"})
    page = open_page("/")
    page.click("#organizer summary")
    page.fill("#password", "no")
    page.keyboard.press("Enter")
    expect(page.locator("#trouble")).to_have_text("this is not the password")
    expect(page.locator("#password")).to_be_focused()
    del gateway.answers["POST", "/log-in"]
    page.fill("#password", "yes")
    page.keyboard.press("Enter")
    page.wait_for_url("**/programs")


def test_a_password_sent_before_the_script_has_come_goes_nowhere(gateway: FakeGateway, chromium: Browser) -> None:
    page = chromium.new_page()
    page.route("**/assets/log-in.js", lambda route: route.abort())
    page.goto(gateway.url)
    page.click("#organizer summary")
    page.fill("#password", "secret")
    with page.expect_console_message(lambda line: "form-action" in line.text):
        page.keyboard.press("Enter")
    assert "secret" not in page.url
    assert not gateway.calls
    page.context.close()


def test_who_is_not_logged_in_is_sent_to_the_door_and_back(gateway: FakeGateway, open_page: OpenPage) -> None:
    gateway.answers["GET", PROGRAM] = (401, {"detail": "log in"})
    page = open_page(f"{PROGRAM}#plan")
    page.wait_for_url("**/?next=*")
    del gateway.answers["GET", PROGRAM]
    page.click("#organizer summary")
    page.fill("#password", "yes")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{PROGRAM}#plan")


def test_faults_of_an_import_are_named_row_by_row(gateway: FakeGateway, open_page: OpenPage) -> None:
    fault = {
        "file": "mentors.csv",
        "row": 4,
        "field": "topics",
        "what": "7 is not from 1 to 5",
        "remedy": "give 1 to 5",
    }
    gateway.answers["POST", "/programs:import"] = (422, {"detail": "No.", "problems": [fault]})
    page = open_page("/programs")
    names = ("program.toml", "mentors.csv", "mentees.csv")
    page.set_input_files("#files", [{"name": name, "mimeType": "", "buffer": name.encode()} for name in names])
    page.click("#import button")
    expect(page.locator(".faults td")).to_have_text(["mentors.csv", "4", "topics", fault["what"], fault["remedy"]])
    assert gateway.calls[-1][2] == {"files": {name: name for name in names}}


def test_what_looks_wrong_in_an_import_is_asked_about_and_sent_again_with_the_answer(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    place = {"file": "mentors.csv", "row": 4, "field": "name"}
    asked = {**place, "what": "it was probably Šule", "remedy": "or confirm", "confirm": ["spoilt-1"]}
    gateway.answers["POST", "/programs:import"] = (422, {"detail": "No.", "problems": [asked]})
    page = open_page("/programs")
    names = ("program.toml", "mentors.csv", "mentees.csv")
    page.set_input_files("#files", [{"name": name, "mimeType": "", "buffer": name.encode()} for name in names])
    page.click("#import button")
    page.get_by_label("It is right as it is").check()
    notice = {**place, "field": "team", "what": "“N/A” was taken as nothing", "remedy": "in other words"}
    made = {"program_id": "p-2", "mentors": 1, "mentees": 2, "sites": [], "notices": [notice]}
    gateway.answers["POST", "/programs:import"] = (201, made)
    page.click("#import button")
    expect(page.locator("#said")).to_contain_text("Imported")
    expect(page.locator("#faults li")).to_have_text(
        "mentors.csv, row 4, team: “N/A” was taken as nothing (in other words)"
    )
    sent = [call[2] for call in gateway.calls if call[1] == "/programs:import"]
    files = {name: name for name in names}
    assert sent == [{"files": files}, {"files": files, "confirmed": ["spoilt-1"]}]


def test_a_workbook_can_be_chosen_and_what_it_is_comes_from_the_service(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    fault = {"field": "mentors.xlsx", "what": "this is an Excel workbook", "remedy": "save it as CSV UTF-8"}
    gateway.answers["POST", "/programs:import"] = (422, {"detail": "No.", "problems": [fault]})
    page = open_page("/programs")
    assert ".xlsx" in (page.locator("#files").get_attribute("accept") or "")
    workbook = b"PK\x03\x04\x14\x00\x06\x00" + bytes(22) + b"[Content_Types].xml" + bytes(100_000)
    page.set_input_files("#files", [{"name": "mentors.xlsx", "mimeType": "", "buffer": workbook}])
    page.click("#import button")
    expect(page.locator(".faults td").nth(3)).to_have_text("this is an Excel workbook")
    sent = gateway.calls[-1][2]["files"]["mentors.xlsx"]
    assert not_a_table(sent) is not None
    assert len(sent) <= 4096, "its first bytes are enough"
    assert "\0" not in sent, "the door takes no text with it"


def test_a_file_in_utf_16_is_read_as_what_it_is(gateway: FakeGateway, open_page: OpenPage) -> None:
    made = {"program_id": "p-2", "mentors": 1, "mentees": 2, "sites": []}
    gateway.answers["POST", "/programs:import"] = (201, made)
    page = open_page("/programs")
    names = ("program.toml", "mentors.csv", "mentees.csv")
    files = [{"name": name, "mimeType": "", "buffer": "Šule;ø".encode("utf-16")} for name in names]
    page.set_input_files("#files", files)
    page.click("#import button")
    expect(page.locator("#said")).to_contain_text("Imported")
    (sent,) = [call[2] for call in gateway.calls if call[1] == "/programs:import"]
    assert sent == {"files": dict.fromkeys(names, "Šule;ø")}


def test_checking_in_finds_names_without_their_marks(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(f"{PROGRAM}#check-in")
    page.fill("#search", "simkova")
    rows = page.locator(".person")
    expect(rows.first).to_contain_text("Šimková")
    page.select_option("#standing", "expected")
    person = rows.first.get_attribute("data-id")
    rows.first.get_by_role("button", name="Check in").click()
    expect(page.locator("#said")).to_contain_text("is here")
    assert gateway.calls[-1][:2] == ("POST", f"/participants/{person}/check-in")
    expect(page.locator(f"[data-id={person}]")).to_have_count(0)
    # Ready for the next one in the queue.
    expect(page.locator("#search")).to_be_focused()


def test_absence_is_asked_for_with_its_round(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(f"{PROGRAM}#check-in")
    row = page.locator("[data-id=mentor-1]")
    row.get_by_role("button", name="absent").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert not gateway.calls
    row.get_by_role("button", name="absent").click()
    page.get_by_label("From which round on?").select_option("3")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("Absent from round 3")
    assert gateway.calls == [("POST", "/participants/mentor-1/absence", {"from_round": 3})]


def test_what_comes_too_late_is_asked_about_and_sent_again_with_a_yes(
    gateway: FakeGateway, open_page: OpenPage
) -> None:
    address = "/participants/mentor-1/absence"
    asked = {"field": "/from_round", "what": "round 1 is over", "remedy": "confirm it", "confirm": ["past-absence-1"]}
    refusal = (422, {"detail": "The absence begins with a round that is over.", "problems": [asked]})
    page = open_page(f"{PROGRAM}#check-in")
    row = page.locator("[data-id=mentor-1]")
    question = page.get_by_role("dialog").filter(has_text="round 1 is over")

    def miss() -> None:
        gateway.answers["POST", address] = refusal
        row.get_by_role("button", name="absent").click()
        page.get_by_role("dialog").get_by_role("button", name="Absent").click()
        expect(question).to_be_visible()

    miss()
    question.get_by_role("button", name="Cancel").click()
    expect(row).not_to_contain_text("Absent from")
    miss()
    del gateway.answers["POST", address]
    question.get_by_role("button", name="It is meant so").click()
    expect(row).to_contain_text("Absent from round 1")
    assert gateway.calls[-1] == ("POST", address, {"from_round": 1, "confirmed": ["past-absence-1"]})


def test_who_withdraws_or_is_erased_leaves_the_list(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(f"{PROGRAM}#check-in")
    name = gateway.people["mentee-13"]["name"]
    page.get_by_label("Search by name").fill(name)
    for what, button in (("withdraw", f"More on {name}"), ("erase", f"More on {name}")):
        page.get_by_role("button", name=button).click()
        page.get_by_label("What has happened?").select_option(what)
        page.get_by_role("button", name="Do it").click()
        expect(page.locator("#said")).to_contain_text({"withdraw": "has withdrawn", "erase": "is erased"}[what])
    expect(page.locator(".person")).to_have_count(0)
    assert [call[:2] for call in gateway.calls[-2:]] == [
        ("POST", "/participants/mentee-13/withdrawal"),
        ("DELETE", "/participants/mentee-13"),
    ]


def test_a_participant_can_withdraw_and_is_asked_before(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", width=390, height=844, before=as_participant("mentee-13"))
    page.get_by_text("I cannot come").click()
    page.locator("#withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert not begun.calls
    page.locator("#withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(page.locator("#said")).to_contain_text("You have withdrawn")
    assert begun.calls == [("POST", "/participants/mentee-13/withdrawal", {})]


def test_a_command_carries_the_revision_that_was_seen_and_a_stale_one_shows_what_holds(
    begun: FakeGateway, open_page: OpenPage
) -> None:
    page = open_page(f"{PROGRAM}#sessions")
    card = page.locator("[data-session=s-jkt]")
    expect(card).to_contain_text("Round 2 of 6")
    paused = {**begun.sessions["s-jkt"], "revision": 2, "paused_at": canned.write(begun.now())}
    begun.answers["POST", "/sessions/s-jkt/pause"] = (409, {"code": "stale", "detail": "no", "current": paused})
    card.get_by_role("button", name="Pause").click()
    expect(page.locator("#trouble")).to_contain_text("Nothing was done")
    expect(card).to_contain_text("Paused in round 2 of 6")
    expect(card).to_contain_text("Revision 2")
    resumed = canned.session(begun.now() - timedelta(seconds=720 + 300), revision=3)
    begun.answers["POST", "/sessions/s-jkt/resume"] = (200, resumed)
    card.get_by_role("button", name="Resume").click()
    expect(card).to_contain_text("Round 2 of 6")
    expect(page.locator("#trouble")).to_be_hidden()
    assert [(path, body) for _, path, body in begun.calls] == [
        ("/sessions/s-jkt/pause", {"revision": 1}),
        ("/sessions/s-jkt/resume", {"revision": 2}),
    ]


@pytest.mark.parametrize(
    ("seconds_in", "buttons"),
    [
        (-60, ["Move the start"]),
        (10, ["Pause", "Extend", "Restart round", "End round"]),
        (40, ["Pause", "Extend", "End round"]),
        (650, ["Pause", "Skip break"]),
    ],
)
def test_only_what_can_be_done_is_offered(
    gateway: FakeGateway, open_page: OpenPage, seconds_in: int, buttons: list[str]
) -> None:
    gateway.tell(canned.session(gateway.now() - timedelta(seconds=seconds_in)))
    page = open_page(f"{PROGRAM}#sessions")
    offered = page.locator("[data-session=s-jkt] button")
    expect(offered).to_have_text(buttons)


def test_the_plan_is_a_row_a_table_and_a_column_a_round(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(f"{PROGRAM}#plan")
    table = page.locator(".timetable").first
    expect(table.locator("thead th")).to_have_count(7)
    expect(page.locator(".quality")).to_contain_text("Proved")
    # Denpasar comes first; its last table is the fourth.
    row = [each for each in gateway.plan["meetings"] if each["table"] == "dps-4"]
    last = table.locator("tbody tr").last
    expect(last.locator("th")).to_contain_text(gateway.people[row[0]["mentor_id"]]["name"])
    expect(last.locator("td")).to_have_text([gateway.people[each["mentee_id"]]["name"] for each in row])


def test_feedback_is_given_for_a_meeting_that_was_held_and_can_be_replaced(
    begun: FakeGateway, open_page: OpenPage
) -> None:
    page = open_page("/me", width=390, height=844, before=as_participant("mentee-13"))
    expect(page.locator(".meeting.now")).to_contain_text("Round 2")
    expect(page.locator("#what")).to_contain_text("Table 7 with Kartika Siregar")
    held = page.locator(".meeting.past")
    expect(held).to_have_count(1)
    held.get_by_text("Give feedback").click()
    groups = held.locator("fieldset")
    groups.nth(0).get_by_label("6", exact=True).check(force=True)
    groups.nth(1).get_by_label("5", exact=True).check(force=True)
    groups.nth(2).get_by_label("Yes").check(force=True)
    held.locator("textarea").fill("Ask sooner.")
    held.get_by_role("button", name="Send feedback").click()
    expect(held).to_contain_text("Feedback given")
    method, path, body = begun.calls[-1]
    assert (method, path) == ("POST", f"/meetings/{next(iter(begun.feedback))}/feedback")
    assert body == {"ratings": {"time_well_spent": 6, "story": 5}, "stay_in_touch": True, "takeaway": "Ask sooner."}
    page.reload()
    held.get_by_text("Feedback given").click()
    expect(groups.nth(0).get_by_label("6", exact=True)).to_be_checked()
    expect(held.locator("textarea")).to_have_value("Ask sooner.")


def test_a_mentor_reads_the_questions_and_rates_the_preparation(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", width=390, height=844, before=as_participant("mentor-1"))
    held = page.locator(".meeting.past")
    held.get_by_text("Questions").click()
    expect(held).to_contain_text("How did you find your first investor?")
    held.get_by_text("Give feedback").click()
    expect(held).to_contain_text("Had the mentee prepared well?")
    expect(page.locator("#questions")).to_be_hidden()


def test_questions_are_put_in_order_by_keyboard(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", width=390, height=844, before=as_participant("mentee-13"))
    page.get_by_role("button", name="Move question 2 up").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add a question").click()
    page.keyboard.type("What is next?")
    page.locator("#question-form").get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("saved")
    assert begun.calls[-1][2] == {
        "questions": ["What would you not do again?", "How did you find your first investor?", "What is next?"]
    }


def test_what_is_typed_while_questions_are_being_saved_stays(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", width=390, height=844, before=as_participant("mentee-13"))
    held: list[Route] = []
    page.route("**/questions", lambda route: held.append(route))
    save = page.locator("#question-form").get_by_role("button", name="Save")
    save.click()
    expect(save).to_have_attribute("aria-busy", "true")
    page.get_by_label("Question 1", exact=True).fill("How did it begin?")
    held[0].continue_()
    expect(page.locator("#said")).to_contain_text("saved")
    expect(page.get_by_label("Question 1", exact=True)).to_have_value("How did it begin?")


def test_a_pause_is_told_to_screen_readers(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", width=390, height=844, before=as_participant("mentee-13"))
    expect(page.locator("#phase")).to_have_text("Round 2 of 6")
    begun.tell({**begun.sessions["s-jkt"], "revision": 2, "paused_at": canned.write(begun.now())})
    expect(page.locator("#announce")).to_have_text("The session is paused.")


def test_figures_over_few_answers_are_not_shown(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(f"{PROGRAM}#report")
    row = page.locator("#view-report tr", has_text="Want to stay in touch")
    expect(row.locator("td")).to_have_text([re.compile("72"), "–", re.compile("72"), re.compile("72"), "–"])


def test_a_language_once_chosen_stays(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/", locale="en-GB")
    page.click("text=Bahasa Indonesia")
    expect(page.locator("h1")).to_have_text("Senang Anda di sini")
    page.goto(f"{gateway.url}{PROGRAM}#check-in")
    expect(page.locator("html")).to_have_attribute("lang", "id")
    expect(page.locator(".person").first).to_contain_text("Hadir")


#: Roles of what can be operated, as they stand at the beginning of a line of Chromium's accessibility tree.
NAMELESS = re.compile(
    r"""^\s*- '?(?:button|checkbox|combobox|link|radio|searchbox|slider|spinbutton|switch|textbox)(?! ")"""
)


@pytest.mark.parametrize("language", ["en-GB", "id-ID"])
@pytest.mark.parametrize(
    ("path", "complete"),
    [
        ("/", "#organizer"),
        ("/programs", "#programs .card"),
        ("/webhooks", "#webhooks .card"),
        ("/me", "#connection-list li"),
        (f"/wall/{canned.PROGRAM}/jkt", "#count"),
        (f"{PROGRAM}#overview", "#view-overview a"),
        (f"{PROGRAM}#check-in", ".person"),
        (f"{PROGRAM}#plan", ".timetable"),
        (f"{PROGRAM}#sessions", "[data-session] button"),
        (f"{PROGRAM}#report", "#view-report table"),
    ],
)
def test_every_control_has_a_name_and_nothing_sticks_out_of_a_phone(
    begun: FakeGateway, open_page: OpenPage, path: str, complete: str, language: str
) -> None:
    page = open_page(path, width=360, height=740, locale=language, before=as_participant("mentee-13"))
    expect(page.locator(complete).first).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.locator("html")).to_have_attribute("lang", language[:2])
    # The whole tree at one moment: what is asked for one by one may have been drawn anew meanwhile.
    tree = page.locator("body").aria_snapshot().splitlines()
    assert any(re.match(r"\s*- '?(?:button|link) \"", line) for line in tree)
    assert not [line for line in tree if NAMELESS.match(line)]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_tab_one_is_at_is_in_sight_on_a_phone(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(f"{PROGRAM}#report", width=360, height=740, locale="id-ID")
    expect(page.locator("#view-report table").first).to_be_visible()
    expect(page.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=1)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    if len(colour) == 4:
        colour = "#" + "".join(2 * each for each in colour[1:])
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_colours_have_the_contrast_that_wcag_aa_asks_for() -> None:
    css = STYLE.read_text(encoding="utf-8")
    blocks = re.findall(r"\{([^{}]*--paper:[^{}]*)\}", css)
    # Light, dark, the wall, and paper.
    assert len(blocks) == 4
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", blocks[0]))
    for block in blocks:
        colours = {**light, **dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", block))}
        pairs = [
            (text, back, 4.5) for text in ("ink", "quiet", "accent", "soon", "last") for back in ("paper", "sheet")
        ]
        pairs += [
            ("on-accent", "accent", 4.5),
            ("accent", "tint", 4.5),
            ("last", "last-tint", 4.5),
            ("field", "sheet", 3),
        ]
        if block is not blocks[2]:
            pairs += [
                ("soon", "soon-tint", 4.5),
                ("good", "good-tint", 4.5),
                ("ink", "soon-tint", 4.5),
                ("sheet", "last", 4.5),
            ]
        for text, back, least in pairs:
            one, other = sorted((luminance(colours[text]), luminance(colours[back])), reverse=True)
            assert (one + 0.05) / (other + 0.05) >= least, (text, back)
