"""Each address asks the right service the right thing, and passes on who asks, under which key and in which trace."""

import json
import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client import generate_latest

from shared.faults import Gone, Invalid, Problem
from shared.messages import say
from shared.security.principal import INTEGRATOR, EventScope, Principal

API = "/api/v1"
SESSION = ("session_timer", {"session_id": "s1", "revision": None})
ROUND = {**SESSION[1], "round": None}
PERSON = {"name": "Ève", "site_id": "jkt", "languages": ["id", "zh-Hant"], "rounds": None, "max_meetings": 3}
MENTOR = {**PERSON, "topics": {"funding": 5}, "story": {"lesson": "Ask."}, "never": ["e1"]}
MENTEE = {**PERSON, "topics": ["funding"], "motive": "career", "questions": ["Why?"], "manager": None}

ROUTES = [
    ("GET", "/programs", None, 200, "registration", "list_programs", {}),
    ("POST", "/programs:import", {"files": {"a": "b"}}, 201, "registration", "import_event", {"files": {"a": "b"}}),
    ("GET", "/programs/p1", None, 200, "registration", "get_program", {"program_id": "p1"}),
    ("POST", "/programs/p1/publication", None, 200, "registration", "publish_program", {"program_id": "p1"}),
    ("POST", "/programs/p1/cancellation", {"reason": "storm"}, 200, "registration", "cancel_program",
     {"program_id": "p1", "reason": "storm"}),
    ("GET", "/programs/p1/participants?role=mentor", None, 200, "registration", "list_participants",
     {"program_id": "p1", "role": "mentor", "site_id": None}),
    ("POST", "/programs/p1/mentors", MENTOR, 201, "registration", "register_mentor",
     {"program_id": "p1", "mentor": MENTOR}),
    ("POST", "/programs/p1/mentees", MENTEE, 201, "registration", "register_mentee",
     {"program_id": "p1", "mentee": MENTEE}),
    ("GET", "/programs/p1/access-codes", None, 200, "registration", "access_codes", {"program_id": "p1"}),
    ("GET", "/participants/a", None, 200, "registration", "get_participant", {"participant_id": "a"}),
    ("POST", "/participants/a/check-in", None, 200, "registration", "check_in", {"participant_id": "a"}),
    ("POST", "/participants/a/absence", {"from_round": 2}, 200, "registration", "mark_absent",
     {"participant_id": "a", "from_round": 2}),
    ("POST", "/participants/a/withdrawal", {}, 200, "registration", "withdraw", {"participant_id": "a"}),
    ("PUT", "/participants/a/questions", {"questions": ["Why?"]}, 200, "registration", "update_questions",
     {"participant_id": "a", "questions": ["Why?"]}),
    ("PUT", "/participants/a/preferences", {"wants": ["m"]}, 200, "registration", "state_preference",
     {"participant_id": "a", "wants": ["m"], "avoids": []}),
    ("DELETE", "/participants/a", None, 204, "registration", "erase_participant", {"participant_id": "a"}),
    ("GET", "/participants/a/agenda", None, 200, "matching", "get_agenda", {"participant_id": "a"}),
    ("POST", "/programs/p1/plan", None, 202, "matching", "request_plan", {"program_id": "p1"}),
    ("GET", "/programs/p1/plan", None, 200, "matching", "get_plan", {"program_id": "p1"}),
    ("POST", "/programs/p1/plan/cancellation", None, 200, "matching", "cancel_plan", {"program_id": "p1"}),
    (
        "PUT",
        "/programs/p1/ranking",
        {"ranks": ["a", "b"]},
        200,
        "matching",
        "submit_ranking",
        {"program_id": "p1", "ranks": ["a", "b"], "capacity": None},
    ),
    ("GET", "/programs/p1/ranking", None, 200, "matching", "get_ranking", {"program_id": "p1"}),
    (
        "POST",
        "/programs/p1/pairing",
        {"method": "most-mutual"},
        202,
        "matching",
        "request_pairing",
        {"program_id": "p1", "method": "most-mutual", "top": 3, "capacity": 1},
    ),
    ("GET", "/programs/p1/pairing", None, 200, "matching", "get_pairing", {"program_id": "p1"}),
    ("GET", "/programs/p1/sessions", None, 200, "session_timer", "list_sessions", {"program_id": "p1"}),
    ("GET", "/sessions/s1", None, 200, "session_timer", "get_session", {"session_id": "s1"}),
    ("POST", "/programs/p1/sessions/start-shift", {"by_seconds": -60, "revisions": {"s1": 2}}, 200,
     "session_timer", "shift_start",
     {"program_id": "p1", "by_seconds": -60, "session_id": None, "revision": None, "revisions": {"s1": 2}}),
    ("POST", "/sessions/s1/pause", {"revision": 3}, 200, "session_timer", "pause", {"session_id": "s1", "revision": 3}),
    ("POST", "/sessions/s1/resume", None, 200, "session_timer", "resume", SESSION[1]),
    ("POST", "/sessions/s1/skip-break", {}, 200, "session_timer", "skip_break", ROUND),
    ("POST", "/sessions/s1/end-round", {}, 200, "session_timer", "end_round", ROUND),
    ("POST", "/sessions/s1/restart-round", {}, 200, "session_timer", "restart_round", ROUND),
    ("POST", "/sessions/s1/extension", {"seconds": 60}, 200, "session_timer", "extend",
     {**ROUND, "seconds": 60}),
    ("PUT", "/sessions/s1/outage-policy", {"on_outage": "hold"}, 200, "session_timer", "choose_policy",
     {**SESSION[1], "on_outage": "hold"}),
    ("POST", "/meetings/m1/feedback", {"ratings": {"time_well_spent": 7}, "stay_in_touch": True}, 200, "feedback",
     "submit_feedback",
     {"meeting_id": "m1", "ratings": {"time_well_spent": 7}, "stay_in_touch": True, "takeaway": None}),
    ("GET", "/programs/p1/feedback", None, 200, "feedback", "get_submitted", {"program_id": "p1"}),
    ("GET", "/programs/p1/connections", None, 200, "feedback", "get_connections", {"program_id": "p1"}),
    ("POST", "/programs/p1/closing", None, 200, "feedback", "close_program", {"program_id": "p1"}),
    ("GET", "/events?after=7&types=registration.%23,*.round-ended&program=p1&limit=5", None, 200,
     "integrations", "events",
     {"after": "7", "types": ["registration.#", "*.round-ended"], "program": "p1", "limit": 5}),
    ("GET", "/integrators/hr/replays", None, 200, "integrations", "list_replays", {"name": "hr"}),
    ("POST", "/integrators/hr/replays", {"start": "2026-11-24", "types": ["registration.#"]}, 202,
     "integrations", "start_replay", {"name": "hr", "start": "2026-11-24", "types": ["registration.#"]}),
    ("GET", "/replays/r1", None, 200, "integrations", "get_replay", {"replay_id": "r1"}),
    ("POST", "/replays/r1/cancellation", None, 200, "integrations", "cancel_replay", {"replay_id": "r1"}),
    ("GET", "/programs/p1/snapshot?page=9-4&types=matching.%23&limit=5", None, 200, "integrations", "snapshot",
     {"program_id": "p1", "page": "9-4", "types": ["matching.#"], "limit": 5}),
    ("GET", "/programs/p1/report", None, 200, "feedback", "get_report", {"program_id": "p1"}),
    ("GET", "/integrators", None, 200, "integrations", "list_integrators", {}),
    ("POST", "/integrators", {"name": "hr", "types": ["#"]}, 201, "integrations", "add_integrator",
     {"name": "hr", "types": ["#"], "programs": None, "stream": False, "commands": []}),
    ("POST", "/integrators/hr/secrets", {"keep_hours": 2}, 201, "integrations", "rotate_integrator",
     {"name": "hr", "keep_hours": 2}),
    ("DELETE", "/integrators/hr", None, 200, "integrations", "remove_integrator", {"name": "hr"}),
    ("GET", "/webhooks?integrator=hr", None, 200, "integrations", "list_webhooks", {"integrator": "hr"}),
    ("POST", "/webhooks", {"integrator": "hr", "url": "https://a.example/"}, 201, "integrations", "add_webhook",
     {"integrator": "hr", "url": "https://a.example/", "types": [], "programs": None, "after": None}),
    ("GET", "/webhooks/w", None, 200, "integrations", "get_webhook", {"webhook_id": "w"}),
    ("DELETE", "/webhooks/w", None, 204, "integrations", "remove_webhook", {"webhook_id": "w"}),
    ("POST", "/webhooks/w/secrets", None, 201, "integrations", "rotate_webhook", {"webhook_id": "w"}),
    ("POST", "/webhooks/w/activation", {"from_now": True}, 200, "integrations", "enable_webhook",
     {"webhook_id": "w", "from_now": True}),
    ("POST", "/webhooks/w/deactivation", None, 200, "integrations", "disable_webhook", {"webhook_id": "w"}),
    ("POST", "/webhooks/w/tests", None, 202, "integrations", "test_webhook", {"webhook_id": "w"}),
    ("POST", "/webhooks/w/redeliveries", {"event_id": "e"}, 202, "integrations", "redeliver_webhook",
     {"webhook_id": "w", "event_id": "e", "given_up_since": None}),
]  # fmt: skip
LISTS = {"list_programs", "list_participants", "access_codes", "list_sessions"}


