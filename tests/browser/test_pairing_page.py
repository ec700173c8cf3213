"""The organizer has the final pairs formed."""

from collections.abc import Callable

import canned
import pytest
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PROGRAM = f"/programs/{canned.PROGRAM}"


def test_the_pairs_are_formed_and_stand_side_by_side(gateway: FakeGateway, open_page: OpenPage) -> None:
    page = open_page(f"{PROGRAM}#report")
    expect(page.locator("#view-report")).to_contain_text("9 by mentors, 17 by mentees")
    page.get_by_role("button", name="Form the pairs").click()
    page.get_by_label("Which pairs are announced").select_option("most-mutual")
    page.get_by_role("dialog").get_by_role("button", name="Form the pairs").click()
    row = page.locator("#view-report tr", has_text="announced")
    expect(row.locator("td")).to_have_text(["2", "0", "0", "1"])
    assert gateway.calls[-1] == ("POST", f"{PROGRAM}/pairing", {"method": "most-mutual"})
    expect(page.locator("#view-report")).to_contain_text(gateway.people["mentee-20"]["name"])
