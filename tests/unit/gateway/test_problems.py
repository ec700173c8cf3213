"""What goes wrong comes as a problem document: in the reader's language, with every place and remedy."""

import pytest

from services.gateway.web import headers
from shared.faults import Conflict, Forbidden, Invalid, NotFound, NotYet, Problem, Stale
from shared.messages import say
from shared.translation import spoken

KIND = "application/problem+json"
PUT_QUESTIONS = "/participants/a/questions"
MISSING = "Missing data for required field."
INDONESIAN = spoken(say(MISSING), "id")


def test_a_fault_of_a_service_keeps_its_status_and_its_problems(client, bus, organizer):
    problem = Problem("site", say("it has {length} characters", length=0), say("Not a valid string."), "mentors.csv", 7)
    bus.answers["import_event"] = Invalid(say("The files have faults."), [problem])
    answer = client.post("/api/v1/programs:import", json={"files": {}}, headers=organizer)
    assert (answer.status_code, answer.content_type) == (422, KIND)
    assert answer.json == {
        "type": "urn:speedmentor:problem:invalid",
        "title": "Something in the request is not valid",
        "status": 422,
        "detail": "The files have faults.",
        "instance": f"urn:uuid:{answer.headers['Correlation-Id']}",
        "code": "invalid",
        "problems": [
            {
                "field": "site",
                "what": "it has 0 characters",
                "remedy": "Not a valid string.",
                "file": "mentors.csv",
                "row": 7,
            }
        ],
    }


@pytest.mark.parametrize(
    ("fault", "status"),
    [(NotFound, 404), (Conflict, 409), (Forbidden, 403), (NotYet, 503)],
)
def test_each_kind_of_fault_has_its_status(client, bus, organizer, fault, status):
    bus.answers["get_program"] = fault(say("because"))
    answer = client.get("/api/v1/programs/p1", headers=organizer)
    assert (answer.status_code, answer.json["code"], answer.json["detail"]) == (status, fault.code, "because")
    assert ("Retry-After" in answer.headers) == (fault is NotYet)


def test_a_stale_command_is_told_what_holds_now(client, bus, organizer):
    bus.answers["pause"] = Stale(say("old"), {"session_id": "s1", "revision": 9})
    answer = client.post("/api/v1/sessions/s1/pause", json={"revision": 8}, headers=organizer)
    assert (answer.status_code, answer.json["current"]["revision"]) == (409, 9)


@pytest.mark.parametrize(
    ("asked", "language", "what"),
    [
        ({"Accept-Language": "id-ID,id;q=0.9,en;q=0.5"}, "id", INDONESIAN),
        ({"Accept-Language": "en-GB,id;q=0.5"}, "en", MISSING),
        ({"Accept-Language": "fr"}, "en", MISSING),
        ({"Accept-Language": "en", "Cookie": "lang=id"}, "id", INDONESIAN),
        ({}, "en", MISSING),
    ],
)
def test_problems_speak_the_readers_language(client, organizer, asked, language, what):
    answer = client.put("/api/v1/participants/a/questions", json={}, headers={**organizer, **asked})
    assert answer.headers["Content-Language"] == language
    assert INDONESIAN != MISSING
    assert answer.json["problems"][0]["what"] == what


def test_the_address_may_ask_for_a_language(client):
    answer = client.get("/api/v1/programs?lang=id", headers={"Accept-Language": "en"})
    assert answer.headers["Content-Language"] == "id"
    assert answer.json["detail"] == spoken(say("this needs a log-in; log in and send the token"), "id")
    assert "log in" not in answer.json["detail"]


def test_values_are_filled_into_the_translation(client, bus, organizer):
    bus.answers["get_plan"] = NotYet(say("the {service} service does not answer; try again shortly", service="x"))
    answer = client.get("/api/v1/programs/p1/plan", headers={**organizer, "Accept-Language": "id"})
    assert answer.json["detail"] == "layanan x tidak menjawab; coba lagi sebentar lagi"


@pytest.mark.parametrize(
    ("verb", "path", "body", "fields"),
    [
        ("PUT", PUT_QUESTIONS, {"questions": ["a", 2, None], "x": 1}, ["/questions/1", "/questions/2", "/x"]),
        ("POST", "/sessions/s1/extension", {"seconds": 901, "revision": 0}, ["/revision", "/seconds"]),
        ("POST", "/meetings/m/feedback", {"ratings": {"a/b": 11}, "stay_in_touch": 3},
         ["/ratings/a~1b", "/stay_in_touch"]),
        ("GET", "/programs/p/participants?role=boss&x=1", None, ["?role"]),
    ],
)  # fmt: skip
def test_every_fault_of_a_request_is_named_by_its_place(client, bus, organizer, verb, path, body, fields):
    answer = client.open("/api/v1" + path, method=verb, json=body, headers=organizer)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert sorted(problem["field"] for problem in answer.json["problems"]) == fields
    assert all(problem["what"] and problem["remedy"] for problem in answer.json["problems"])
    assert bus.calls == []


@pytest.mark.parametrize(
    ("verb", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "no-such-address"),
        ("GET", "/nothing", 404, "no-such-address"),
        ("GET", "/api/v1/programs/a%20b", 404, "no-such-address"),
        ("PATCH", "/api/v1/programs", 405, "no-such-method"),
        ("GET", "/api/v1/log-in", 405, "no-such-method"),
    ],
)
def test_what_is_not_there_is_a_problem_too(client, organizer, verb, path, status, code):
    answer = client.open(path, method=verb, headers=organizer)
    assert (answer.status_code, answer.content_type, answer.json["code"]) == (status, KIND, code)
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"{", "application/json", 400), (b"\xff", "application/json", 400), (b"password=x", "text/plain", 415)],
)
def test_a_body_that_is_not_json_is_refused(client, body, kind, status):
    answer = client.post("/api/v1/log-in", data=body, content_type=kind)
    assert (answer.status_code, answer.content_type) == (status, KIND)


def test_bodies_have_a_limit_and_files_a_larger_one(client, bus, organizer):
    body = {"files": {"mentors.csv": "x" * headers.MOST_BYTES}}
    assert client.post("/api/v1/programs:import", json=body, headers=organizer).status_code == 201
    bus.calls.clear()
    answer = client.post("/api/v1/programs/p1/mentors", json=body, headers=organizer)
    assert (answer.status_code, answer.json["code"]) == (413, "too-large")
    body["files"]["mentors.csv"] *= headers.MOST_BYTES_OF_FILES // headers.MOST_BYTES
    assert client.post("/api/v1/programs:import", json=body, headers=organizer).status_code == 413
    assert bus.calls == []


def test_a_fault_inside_says_nothing_of_the_inside(client, bus, organizer):
    def broken(**_):
        raise RuntimeError("secret of Anna")

    bus.answers["get_program"] = broken
    answer = client.get("/api/v1/programs/p1", headers=organizer)
    assert (answer.status_code, answer.json["code"]) == (500, "fault")
    assert "Anna" not in answer.text
