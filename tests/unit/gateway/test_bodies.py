"""Bodies are bounded in every way in which they could hurt: nothing that is sent ends in a fault of ours."""

import json

import pytest

from services.gateway.domain import json_documents
from services.gateway.web import headers

API = "/api/v1"
DEEP = 100_000
COMMANDS = ("pause", "resume", "skip-break", "end-round", "restart-round", "extension", "outage-policy")
MORE = {"extension": {"seconds": 60}, "outage-policy": {"on_outage": "hold"}}


def send(client, path, body, who=None, method="POST"):
    return client.open(API + path, method=method, data=body, headers=who or {}, content_type="application/json")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP + b"]" * DEEP,
        b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b"[" * DEEP,
        b'{"password": "x", "more": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"password": "x"',
        b'{"password": "\xff"}',
        '{"password": "x"}'.encode("utf-16"),
        b'{"password": "a\nb"}',
        b'"password"' * 2,
    ],
)
def test_what_is_no_json_or_too_deep_is_refused_without_a_log_in_too(client, body):
    answer = send(client, "/log-in", body)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json"), answer.text
    assert answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"password": ' + b"9" * 5000 + b"}", "/password"),
        (b'{"password": -' + b"9" * 5000 + b"}", "/password"),
        (b'{"password": {"a": [1, %d]}}' % 2**63, "/password/a/1"),
        (b'{"password": 1e999}', "/password"),
        (b'{"password": NaN}', "/password"),
        (b'{"password": [-Infinity]}', "/password/0"),
        (b'{"password": "\\ud800"}', "/password"),
        (b'{"password": "\\udc00\\ud800"}', "/password"),
        (b'{"password": "a\\u0000b"}', "/password"),
        (b'{"a\\u0000": 1}', "/a\N{REPLACEMENT CHARACTER}"),
        (b'{"password": "x", "password": "y"}', "/password"),
    ],
)
def test_a_value_that_nothing_here_can_hold_is_named(client, body, field):
    answer = send(client, "/log-in", body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid"), answer.text
    assert field in [problem["field"] for problem in answer.json["problems"]]
    assert all(problem["what"] and problem["remedy"] for problem in answer.json["problems"])


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("revision", [2**72, 2**63, 2**53, 0, -1, True, "3", 1.5])
def test_a_revision_that_no_timetable_can_have_is_named(client, bus, organizer, command, revision):
    method = "PUT" if command == "outage-policy" else "POST"
    body = json.dumps({**MORE.get(command, {}), "revision": revision}).encode()
    answer = send(client, f"/sessions/s1/{command}", body, organizer, method)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json["problems"]] == ["/revision"]
    assert bus.calls == []


def test_a_whole_number_is_one_however_it_is_written(client, bus, organizer):
    assert send(client, "/sessions/s1/pause", b'{"revision": 3.0}', organizer).status_code == 200
    assert bus.calls[0][2]["revision"] == 3
    assert send(client, "/sessions/s1/pause", b'{"revision": 3.5}', organizer).status_code == 422


def test_names_with_dots_and_dollars_are_names(client, bus, organizer):
    files = {"$set": "a", "mentors.csv": "b", "a.b.$c": "c"}
    assert send(client, "/programs:import", json.dumps({"files": files}).encode(), organizer).status_code == 201
    assert bus.calls[0][2]["files"] == files


def test_how_many_values_a_body_may_have_is_bounded(client, bus, organizer):
    within = json.dumps({"ranks": [f"p{number}" for number in range(10_000)]}).encode()
    assert send(client, "/programs/p1/ranking", within, organizer, "PUT").status_code == 200
    beyond = b'{"wants": [' + b"[],[]," * json_documents.MOST_VALUES + b"[]]}"
    assert len(beyond) < headers.MOST_BYTES
    answer = send(client, "/participants/a/preferences", beyond, organizer, "PUT")
    assert answer.status_code == 400
    assert str(json_documents.MOST_VALUES) in answer.json["detail"]


def test_of_very_many_faults_the_first_are_told(client, organizer):
    body = json.dumps({"ranks": [1] * 9_000}).encode()
    answer = send(client, "/programs/p1/ranking", body, organizer, "PUT")
    assert answer.status_code == 422
    assert len(answer.json["problems"]) <= 101
    assert "9000" in answer.json["detail"]


def test_somebody_without_a_log_in_sends_no_files(client, bus, mentee):
    body = json.dumps({"files": {"mentors.csv": "x" * headers.MOST_BYTES}}).encode()
    assert send(client, "/programs:import", body).status_code == 401
    assert send(client, "/programs:import", body, mentee).status_code == 413
    assert bus.calls == []


def test_a_body_where_none_belongs_is_measured_too(client, bus, organizer):
    assert send(client, "/participants/a/check-in", b"{}", organizer).status_code == 200
    assert send(client, "/participants/a/check-in", b"x" * (headers.MOST_BYTES + 1), organizer).status_code == 413
