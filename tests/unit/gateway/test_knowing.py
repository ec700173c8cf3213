"""Whether there is what an address names is told by who owns it, and "not yet" is said only while nobody can tell."""

import pytest

from shared.faults import Forbidden, NotFound, NotYet, Unheard, fault_from_document
from shared.messages import say

API = "/api/v1"
UNHEARD = Unheard(say("This program is not known here yet; publish it, or try again in a moment."))
NONE = NotFound(say("There is no such program."))
AWAY = NotYet(say("the {service} service does not answer; try again shortly", service="registration"))

OF_PROGRAM = [
    ("GET", "/programs/p1/plan", None, "get_plan"),
    ("POST", "/programs/p1/plan", None, "request_plan"),
    ("POST", "/programs/p1/plan/cancellation", None, "cancel_plan"),
    ("GET", "/programs/p1/pairing", None, "get_pairing"),
    ("POST", "/programs/p1/pairing", {}, "request_pairing"),
    ("POST", "/programs/p1/closing", None, "close_program"),
    ("GET", "/programs/p1/report", None, "get_report"),
    ("GET", "/programs/p1/connections", None, "get_connections"),
]
every_address = pytest.mark.parametrize(("verb", "path", "body", "method"), OF_PROGRAM)


@every_address
@pytest.mark.parametrize(
    ("owner", "status"),
    [
        (NONE, 404),
        (AWAY, 503),
        ({"program_id": "p1", "state": "draft"}, 409),
        ({"program_id": "p1", "state": "cancelled"}, 409),
        ({"program_id": "p1", "state": "published"}, 503),
    ],
)
def test_what_a_service_has_not_heard_of_the_owner_tells(
    client, bus, organizer, verb, path, body, method, owner, status
):
    bus.answers[method] = UNHEARD
    bus.answers["get_program"] = owner
    answer = client.open(API + path, method=verb, json=body, headers=organizer)
    assert answer.status_code == status, answer.text
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_the_ledgers_of_services_that_have_not_heard_of_a_program_are_not_there_yet(client, bus, organizer):
    held = iter([{"told": True}])

    def ledger(**_):
        # Registration is asked first, and knows.
        for own in held:
            return own
        raise UNHEARD

    bus.answers |= {"ledger": ledger, "get_program": {"state": "published"}}
    assert client.get(API + "/programs/p1/ledgers", headers=organizer).status_code == 503


@every_address
def test_what_a_service_knows_nobody_else_is_asked(client, bus, organizer, verb, path, body, method):
    bus.answers[method] = Forbidden(say("because"))
    assert client.open(API + path, method=verb, json=body, headers=organizer).status_code == 403
    assert "get_program" not in [name for _, name, _ in bus.calls]


@pytest.mark.parametrize(
    ("path", "method", "nothing"),
    [
        ("/programs/p1/sessions", "list_sessions", []),
        ("/programs/p1/feedback", "get_submitted", {"meeting_ids": [], "feedback": []}),
        ("/programs/p1/connections", "get_connections", {"connections": []}),
        ("/programs/p1/live", "list_sessions", []),
    ],
)
@pytest.mark.parametrize(("owner", "status"), [(NONE, 404), (AWAY, 503), ({"state": "draft", "sites": []}, 200)])
def test_a_list_of_nothing_is_one_only_of_a_program_that_is_there(
    client, bus, organizer, path, method, nothing, owner, status
):
    bus.answers[method] = nothing
    bus.answers["get_program"] = owner
    assert client.get(API + path, headers=organizer).status_code == status


def test_a_screen_of_a_site_that_is_not_there_is_told(client, bus, organizer, hub):
    bus.answers["list_sessions"] = [{"org": "acme", "site_id": "jkt"}]
    bus.answers["get_program"] = {"state": "published", "sites": [{"site_id": "jkt"}]}
    assert client.get(API + "/programs/p1/live?site_id=jkt", headers=organizer).status_code == 200
    assert client.get(API + "/programs/p1/live?site_id=nowhere", headers=organizer).status_code == 404
    assert hub.open_streams <= 1


@pytest.mark.parametrize(
    ("owner", "program", "status"),
    [
        (NotFound(say("There is no such participant.")), {}, 404),
        (AWAY, {}, 503),
        ({"program_id": "p1"}, {"state": "draft"}, 409),
        ({"program_id": "p1"}, {"state": "published"}, 503),
    ],
)
def test_a_participant_whom_a_service_does_not_know_yet_may_be_there(client, bus, mentee, owner, program, status):
    gone = NotFound(say("There is no such participant."))
    bus.answers |= {"get_agenda": gone, "get_ranking": gone, "get_participant": owner, "get_program": program}
    for path in ("/participants/anna/agenda", "/programs/p1/ranking"):
        assert client.get(API + path, headers=mentee).status_code == status


def test_no_start_can_be_shifted_where_there_are_no_sessions(client, bus, organizer):
    bus.answers["shift_start"] = NotFound(say("The program has no sessions yet."))
    path, body = API + "/programs/p1/sessions/start-shift", {"by_seconds": 60}
    bus.answers["get_program"] = NONE
    assert client.post(path, json=body, headers=organizer).status_code == 404
    bus.answers["get_program"] = {"state": "published"}
    assert client.post(path, json=body, headers=organizer).status_code == 409
    assert client.post(path, json={**body, "session_id": "s1"}, headers=organizer).status_code == 404


def test_feedback_on_a_meeting_that_is_in_the_agenda_is_taken_later(client, bus, mentee):
    bus.answers["submit_feedback"] = NotFound(say("There is no such meeting; see your agenda for those you have."))
    body = {"ratings": {}, "stay_in_touch": True}
    for agenda, status in (([{"meeting_id": "m1"}], 503), ([], 404), (AWAY, 503)):
        bus.answers["get_agenda"] = {"meetings": agenda} if isinstance(agenda, list) else agenda
        assert client.post(API + "/meetings/m1/feedback", json=body, headers=mentee).status_code == status


def test_an_older_gateway_reads_it_as_not_yet_and_an_older_service_is_understood():
    document = UNHEARD.to_document()
    assert document["code"] == NotYet.code
    assert type(fault_from_document(document)) is Unheard
    assert type(fault_from_document(AWAY.to_document())) is NotYet
