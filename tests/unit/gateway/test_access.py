"""Who gets in, how, and what a browser is kept from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.gateway import door
from shared.clock import FastClock, SystemClock
from shared.faults import NotFound, NotYet, TooMany, Unauthenticated
from shared.messages import say
from shared.security.principal import MENTEE, EventScope, Principal
from shared.security.tokens import read_log_in, verify

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
    asked = {"access_code": "abcd-efgh", "address": "127.0.0.1"}
    assert bus.calls == [("registration", "redeem_access_code", asked)]


def test_an_api_key_makes_an_integrator_within_its_scope_for_an_hour_and_no_cookie(app, client, bus):
    bus.answers["redeem_api_key"] = {"name": "hr", "org": "acme", "types": ["registration.#"], "programs": ["p1"]}
    answer = client.post("/api/v1/log-in", json={"api_key": "smk_x"})
    log_in = read_log_in(answer.json["token"], public_key(app))
    assert log_in.principal == Principal("hr", "integrator", "acme", scope=EventScope(("registration.#",), ("p1",)))
    assert timedelta(minutes=59) < log_in.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    assert (answer.json["types"], answer.json["programs"]) == (["registration.#"], ["p1"])
    assert "Set-Cookie" not in answer.headers
    assert bus.calls == [("integrations", "redeem_api_key", {"api_key": "smk_x"})]


def test_a_wrong_api_key_is_counted_by_address_and_refused_when_there_are_many(client, bus):
    bus.answers["redeem_api_key"] = NotFound(say("No such key."))
    answer = client.post("/api/v1/log-in", json={"api_key": "x"}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert bus.calls[-1] == ("registration", "try_api_key", {"address": "192.0.2.7"})
    assert bus.tokens[-1] == "of the gateway itself"
    bus.answers["try_api_key"] = TooMany(say("later"), 7)
    answer = client.post("/api/v1/log-in", json={"api_key": "x"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize("given", [{"password": "wrong"}, {"access_code": "wrong"}, {"api_key": "wrong"}])
def test_what_is_wrong_is_refused_as_not_logged_in(client, bus, given):
    bus.answers["redeem_access_code"] = bus.answers["redeem_api_key"] = NotFound(say("No such code."))
    answer = client.post("/api/v1/log-in", json=given)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert "Set-Cookie" not in answer.headers


def tried(bus) -> dict[str, object]:
    return next(given for _, method, given in reversed(bus.calls) if method == "try_password")


@pytest.mark.parametrize("password", [PASSWORD, "guess"])
def test_registration_says_when_a_password_is_answered_and_not_whether(client, bus, pauses, password):
    bus.answers["try_password"] = {"wait": 3.5, "retry_after": 6}
    answer = client.post("/api/v1/log-in", json={"password": password}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert pauses == [3.5], "right or wrong it takes the same time"
    assert tried(bus) == {"account": "organizer", "right": password == PASSWORD, "address": "192.0.2.7", "device": None}
    assert bus.tokens[-1] == "of the gateway itself"
    if password == PASSWORD:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json["code"]) == (429, "too-many")
        assert (answer.headers["Retry-After"], "6 s" in answer.json["detail"]) == ("6", True)


@pytest.mark.parametrize("given", [{"password": PASSWORD}, {"password": "guess"}, {"access_code": "guess"}])
def test_what_is_not_looked_at_is_refused_alike_and_says_so(client, bus, pauses, given):
    away = TooMany(say("later"), 7)
    bus.answers |= {"try_password": away, "redeem_access_code": away}
    answer = client.post("/api/v1/log-in", json=given, headers={"Accept-Language": "id"})
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (429, "too-many", "7")
    assert (answer.headers["Content-Language"], pauses) == ("id", [])


def test_a_browser_that_was_let_in_is_known_again_and_nothing_else_is(app, bus):
    browser = app.test_client()
    first = browser.post("/api/v1/log-in", json={"password": PASSWORD})
    assert tried(bus)["device"] is None
    (device,) = [each for each in first.headers.getlist("Set-Cookie") if each.startswith("speedmentor-device=")]
    assert {"HttpOnly", "SameSite=Strict", "Path=/api/v1/log-in"} <= set(device.split("; "))
    browser.post("/api/v1/log-in", json={"password": "guess"}, headers={"Sec-Fetch-Site": "same-origin"})
    known = tried(bus)["device"]
    assert known
    browser.post("/api/v1/log-in", json={"password": PASSWORD}, headers={"Sec-Fetch-Site": "same-origin"})
    browser.post("/api/v1/log-in", json={"password": "guess"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert tried(bus)["device"] == known, "it stays the same device"
    # A token is signed with the same key, and still is no device; nor does a device let anybody in.
    stranger = app.test_client(use_cookies=False)
    for cookie in (f"speedmentor-device={first.json['token']}", f"{device.split(';')[0]}x", "speedmentor-device="):
        stranger.post("/api/v1/log-in", json={"password": "guess"}, headers={"Cookie": cookie})
        assert tried(bus)["device"] is None
    as_token = {"Authorization": f"Bearer {device.split(';')[0].partition('=')[2]}"}
    assert stranger.get("/api/v1/programs", headers=as_token).status_code == 401


def test_who_comes_with_a_code_makes_no_device_known(client, bus):
    bus.answers["redeem_access_code"] = CODE_OF
    answer = client.post("/api/v1/log-in", json={"access_code": "right"})
    assert not any("speedmentor-device" in each for each in answer.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize("given", [{"password": PASSWORD}, {"password": "guess"}, {"access_code": "right"}])
def test_nobody_gets_in_while_nobody_counts(client, bus, given):
    bus.answers |= {"try_password": NotYet(say("away")), "redeem_access_code": NotYet(say("away"))}
    answer = client.post("/api/v1/log-in", json=given)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (503, False)


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
    cookie = browser.post("/api/v1/log-in", json={"password": PASSWORD}).headers.getlist("Set-Cookie")[0]
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
    bus.calls.clear()
    assert browser.post("/api/v1/programs/p1/plan", headers=headers).status_code == status
    assert bool(bus.calls) == (status == 202)


def test_a_change_by_bearer_may_come_from_anywhere(client, organizer):
    headers = {**organizer, "Origin": "http://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert client.post("/api/v1/programs/p1/plan", headers=headers).status_code == 202


def test_another_site_cannot_log_a_browser_in(client):
    answer = client.post("/api/v1/log-in", json={"password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_logging_out_takes_the_cookie_back_and_ends_the_log_in(app, bus):
    browser = app.test_client()
    token = browser.post("/api/v1/log-in", json={"password": PASSWORD}).json["token"]
    assert browser.post("/api/v1/log-out", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 204
    assert ("registration", "end_log_in", {}) in bus.calls
    assert bus.tokens[-1] == token, "as who logs out"
    assert browser.get("/api/v1/programs").status_code == 401
    copied = {"Authorization": f"Bearer {token}"}
    bus.calls.clear()
    for method, path in (("get", "/api/v1/programs"), ("get", "/api/v1/programs/p1/live"), ("post", "/api/v1/log-out")):
        answer = getattr(app.test_client(use_cookies=False), method)(path, headers=copied)
        assert answer.status_code == (204 if path.endswith("log-out") else 401)
    assert bus.calls == []


def test_a_log_out_that_the_services_cannot_be_told_of_is_told_until_they_know(app, bus, log_ins):
    browser = app.test_client()
    token = browser.post("/api/v1/log-in", json={"password": PASSWORD}).json["token"]
    bus.answers["end_log_in"] = NotYet(say("away"))
    answer = browser.post("/api/v1/log-out", headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.json["code"]) == (503, "not-yet")
    assert browser.get("/api/v1/programs").status_code == 401, "the browser has forgotten it"
    copied = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get("/api/v1/programs", headers=copied).status_code == 401, "and this replica refuses it"
    answers = iter([NotYet(say("away")), NotYet(say("away")), None])

    def told():
        if fault := next(answers):
            raise fault
        return {}

    bus.answers["end_log_in"] = told
    log_ins.later.pop()()
    assert next(answers, "all of them are had") == "all of them are had"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x.y.z"}])
def test_who_is_not_in_can_log_out(client, bus, headers):
    assert client.post("/api/v1/log-out", headers=headers).status_code == 204
    assert bus.calls == []


def test_a_token_of_the_release_before_cannot_be_ended_and_takes_no_other_with_it(client, bus, mentee):
    assert client.post("/api/v1/log-out", headers=mentee).status_code == 204
    assert bus.calls == []
    assert client.get("/api/v1/programs", headers=mentee).status_code == 200


def test_who_erases_somebody_knows_at_once_that_nobody_is_that_any_more(client, organizer, mentee):
    assert client.delete("/api/v1/participants/anna", headers=organizer).status_code == 204
    assert client.get("/api/v1/programs", headers=mentee).status_code == 401
    assert client.get("/api/v1/programs", headers=organizer).status_code == 200


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


def test_until_a_replica_knows_what_has_ended_a_service_is_asked_before_a_stream_opens(client, bus, log_ins, mentee):
    log_ins.catch_up()
    bus.answers["list_sessions"] = Unauthenticated(say("ended"))
    assert client.get("/api/v1/programs/p1/live", headers=mentee).status_code == 401
    assert bus.tokens[-1] == mentee["Authorization"].removeprefix("Bearer "), "as who wants to see"
    log_ins.later.pop()()
    bus.answers["list_sessions"] = []
    bus.calls.clear()
    assert client.get("/api/v1/programs/p1/live", headers=mentee).status_code == 200
    assert [method for _, method, _ in bus.calls].count("list_sessions") == 1, "for what the screen begins with"


def test_a_log_in_that_ends_while_its_stream_opens_gets_none(client, bus, log_ins, hub, logged_in):
    def end_meanwhile(program_id):
        log_ins.end("this", datetime.now(UTC) + timedelta(hours=1))
        return []

    bus.answers["list_sessions"] = end_meanwhile
    headers = logged_in(Principal("anna", MENTEE, "acme", ("p1",), ("jkt",)), "this")
    assert client.get("/api/v1/programs/p1/live", headers=headers).status_code == 401
    assert hub.open_streams == 0
