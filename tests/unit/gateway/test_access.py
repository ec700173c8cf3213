"""Who gets in, how, and what a browser is kept from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.gateway import door
from shared.clock import FastClock, SystemClock
from shared.faults import NotFound, NotYet
from shared.messages import say
from shared.security.tokens import verify

PASSWORD = "open, sesame"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CODE_OF = {"participant_id": "anna", "role": "mentee", "org": "acme", "program_id": "p1", "site_id": "jkt"}


def public_key(app: Flask) -> bytes:
    with app.app_context():
        return door.door().settings.token_public_key


def test_the_password_makes_an_organizer_of_the_whole_organization(app, client):
    answer = client.post("/api/v1/log-in", json={"password": PASSWORD})
    assert answer.status_code == 200
    principal = verify(answer.json["token"], public_key(app))
    principal.require_organizer("acme", "any", "any")
    assert (answer.json["role"], answer.json["program_id"]) == ("organizer", None)


def test_an_access_code_makes_a_participant_of_one_program(app, client, bus):
    bus.answers["redeem_access_code"] = CODE_OF
    answer = client.post("/api/v1/log-in", json={"access_code": "abcd-efgh"})
    principal = verify(answer.json["token"], public_key(app))
    assert (principal.subject, principal.role, principal.programs, principal.sites) == (
        "anna",
        "mentee",
        ("p1",),
        ("jkt",),
    )
    assert bus.calls == [("registration", "redeem_access_code", {"access_code": "abcd-efgh"})]


@pytest.mark.parametrize("given", [{"password": "wrong"}, {"access_code": "wrong"}])
def test_what_is_wrong_is_refused_as_not_logged_in(client, bus, given):
    bus.answers["redeem_access_code"] = NotFound(say("No such code."))
    answer = client.post("/api/v1/log-in", json=given)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert "Set-Cookie" not in answer.headers


def test_guessing_is_slowed_down_by_address_and_said_so(client):
    for _ in range(door.PASSWORD_TRIES):
        assert client.post("/api/v1/log-in", json={"password": "guess"}).status_code == 401
    answer = client.post("/api/v1/log-in", json={"password": PASSWORD})
    assert (answer.status_code, answer.json["code"]) == (429, "too-many")
    assert 0 < int(answer.headers["Retry-After"]) <= 301
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.post("/api/v1/log-in", json={"password": PASSWORD}, environ_base=elsewhere).status_code == 200


def test_a_hall_of_phones_behind_one_address_gets_in(client, bus):
    bus.answers["redeem_access_code"] = CODE_OF
    for _ in range(door.CODE_TRIES + 5):
        assert client.post("/api/v1/log-in", json={"access_code": "right"}).status_code == 200


def test_a_service_that_is_away_costs_nobody_a_try(client, bus):
    bus.answers["redeem_access_code"] = NotYet(say("away"))
    for _ in range(door.CODE_TRIES + 1):
        assert client.post("/api/v1/log-in", json={"access_code": "right"}).status_code == 503
    bus.answers["redeem_access_code"] = CODE_OF
    assert client.post("/api/v1/log-in", json={"access_code": "right"}).status_code == 200


@pytest.mark.parametrize("given", [{}, {"password": "a", "access_code": "b"}, {"pass": "a"}, {"password": 5}, [], None])
def test_a_log_in_is_one_of_two_things(client, given):
    answer = client.post("/api/v1/log-in", json=given)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic YTpi"}])
def test_without_a_token_that_holds_nothing_is_asked_of_the_services(client, bus, headers):
    answer = client.get("/api/v1/programs", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert bus.calls == []


def test_the_cookie_is_for_our_own_pages_alone(app):
    browser = app.test_client()
    cookie = browser.post("/api/v1/log-in", json={"password": PASSWORD}).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert browser.get("/api/v1/programs").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({"Origin": "http://localhost"}, 202),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_a_change_by_cookie_must_come_from_our_own_pages(app, bus, headers, status):
    browser = app.test_client()
    browser.post("/api/v1/log-in", json={"password": PASSWORD})
    assert browser.post("/api/v1/programs/p1/plan", headers=headers).status_code == status
    assert bool(bus.calls) == (status == 202)


def test_a_change_by_bearer_may_come_from_anywhere(client, organizer):
    headers = {**organizer, "Origin": "http://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post("/api/v1/programs/p1/plan", headers=headers).status_code == 202


def test_another_site_cannot_log_a_browser_in(client):
    answer = client.post("/api/v1/log-in", json={"password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_logging_out_takes_the_cookie_back(app):
    browser = app.test_client()
    browser.post("/api/v1/log-in", json={"password": PASSWORD})
    assert browser.post("/api/v1/log-out", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 204
    assert browser.get("/api/v1/programs").status_code == 401


@pytest.mark.parametrize(("clock", "speed"), [(SystemClock(), 1), (FastClock(NOW, NOW, 60.0), 60)])
def test_the_time_is_open_and_says_how_fast_it_goes(app, clock, speed):
    with app.app_context():
        here = door.door()
    replace(here, clock=clock).open_in(app)
    before = clock.now()
    answer = app.test_client().get("/api/v1/time")
    now = datetime.fromisoformat(answer.json["now"])
    assert answer.json["speed"] == pytest.approx(speed)
    assert before - timedelta(milliseconds=1) <= now <= clock.now()
    assert answer.headers["Cache-Control"] == "no-store"


def test_browsers_are_told_to_be_careful_on_every_answer(client: FlaskClient):
    for path in ("/api/v1/time", "/openapi.json", "/nowhere"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Referrer-Policy" in headers
