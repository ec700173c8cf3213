"""Plans on paper: every round and every whole name, on as many sheets as it takes, and no scores for participants."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import canned
import pytest
from fake_gateway import FakeGateway
from halls import THIRTY as THIRTY_LETTERS
from halls import UNBROKEN as ONE_WORD
from halls import hall
from playwright.sync_api import Browser, Page, expect
from printed import PAPERS, close_up, sheets

from services.matching.pictures import render_html
from services.matching.planner import read_input, solve

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
#: They differ only after so many letters.
THIRTY = "Anindya Kusumawardhani Sant"
UNBROKEN = "Wolfeschlegelsteinhausenbergerdorff" * 3 + "Wolfeschlegelstein"


def event(tables: int, rounds: int, name: str, **more: Any) -> dict[str, Any]:
    """An event at one site: as many tables as rounds are full, and as many mentees."""
    people = {
        role: [
            {"id": f"{name}{number:02}{letter}", "site": "Balai Kota", "topics": {"funding": 3}, **them}
            for number in range(tables)
        ]
        for role, letter, them in (("mentors", "m", {}), ("mentees", "e", {"topics": ["funding"]}))
    }
    return {"format": "speedmentor.plan-input/1", "rounds": rounds, **people, **more}


@pytest.fixture
def show(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """``show(event, language)`` opens the page of its plan, and gives the plan with it."""
    context = chromium.new_context()
    # There is nobody to press the printer's button; what is to be printed stays chosen.
    context.add_init_script("window.print = () => {}")

    def show_(document: dict[str, Any], language: str = "en") -> tuple[Page, dict[str, Any]]:
        plan = solve(read_input(document)).to_document()
        path = tmp_path / "plan.html"
        path.write_text(render_html(plan, document, language), encoding="utf-8")
        page = context.new_page()
        page.goto(path.as_uri())
        return page, plan

    yield show_
    context.close()


@pytest.mark.parametrize(
    ("tables", "rounds", "name"),
    [(3, 1, THIRTY), (8, 8, THIRTY), (40, 6, THIRTY), (8, 12, UNBROKEN), (4, 30, THIRTY), (8, 12, "e")],
)
def test_a_printed_timetable_has_every_round_and_whole_names(
    show: Callable[..., tuple[Page, dict[str, Any]]], tables: int, rounds: int, name: str
) -> None:
    document = event(tables, rounds, name)
    page, plan = show(document)
    meetings = Counter(close_up(each["mentee"]) for each in plan["meetings"])
    for paper in PAPERS:
        page.get_by_role("button", name="Print the timetable").click()
        printed = sheets(page, *paper)
        text = "".join(sheet.text for sheet in printed)
        assert not [sheet.outside for sheet in printed if sheet.outside], paper
        assert {close_up(each["id"]) for each in document["mentors"]} <= set(
            re.findall(rf"{close_up(name)}\d\dm", text)
        )
        assert Counter(re.findall(rf"{close_up(name)}\d\de", text)) == meetings, paper
        assert all(f"Round{number}" in text for number in range(1, rounds + 1)), paper
        # Whatever is on a sheet, its columns have their heads there too.
        assert all("Table" in sheet.text and re.search(r"Round\d", sheet.text) for sheet in printed), paper


def test_all_of_a_printed_page_is_on_the_paper(show: Callable[..., tuple[Page, dict[str, Any]]]) -> None:
    page, plan = show(event(4, 13, UNBROKEN), "id")
    for paper in PAPERS:
        printed = sheets(page, *paper)
        assert not [sheet.outside for sheet in printed if sheet.outside], paper
        text = "".join(sheet.text for sheet in printed)
        # The mean of every round, by site, too.
        assert text.count("R13") == 1
        assert set(re.findall(rf"{UNBROKEN}\d\d[em]", text)) == {
            each[role] for each in plan["meetings"] for role in ("mentee", "mentor")
        }


@pytest.mark.parametrize(
    ("language", "button", "score", "reason", "rest"),
    [
        ("en", "Print a page for each person", "Score", "no mentor speaks a language of yours", "rest"),
        (
            "id",
            "Cetak satu halaman untuk tiap orang",
            "Nilai",
            "tidak ada mentor yang berbicara bahasa Anda",
            "istirahat",
        ),
    ],
)
def test_a_persons_sheet_has_no_scores_and_says_why_there_is_no_meeting(
    show: Callable[..., tuple[Page, dict[str, Any]]], language: str, button: str, score: str, reason: str, rest: str
) -> None:
    document = event(4, 6, THIRTY)
    for mentor in document["mentors"]:
        mentor["languages"] = ["id"]
    document["mentees"].append({"id": "Lonely", "site": "Balai Kota", "languages": ["en"]})
    document["mentees"].append({"id": "Late", "site": "Balai Kota", "rounds": [6], "topics": ["funding"]})
    page, plan = show(document, language)
    page.get_by_role("button", name=button).click()
    printed = sheets(page, "A4", False)
    assert len(printed) == 4 + 4 + 2
    points = {str(each["score"]) for each in plan["meetings"]}
    for sheet in printed:
        assert not sheet.outside
        assert score not in sheet.text
        assert not any(each in sheet.text for each in points)
    [lonely] = [sheet for sheet in printed if "Lonely" in sheet.text]
    assert close_up(reason) in lonely.text
    # Four meetings in six rounds.
    [mentee] = [sheet for sheet in printed if close_up(f"{THIRTY}00e") in sheet.text[:80]]
    assert mentee.text.count(rest) == 2


@pytest.mark.parametrize(
    ("tables", "seats", "rounds", "name", "language"),
    [
        (8, 1, 8, THIRTY_LETTERS, "en-GB"),
        (16, 2, 12, THIRTY_LETTERS, "id-ID"),
        (4, 1, 25, ONE_WORD, "en-GB"),
    ],
)
def test_the_organizers_page_of_a_plan_has_every_round_and_whole_names_on_paper(
    gateway: FakeGateway, open_page: OpenPage, tables: int, seats: int, rounds: int, name: str, language: str
) -> None:
    names = hall(gateway, tables, seats, name, rounds)
    mentees = {close_up(each["name"]) for who, each in gateway.people.items() if who.startswith("mentee")}
    path = f"/programs/{canned.PROGRAM}"
    gateway.answers["GET", path] = (200, {**canned.program(gateway.now()), "rounds": rounds})
    page = open_page(f"{path}#plan", locale=language)
    expect(page.locator(".timetable")).to_be_visible()
    round_ = "Round" if language == "en-GB" else "Ronde"
    for paper in PAPERS:
        printed = sheets(page, *paper)
        assert not [sheet.outside for sheet in printed if sheet.outside], paper
        text = "".join(sheet.text for sheet in printed)
        assert {each for each in names if close_up(each) not in text} == set(), paper
        assert all(f"{round_}{number}" in text for number in range(1, rounds + 1)), paper
        assert {text.count(mentee) for mentee in mentees} == {rounds}, paper
        # Whatever is on a sheet, its columns have their heads there too.
        assert all(round_ in sheet.text for sheet in printed if any(each in sheet.text for each in mentees)), paper
    expect(page.locator(".sheet")).to_have_count(0)
