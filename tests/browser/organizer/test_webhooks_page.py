"""Organizers see where events go and how that goes, and put it right."""

from collections.abc import Callable
from typing import Any

import canned
import pytest
from fake_gateway import FakeGateway
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]

WEBHOOK: dict[str, Any] = canned.webhook()
SECRET = "whsec_" + "A" * 43 + "="


def serve(gateway: FakeGateway, **changes: Any) -> None:
    webhook = {**WEBHOOK, **changes}
    gateway.answers["GET", "/webhooks"] = (200, {"webhooks": [webhook]})
    delivery = {"event_id": "e1", "type": "matching.plan-published", "cursor": "3", "state": "given-up", "attempts": 10}
    gateway.answers["GET", "/webhooks/w1"] = (200, {**webhook, "deliveries": [{**delivery, "next_at": None}]})


@pytest.fixture
def page(gateway: FakeGateway, open_page: OpenPage) -> Page:
    serve(gateway)
    return open_page("/webhooks")


def card(page: Page) -> Any:
    return page.locator("[data-webhook=w1]")


def test_a_webhook_is_added_and_its_secret_shown_once(gateway: FakeGateway, page: Page) -> None:
    gateway.answers["POST", "/webhooks"] = (201, {**WEBHOOK, "secret": SECRET})
    page.get_by_label("Integrator").select_option("lms")
    page.get_by_label("Address").fill("https://hooks.example.org/x")
    page.get_by_label("Types of events").fill("matching.#, *.round-ended")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Secret", exact=True)).to_have_value(SECRET)
    given = {"integrator": "lms", "url": "https://hooks.example.org/x", "types": ["matching.#", "*.round-ended"]}
    assert gateway.calls == [("POST", "/webhooks", given)]
    page.reload()
    expect(card(page)).to_contain_text("5 delivered, 2 pending, 0 given up")
    assert SECRET not in page.content()


def test_what_is_wrong_with_an_address_is_said(gateway: FakeGateway, page: Page) -> None:
    problem = {"field": "/url", "what": "10.0.0.1 is in a private network", "remedy": "give another"}
    gateway.answers["POST", "/webhooks"] = (422, {"detail": "It cannot be used.", "problems": [problem]})
    page.get_by_label("Address").fill("https://10.0.0.1/")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#trouble")).to_contain_text("10.0.0.1 is in a private network: give another")
    expect(page.get_by_label("Address")).to_have_value("https://10.0.0.1/")


def test_a_disabled_one_says_why_and_is_enabled_from_now_on(gateway: FakeGateway, open_page: OpenPage) -> None:
    serve(gateway, state="disabled", reason="failing")
    page = open_page("/webhooks")
    expect(card(page).locator(".notice")).to_contain_text("nothing has succeeded for three days")
    expect(card(page)).to_contain_text("<b>x</b>")
    gateway.answers["POST", "/webhooks/w1/activation"] = (200, WEBHOOK)
    card(page).get_by_role("button", name="Enable").click()
    page.get_by_label("Only what happens from now on").check()
    page.get_by_role("dialog").get_by_role("button", name="Enable").click()
    expect(page.locator("#said")).to_contain_text("again")
    assert gateway.calls == [("POST", "/webhooks/w1/activation", {"from_now": True})]


def test_it_is_tested_rotated_sent_once_more_and_removed(gateway: FakeGateway, open_page: OpenPage) -> None:
    failed = {"event_id": "e", "at": "2026-03-01T09:00:00.000Z", "status": None, "failure": "timeout", "seconds": 15}
    serve(
        gateway,
        given_up=1,
        failing_since="2026-03-01T09:00:00.000Z",
        failed=failed,
        test={**failed, "status": 404, "failure": None},
    )
    page = open_page("/webhooks")
    expect(card(page)).to_contain_text("no answer in time")
    expect(card(page)).to_contain_text("answer 404")
    gateway.answers["POST", "/webhooks/w1/tests"] = (202, {"event_id": "t"})
    gateway.answers["POST", "/webhooks/w1/secrets"] = (201, {**WEBHOOK, "secret": SECRET})
    gateway.answers["POST", "/webhooks/w1/redeliveries"] = (202, {"events": 1})
    gateway.answers["DELETE", "/webhooks/w1"] = (200, {})
    card(page).get_by_role("button", name="Send a test event").click()
    expect(page.locator("#said")).to_contain_text("test event")
    card(page).get_by_role("button", name="New secret").click()
    page.get_by_role("dialog").get_by_role("button", name="New secret").click()
    expect(page.get_by_label("Secret", exact=True)).to_have_value(SECRET)
    card(page).get_by_role("button", name="Send again what was given up").click()
    expect(page.locator("#said")).to_have_text("Sent again: 1.")
    card(page).get_by_text("Events", exact=True).click()
    card(page).get_by_role("button", name="Send again", exact=True).click()
    card(page).get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("#said")).to_have_text("The webhook is removed.")
    assert [(path, body) for _, path, body in gateway.calls] == [
        ("/webhooks/w1/tests", {}),
        ("/webhooks/w1/secrets", {}),
        ("/webhooks/w1/redeliveries", {"given_up_since": WEBHOOK["created_at"]}),
        ("/webhooks/w1/redeliveries", {"event_id": "e1"}),
        ("/webhooks/w1", None),
    ]


def test_it_speaks_indonesian(gateway: FakeGateway, open_page: OpenPage) -> None:
    serve(gateway, state="disabled", reason="gone")
    page = open_page("/webhooks?lang=id")
    expect(page.get_by_role("button", name="Kirim peristiwa uji")).to_be_visible()
    expect(card(page)).to_contain_text("penerima menjawab bahwa ia sudah tidak ada (410)")
