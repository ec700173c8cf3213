"""Organizers give accounts to other systems, see what each may hear, and take them away again."""

from collections.abc import Callable
from typing import Any

import canned
import pytest
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]

SECRETS = {
    "amqp_uri": "amqps://integrator-lms:hunter2@broker.example.org:5671/speedmentor",
    "user": "integrator-lms",
    "password": "hunter2",
    "api_key": "smk_hunter2",
}


def integrator(name: str = "bi", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "types": ["matching.#"],
        "programs": None,
        "queue": f"integrator.{name}",
        "dead_letters": f"integrator.{name}.dead",
        "stream": None,
        "exchange": "speedmentor.events",
        "created_at": "2026-03-01T09:00:00.000Z",
        "settled": True,
        "users": [{"user": f"integrator-{name}", "made_at": "2026-03-01T09:00:00.000Z", "until": None}],
        **changes,
    }


def serve(gateway: FakeGateway, *integrators: dict[str, Any]) -> None:
    gateway.answers["GET", "/integrators"] = (200, {"integrators": list(integrators)})


@pytest.fixture
def page(gateway: FakeGateway, open_page: OpenPage) -> Page:
    serve(gateway, integrator(), integrator("lxp", programs=[canned.PROGRAM], stream="integrator.lxp.stream"))
    page = open_page("/integrators")
    expect(card(page, "bi")).to_be_visible()
    return page


def card(page: Page, name: str) -> Any:
    return page.locator(f"[data-integrator={name}]")


def test_each_is_there_with_what_it_may_hear(gateway: FakeGateway, page: Page) -> None:
    expect(card(page, "bi")).to_contain_text("matching.# of all programs")
    expect(card(page, "lxp")).to_contain_text(gateway.program["title"])
    expect(card(page, "lxp")).to_contain_text("integrator.lxp.stream")


def test_one_is_added_and_its_secrets_are_shown_once(gateway: FakeGateway, page: Page) -> None:
    made = {**integrator("lms", types=["registration.#"]), "secrets": SECRETS}
    gateway.answers["POST", "/integrators"] = (201, made)
    page.get_by_label("Name").fill("lms")
    page.get_by_label("Types of events").fill("registration.#, *.round-ended")
    page.get_by_label(gateway.program["title"]).check()
    serve(gateway, integrator(), integrator("lms"))
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Broker", exact=True)).to_have_value(SECRETS["amqp_uri"])
    expect(page.get_by_label("API key")).to_have_value(SECRETS["api_key"])
    expect(page.locator("#secret")).to_be_focused()
    given = {"name": "lms", "types": ["registration.#", "*.round-ended"], "programs": [canned.PROGRAM], "stream": False}
    assert gateway.calls == [("POST", "/integrators", given)]
    page.reload()
    expect(card(page, "lms")).to_be_visible()
    assert "hunter2" not in page.content()


@pytest.mark.parametrize(
    ("field", "label", "said"),
    [
        ("/types/1", "Types of events", "registraton.# matches no type: write registration.#"),
        ("/name", "Name", "Not a name"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_entered_is_lost(
    gateway: FakeGateway, page: Page, field: str, label: str, said: str
) -> None:
    what, _, remedy = said.partition(": ")
    fault = {"field": field, "what": what, "remedy": remedy}
    gateway.answers["POST", "/integrators"] = (422, {"detail": "No.", "problems": [fault]})
    page.get_by_label("Name").fill("Hr")
    page.get_by_label("Types of events").fill("#, registraton.#")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_label(label)).to_be_focused()
    expect(page.get_by_label("Types of events")).to_have_value("#, registraton.#")


def test_new_secrets_end_the_old_ones_when_it_is_said(gateway: FakeGateway, page: Page) -> None:
    until = "2026-03-02T09:00:00.000Z"
    users = [
        {"user": "integrator-bi", "made_at": "2026-03-01T09:00:00.000Z", "until": until},
        {"user": "integrator-bi.2", "made_at": "2026-03-01T10:00:00.000Z", "until": None},
    ]
    renewed = integrator(users=users)
    gateway.answers["POST", "/integrators/bi/secrets"] = (201, {**renewed, "secrets": SECRETS})
    card(page, "bi").get_by_role("button", name="New secrets").click()
    page.get_by_role("dialog").get_by_label("The old ones end").select_option(label="after a day")
    serve(gateway, renewed)
    page.get_by_role("dialog").get_by_role("button", name="New secrets").click()
    expect(page.get_by_label("API key")).to_have_value(SECRETS["api_key"])
    assert gateway.calls == [("POST", "/integrators/bi/secrets", {"keep_hours": 24})]
    expect(card(page, "bi")).to_contain_text("integrator-bi.2")


def test_one_is_removed_only_after_a_question(gateway: FakeGateway, page: Page) -> None:
    gateway.answers["DELETE", "/integrators/bi"] = (200, integrator())
    card(page, "bi").get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert gateway.calls == []
    card(page, "bi").get_by_role("button", name="Remove").click()
    serve(gateway)
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("There is no integrator yet.")).to_be_visible()
    assert gateway.calls == [("DELETE", "/integrators/bi", None)]


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1366, 768), (1920, 1080)])
@pytest.mark.parametrize("language", ["en", "id"])
def test_nothing_is_cut_off_at_any_size(
    gateway: FakeGateway, open_page: OpenPage, width: int, height: int, language: str
) -> None:
    types = ["registration.mentor-registered", "session-timer.round-extended", "matching.#"]
    serve(gateway, integrator("a-name-as-long-as-a-name-is-allowed-to-be", types=types, settled=False))
    page = open_page(f"/integrators?lang={language}", width, height)
    expect(page.locator("[data-integrator]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
