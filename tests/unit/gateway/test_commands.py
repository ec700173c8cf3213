"""Commands by message, each the request over HTTP that it stands for."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from services.gateway.commands.carrying_out import Answer, Given, Giver, carry_out
from services.gateway.commands.catalogue import COMMANDS, command_of
from shared.faults import Conflict, NotFound
from shared.messages import say
from shared.messaging.topology import COMMAND_NAMES, command_key
from shared.security.principal import ORGANIZER, Principal
from shared.security.tokens import sign, verify
from tests.unit.gateway.conftest import PRIVATE, PUBLIC, Bus

HR = Principal("integrator-hr", ORGANIZER, "acme", ("program-1",))
ALL = frozenset(COMMANDS)

MENTEE = {"name": "Sari", "site_id": "jkt", "languages": ["id"], "motive": "career", "topics": ["funding"]}

GIVEN: dict[str, tuple[dict[str, Any], tuple[str, dict[str, Any]]]] = {
    "check-in": ({"participant_id": "p-1"}, ("check_in", {"participant_id": "p-1"})),
    "withdraw": ({"participant_id": "p-1"}, ("withdraw", {"participant_id": "p-1"})),
    "state-preference": (
        {"participant_id": "p-1", "wants": ["m-1"], "avoids": []},
        ("state_preference", {"participant_id": "p-1", "wants": ["m-1"], "avoids": []}),
    ),
}

Give = Callable[..., Answer]


@pytest.fixture
def give(app: Flask) -> Give:
    """``give(name, body, commands=…, message_id=…, language=…)``: the answer to a command."""

    def do(
        name: str,
        body: Any,
        commands: frozenset[str] = ALL,
        message_id: str | None = "message-1",
        language: str | None = None,
    ) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        key = name if "." in name else command_key(name)
        given = Given(key, raw, message_id, language)
        return carry_out(app, given, Giver(commands, HR), lambda principal: sign(principal, PRIVATE))

    return do


@pytest.mark.parametrize("name", GIVEN)
def test_a_command_is_the_call_that_http_makes_as_the_integrator(give: Give, bus: Bus, name: str) -> None:
    body, (method, expected) = GIVEN[name]
    bus.answers[method] = {"participant_id": "p-1"}
    answer = give(name, body)
    assert (answer.status, answer.content_type) == (200, "application/json")
    ((service, called, arguments),) = bus.calls
    assert (service, called) == ("registration", method)
    assert expected.items() <= arguments.items()
    assert arguments["idempotency_key"] == "message-1"
    assert bus.tokens[-1] is not None
    assert verify(bus.tokens[-1], PUBLIC) == HR


def test_somebody_is_registered(give: Give, bus: Bus) -> None:
    bus.answers["register_mentee"] = {"participant_id": "p-1"}
    answer = give("register-mentee", {"program_id": "program-1", **MENTEE})
    assert answer.status == 201, answer.body
    ((_, method, arguments),) = bus.calls
    assert (method, arguments["program_id"], arguments["mentee"]["name"]) == ("register_mentee", "program-1", "Sari")


def test_what_http_would_refuse_is_refused_with_its_problem_document_in_the_senders_language(
    give: Give, bus: Bus
) -> None:
    answer = give("register-mentee", {"program_id": "program-1", **MENTEE, "languages": 7}, language="id")
    problem = json.loads(answer.body)
    assert (answer.status, answer.content_type, problem["code"]) == (422, "application/problem+json", "invalid")
    assert [each["field"] for each in problem["problems"]] == ["/languages"]
    assert problem["title"] != json.loads(give("register-mentee", {"program_id": "program-1"}).body)["title"]
    bus.answers["withdraw"] = Conflict(say("The program is cancelled."))
    answer = give("withdraw", {"participant_id": "p-1"})
    assert (answer.status, json.loads(answer.body)["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "message_id", "fields"),
    [
        (b"", "m", [""]),
        (b"[]", "m", [""]),
        (b"\xff", "m", [""]),
        (b"{", "m", [""]),
        ({}, "m", ["/participant_id"]),
        ({"participant_id": 1}, "m", ["/participant_id"]),
        ({"participant_id": "../programs"}, "m", ["/participant_id"]),
        ({"participant_id": "p-1"}, None, ["property message_id"]),
        ({"participant_id": "p-1"}, "m" * 201, ["property message_id"]),
        (b"[]", "", ["property message_id", ""]),
    ],
)
def test_what_is_wrong_with_a_message_is_named_with_the_remedy(
    give: Give, bus: Bus, body: Any, message_id: str | None, fields: list[str]
) -> None:
    answer = give("check-in", body, message_id=message_id)
    problem = json.loads(answer.body)
    assert answer.status == 422
    assert [each["field"] for each in problem["problems"]] == fields
    assert all(each["what"] and each["remedy"] for each in problem["problems"])
    assert bus.calls == []


def test_a_command_that_the_integrator_may_not_give_is_not_carried_out(give: Give, bus: Bus) -> None:
    answer = give("withdraw", {"participant_id": "p-1"}, commands=frozenset({"check-in"}))
    assert (answer.status, json.loads(answer.body)["code"]) == (403, "forbidden")
    assert bus.calls == []


def test_every_command_that_an_integrator_may_be_allowed_is_one() -> None:
    assert tuple(COMMANDS) == COMMAND_NAMES


@pytest.mark.parametrize(
    "key", ["speedmentor.commands.erase.v1", "speedmentor.commands.check-in.v2", "speedmentor.commands.check-in", "x.y"]
)
def test_there_are_no_other_commands(give: Give, bus: Bus, key: str) -> None:
    answer = give(key, {"participant_id": "p-1"})
    assert answer.status == 404
    assert command_key("check-in") in json.loads(answer.body)["detail"]
    with pytest.raises(NotFound):
        command_of(key)
    assert bus.calls == []
