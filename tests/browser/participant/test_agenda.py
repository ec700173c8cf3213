"""What participants read of the plan on their phones: their meetings, what changes, and why there is none."""

from collections.abc import Callable
from typing import Any

import canned
import pytest
from as_participant import as_participant
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
ME = "mentee-13"
SIZE = {"width": 390, "height": 844}


def mine(gateway: FakeGateway, round_: int) -> dict[str, Any]:
    """The meeting of that round."""
    return next(each for each in gateway.plan["meetings"] if each["mentee_id"] == ME and each["round"] == round_)


def without(gateway: FakeGateway, meeting: dict[str, Any]) -> list[dict[str, Any]]:
    """All other meetings."""
    return [each for each in gateway.plan["meetings"] if each is not meeting]


@pytest.mark.parametrize(
    ("language", "there_is", "reason", "next_"),
    [
        ("en-GB", "There is a plan, and it has no meeting for you", "The reason: no mentor", "speak to the organizer"),
        ("id-ID", "Rencana sudah ada, dan di dalamnya tidak ada", "Alasannya: no mentor", "Hubungi juga panitia"),
    ],
)
def test_whom_the_plan_gives_no_meeting_reads_that_and_why_and_what_next(
    begun: FakeGateway, open_page: OpenPage, language: str, there_is: str, reason: str, next_: str
) -> None:
    begun.plan["meetings"] = []
    page = open_page("/me", **SIZE, locale=language, before=as_participant(ME))
    agenda = page.locator("#agenda")
    for text in (there_is, reason, next_):
        expect(agenda).to_contain_text(text)


def test_before_there_is_a_plan_nothing_is_promised_of_rounds(begun: FakeGateway, open_page: OpenPage) -> None:
    begun.plan |= {"revision": 0, "state": "planning", "meetings": []}
    begun.reason = None
    page = open_page("/me", **SIZE, before=as_participant(ME))
    expect(page.locator("#agenda")).to_contain_text("The plan is being made")
    expect(page.locator("#what")).not_to_contain_text("no meeting")
    begun.replan(state="planned", meetings=canned.plan()["meetings"])
    expect(page.locator(".meeting")).to_have_count(
        len([1 for each in begun.plan["meetings"] if each["mentee_id"] == ME])
    )
    expect(page.locator("#announce")).to_have_text("Your meetings are here.")
    # A first plan is no change.
    expect(page.locator("#changed")).to_be_empty()


@pytest.mark.parametrize(
    ("language", "gone"),
    [("en-GB", "the meeting with {} does not take place"), ("id-ID", "pertemuan dengan {} tidak jadi diadakan")],
)
def test_a_meeting_that_is_gone_is_told_of_until_it_has_been_read(
    begun: FakeGateway, open_page: OpenPage, language: str, gone: str
) -> None:
    page = open_page("/me", **SIZE, locale=language, before=as_participant(ME))
    expect(page.locator(".meeting").first).to_be_visible()
    meeting = mine(begun, 3)
    name = begun.people[meeting["mentor_id"]]["name"]
    begun.replan(meetings=without(begun, meeting))
    told = page.get_by_role("status").filter(has_text=gone.format(name))
    expect(told).to_be_visible()
    expect(told).to_contain_text("3")
    # Also for who reloads the page before reading it.
    page.reload()
    expect(told).to_be_visible()
    told.get_by_role("button").click()
    expect(page.locator("#changed")).to_be_empty()
    page.reload()
    expect(page.locator(".meeting").first).to_be_visible()
    expect(page.locator("#changed")).to_be_empty()


def test_a_change_that_is_taken_back_is_none(begun: FakeGateway, open_page: OpenPage) -> None:
    page = open_page("/me", **SIZE, before=as_participant(ME))
    expect(page.locator(".meeting").first).to_be_visible()
    before = begun.plan["meetings"]
    begun.replan(meetings=without(begun, mine(begun, 3)))
    expect(page.locator("#changed")).to_contain_text("does not take place")
    begun.replan(meetings=before)
    expect(page.locator("#changed")).to_be_empty()


def test_another_mentor_another_table_and_a_meeting_more_are_each_told_of(
    begun: FakeGateway, open_page: OpenPage
) -> None:
    others = [mine(begun, 2), mine(begun, 3), mine(begun, 4)]
    later = others.pop()
    begun.plan["meetings"] = without(begun, later)
    page = open_page("/me", **SIZE, before=as_participant(ME))
    expect(page.locator(".meeting").first).to_be_visible()
    names = {each: person["name"] for each, person in begun.people.items()}
    rest = [each for each in begun.plan["meetings"] if each not in others]
    begun.replan(
        meetings=[*rest, {**others[0], "table": "jkt-9"}, {**others[1], "mentor_id": "mentor-10"}, later],
    )
    expect(page.locator("#changed li")).to_have_text(
        [
            f"Round 2: you meet {names[others[0]['mentor_id']]} at table 9 now.",
            f"Round 3: you now meet {names['mentor-10']} at table {others[1]['table'][4:]}, "
            f"and not {names[others[1]['mentor_id']]}.",
            f"Round 4: you now meet {names[later['mentor_id']]} at table {later['table'][4:]}.",
        ]
    )


def test_who_had_no_meeting_and_gets_one_is_told(begun: FakeGateway, open_page: OpenPage) -> None:
    meeting = mine(begun, 3)
    begun.plan["meetings"] = []
    page = open_page("/me", **SIZE, before=as_participant(ME))
    expect(page.locator("#agenda")).to_contain_text("no meeting for you")
    begun.replan(meetings=[meeting])
    expect(page.locator("#changed")).to_contain_text("Round 3: you now meet")
    expect(page.locator(".meeting")).to_have_count(1)


@pytest.mark.parametrize("reason", [None, {"msgid": "no mentor is at your site", "params": {}}])
def test_an_agenda_of_an_older_service_is_shown_all_the_same(
    begun: FakeGateway, open_page: OpenPage, reason: Any
) -> None:
    agenda = {"participant_id": ME, "program_id": canned.PROGRAM, "revision": 2, "meetings": []}
    begun.answers["GET", f"/participants/{ME}/agenda"] = (200, agenda | ({"reason": reason} if reason else {}))
    page = open_page("/me", **SIZE, before=as_participant(ME))
    expect(page.locator("#agenda")).to_contain_text("There is a plan, and it has no meeting for you")
    expect(page.locator("#agenda")).not_to_contain_text("The reason")