@pytest.mark.parametrize(("verb", "path", "body", "status", "service", "method", "arguments"), ROUTES)
def test_an_address_asks_its_service(client, bus, organizer, verb, path, body, status, service, method, arguments):
    one = {"anything_id": "x", "more": {"than": ["described"]}}
    bus.answers[method] = [one] if method in LISTS else one
    if method in ("events", "snapshot"):
        bus.answers[method] = {
            "events": [],
            "cursor": "7",
            **({"more": False} if method == "events" else {"next": None}),
        }
    headers = {**organizer, "Idempotency-Key": "k-1"}
    answer = client.open(API + path, method=verb, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    expected = arguments if verb == "GET" else {**arguments, "idempotency_key": "k-1"}
    # Where nothing is listed, the owner of programs is asked whether there is one.
    assert bus.calls[0] == (service, method, expected)
    assert bus.calls[1:] in ([], [("registration", "get_program", {"program_id": "p1"})])
    assert bus.tokens[:1] == [organizer["Authorization"].removeprefix("Bearer ")]
    if status != 204:
        assert answer.json == bus.answers[method]


def test_the_ledgers_of_all_services_come_together(client, bus, organizer):
    bus.answers["ledger"] = {"outbox-pending": 0}
    answer = client.get("/api/v1/programs/p1/ledgers", headers=organizer)
    services = ("registration", "matching", "session_timer", "feedback")
    assert answer.json == {service: {"outbox-pending": 0} for service in services}


def test_a_change_without_a_key_gets_one_of_its_own(client, bus, organizer):
    for _ in range(2):
        client.post("/api/v1/participants/a/check-in", headers=organizer)
    keys = [arguments["idempotency_key"] for _, _, arguments in bus.calls]
    assert len(set(keys)) == 2
    assert all(keys)


def test_a_key_out_of_bounds_is_named(client, bus, organizer):
    answer = client.post("/api/v1/participants/a/check-in", headers={**organizer, "Idempotency-Key": "k" * 201})
    assert answer.status_code == 422
    assert answer.json["problems"][0]["field"] == "header Idempotency-Key"
    assert bus.calls == []


def test_the_trace_of_the_client_goes_on(client, bus, organizer):
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = client.get("/api/v1/programs", headers={**organizer, "traceparent": given})
    (trace,) = bus.traces
    assert trace.traceparent.split("-")[1] == given.split("-")[1]
    assert trace.traceparent != given
    assert answer.headers["Correlation-Id"] == trace.correlationid


@pytest.mark.parametrize("given", ["", "junk", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "x" * 9000])
def test_a_trace_that_breaks_the_standard_is_left_out(client, bus, organizer, given):
    assert client.get("/api/v1/programs", headers={**organizer, "traceparent": given}).status_code == 200
    assert len(bus.traces[0].traceparent) == 55


def test_the_document_is_openapi_and_names_every_address(client, app):
    document = client.get("/openapi.json").json
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"] == "3.1.0"
    written = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item if method != "parameters"
    }
    known = {
        (method, rule.rule.replace("<id:", "{").replace("<", "{").replace(">", "}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert written == known
    assert len(written) == len(ROUTES) + 5


def test_the_document_tells_log_in_keys_and_problems(client):
    document = client.get("/openapi.json").json
    plan = document["paths"]["/api/v1/programs/{program_id}/plan"]["post"]
    assert {"$ref": "#/components/parameters/IdempotencyKey"} in plan["parameters"]
    assert document["security"] == [{"token": []}, {"cookie": []}]
    assert document["paths"]["/api/v1/time"]["get"]["security"] == []
    live = document["paths"]["/api/v1/programs/{program_id}/live"]["get"]["responses"]["200"]
    assert list(live["content"]) == ["text/event-stream"]


def test_every_status_is_in_the_document_by_name_and_with_what_belongs_to_it(client):
    document = client.get("/openapi.json").json
    statuses = {
        f"{method} {path.removeprefix(API)}": set(operation["responses"])
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    assert not any("default" in each for each in statuses.values())
    assert statuses["get /time"] == {"200", "400"}
    assert statuses["get /programs"] == {"200", "400", "401", "503"}
    assert statuses["post /log-in"] == {"200", "400", "401", "403", "408", "413", "415", "422", "429", "503"}
    assert statuses["get /programs/{program_id}/plan"] == {"200", "400", "401", "403", "404", "409", "503"}
    assert statuses["put /participants/{participant_id}/questions"] == {
        "200", "400", "401", "403", "404", "408", "409", "413", "415", "422", "503",
    }  # fmt: skip
    refusals = document["components"]["responses"]
    assert all(list(each["content"]) == ["application/problem+json"] for each in refusals.values())
    assert refusals["ServiceUnavailable"]["headers"]["Retry-After"]["required"]


def test_the_document_says_what_the_schemas_check(client):
    schemas = client.get("/openapi.json").json["components"]["schemas"]
    topics = schemas["Mentor"]["properties"]["topics"]
    assert (topics["minProperties"], topics["maxProperties"]) == (1, 50)
    assert (topics["propertyNames"]["minLength"], topics["propertyNames"]["maxLength"]) == (1, 64)
    assert topics["additionalProperties"] | {"minimum": 1, "maximum": 5} == topics["additionalProperties"]
    assert {"minProperties": 1, "maxProperties": 1}.items() <= schemas["LogIn"].items()
    assert schemas["Plan"]["properties"]["quality"]["anyOf"] == [
        {"$ref": "#/components/schemas/Quality"},
        {"type": "null"},
    ]
    assert schemas["Questions"]["properties"]["questions"]["items"]["pattern"] == r"^[^\u0000]*$"


def test_the_schemas_of_all_events_are_there(client):
    paths = client.get("/schemas/").json["schemas"]
    assert "/schemas/speedmentor.session-timer.round-ended.v1.json" in paths
    for path in paths:
        schema = client.get(path).json
        assert schema["$schema"].endswith("2020-12/schema")
    assert client.get("/schemas/speedmentor.no.such.v1.json").status_code == 404


def test_the_asyncapi_document_is_served_and_asked_for_again_it_is_not_sent_again(client):
    answer = client.get("/asyncapi.json")
    assert answer.content_type == "application/vnd.aai.asyncapi+json;version=3.0.0"
    document = json.loads(answer.data)
    assert document["asyncapi"] == "3.0.0"
    sent = [each["channel"]["$ref"] for each in document["operations"].values() if each["action"] == "send"]
    assert [f"/schemas/{each.removeprefix('#/channels/')}.json" for each in sent] == client.get("/schemas/").json[
        "schemas"
    ]
    again = client.get("/asyncapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_ready_means_that_events_arrive_and_tells_outsiders_no_more(client, checks):
    assert (client.get("/health/ready").status_code, client.get("/health/ready").json) == (200, {"ready": True})
    checks["broker"] = lambda: False
    assert (client.get("/health/ready").status_code, client.get("/health/ready").json) == (503, {"ready": False})
    assert client.get("/health/live").status_code == 200


def test_the_figures_are_not_where_everybody_can_get_them(client):
    assert client.get("/metrics").status_code == 404


def test_the_figures_are_by_route_and_not_by_id(client, organizer):
    client.get("/api/v1/participants/someone-private", headers=organizer)
    figures = generate_latest().decode()
    assert 'route="/api/v1/participants/<id:participant_id>"' in figures
    assert "someone-private" not in figures


def test_nothing_that_outsiders_make_up_makes_a_series(client, organizer):
    def ask(number):
        for path in ("/api/v1/programs", f"/{number}", f"/api/v1/sessions/{number}", f"/schemas/{number}.json"):
            for method in ("GET", f"MADE-UP-{number}"):
                client.open(
                    path, method=method, headers={**organizer, "Host": f"h{number}", "User-Agent": f"u{number}"}
                )

    ask(0)
    before = len(generate_latest().splitlines())
    for number in range(1, 50):
        ask(number)
    assert len(generate_latest().splitlines()) == before


def test_what_a_plan_says_in_words_is_in_the_readers_language(client, bus, organizer):
    absent = {"msgid": "is absent", "params": {}}
    seats = {"msgid": "the seat goes to {mentee}", "params": {"mentee": "e2"}}
    rounds = {"rounds": "1", "count": 1}
    helps = {"msgid": "one more mentor in round {rounds} would serve one person", "params": rounds}
    bus.answers["get_plan"] = {
        "state": "failed",
        "failure": {
            "msgid": "The planner could not make this plan; the operators can see why in the log.",
            "params": {},
        },
        "unmet": [
            {"mentee": "e1", "meetings": 0, "reason": "is absent; one more …", "messages": [absent, helps]},
            {"mentee": "e2", "meetings": 0, "reason": "as an older plan says it"},
        ],
        "changes": [{"kind": "released", "round": 2, "mentee": "e1", "mentor": "m1", "why": "…", "message": seats}],
    }

    def texts(language):
        plan = client.get(f"/api/v1/programs/p1/plan?lang={language}", headers=organizer).json
        return [
            plan["failure"],
            *(each["reason"] for each in plan["unmet"]),
            *(each["why"] for each in plan["changes"]),
        ]

    assert texts("en") == [
        "The planner could not make this plan; the operators can see why in the log.",
        "is absent; one more mentor in round 1 would serve one person",
        "as an older plan says it",
        "the seat goes to e2",
    ]
    assert texts("id") == [
        "Perencana tidak dapat menyusun rencana ini; operator dapat melihat sebabnya di log.",
        "tidak hadir; satu mentor lagi pada ronde 1 akan melayani satu orang",
        "as an older plan says it",
        "kursinya untuk e2",
    ]


def test_what_people_talk_about_arrives_with_levels_and_in_order(client, organizer, bus):
    bus.answers["list_participants"] = [
        {"participant_id": "m1", "role": "mentor", "topics": {"funding": 5, "hiring": 2}},
        {"participant_id": "e1", "role": "mentee", "topics": ["hiring", "funding"]},
    ]
    answer = client.get("/api/v1/programs/p1/participants", headers=organizer).json
    assert [each["topics"] for each in answer] == [{"funding": 5, "hiring": 2}, ["hiring", "funding"]]


def test_where_a_program_stands_is_its_state(client, organizer, bus):
    bus.answers["get_program"] = {"program_id": "p1", "state": "published", "standing": "closed"}
    assert client.get("/api/v1/programs/p1", headers=organizer).json == {"program_id": "p1", "state": "closed"}

    bus.answers["get_program"] = {"program_id": "p1", "state": "draft"}
    told_by_an_earlier_release = client.get("/api/v1/programs/p1", headers=organizer).json
    assert told_by_an_earlier_release == {"program_id": "p1", "state": "draft"}


def test_events_come_as_they_were_published_byte_for_byte(client, bus, organizer):
    published = ['{"id": "1",\n "data": {"n": 1.0}}', '{"data":{},"id":"é"}']
    bus.answers["events"] = {"events": published, "cursor": "17", "more": True}
    answer = client.get("/api/v1/events", headers=organizer)
    assert bus.calls[0][2] == {"after": None, "types": [], "program": None, "limit": 1000}
    assert answer.data == ('{"events":[' + ",".join(published) + '],"cursor":"17","more":true}').encode()
    assert answer.content_type == "application/json"


def test_a_snapshot_comes_as_it_was_published_with_the_place_where_the_log_goes_on(client, bus, organizer):
    bus.answers["snapshot"] = {"events": ['{"id": "1"}'], "cursor": "17", "next": None}
    answer = client.get("/api/v1/programs/p1/snapshot", headers=organizer)
    assert bus.calls[0][2] == {"program_id": "p1", "page": None, "types": [], "limit": 1000}
    assert answer.data == b'{"events":[{"id": "1"}],"cursor":"17","next":null}'
    bus.answers["snapshot"] = Invalid(say("no"), [Problem("/page", say("there is no such page"), say("leave it out"))])
    answer = client.get("/api/v1/programs/p1/snapshot?page=x", headers=organizer)
    assert (answer.status_code, answer.json["problems"][0]["field"]) == (422, "?page")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=", "?after"),
        ("limit=0", "?limit"),
        ("limit=1_0", "?limit"),
        ("limit=1001", "?limit"),
        ("types=Registration", "?types"),
        ("types=a,,b", "?types"),
        ("types=a%23", "?types"),
        ("program=", "?program"),
    ],
)
def test_what_events_cannot_be_asked_for_is_named(client, bus, organizer, query, field):
    answer = client.get(f"/api/v1/events?{query}", headers=organizer)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json["problems"]] == [field]
    assert bus.calls == []


def test_a_cursor_that_is_none_is_named_and_one_too_old_is_gone(client, bus, organizer):
    problem = Problem("/after", say("there is no such cursor"), say("leave it out"))
    bus.answers["events"] = Invalid(say("There is no such place in the log."), [problem])
    answer = client.get("/api/v1/events?after=9", headers=organizer)
    assert (answer.status_code, answer.json["problems"][0]["field"]) == (422, "?after")
    bus.answers["events"] = Gone(say("begin with a snapshot"))
    answer = client.get("/api/v1/events?after=1", headers=organizer)
    assert (answer.status_code, answer.json["code"], answer.json["title"]) == (410, "gone", "Not kept any more")


def test_an_integrator_reads_events_and_nothing_else(client, bus, app, bearer):
    scope = EventScope(("registration.#",), ("p1",))
    headers = bearer(Principal("hr", INTEGRATOR, "acme", scope=scope))
    bus.answers["events"] = {"events": [], "cursor": "7", "more": False}
    assert client.get("/api/v1/events", headers=headers).status_code == 200
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/") and not rule.endpoint.startswith(("events.", "access.")):
            for verb in rule.methods & {"GET", "POST", "PUT", "DELETE"}:
                path = re.sub("<[^>]*>", "p1", rule.rule)
                answer = client.open(path, method=verb, json=None if verb == "GET" else {}, headers=headers)
                assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), f"{verb} {path}"
