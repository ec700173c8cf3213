"""Commands in the AsyncAPI document: what is taken over HTTP, and nothing else."""

from typing import Any

import pytest
from jsonschema import Draft7Validator

from services.gateway.commands.catalogue import COMMANDS
from shared.messaging.topology import COMMANDS as EXCHANGE
from shared.messaging.topology import command_key
from tests.javascript import ask
from tests.readers import FORMATS, whole

commands = pytest.mark.parametrize("name", COMMANDS)


def test_asyncapis_own_parser_has_nothing_against_it(today: dict[str, Any]) -> None:
    answer = ask("asyncapi.cjs", today)
    assert answer["parsed"]
    assert {each["code"] for each in answer["said"]} <= {"asyncapi-latest-version"}
    addresses = [address for address, _ in answer["addresses"]]
    assert addresses[-len(COMMANDS) :] == [command_key(name) for name in COMMANDS]


@commands
def test_its_example_is_taken_and_what_is_missing_or_too_much_is_not(today: dict[str, Any], name: str) -> None:
    message = whole(today["components"]["messages"][command_key(name)], today)
    schema = Draft7Validator(message["payload"], format_checker=FORMATS)
    Draft7Validator.check_schema(message["payload"])
    (given,) = message["examples"]
    assert list(schema.iter_errors(given["payload"])) == []
    for field in message["payload"]["required"]:
        assert not schema.is_valid({key: value for key, value in given["payload"].items() if key != field}), field
    assert not schema.is_valid({**given["payload"], "no_such_field": 1})


@commands
def test_it_is_received_and_answered_where_the_sender_says(today: dict[str, Any], name: str) -> None:
    key = command_key(name)
    (operation,) = (each for each in today["operations"].values() if each["channel"]["$ref"] == f"#/channels/{key}")
    assert operation["action"] == "receive"
    assert operation["reply"]["address"] == {"location": "$message.header#/reply_to"}
    binding = whole(today["channels"][key]["bindings"], today)["amqp"]
    assert (binding["exchange"]["name"], binding["exchange"]["type"]) == (EXCHANGE, "topic")


@commands
def test_http_takes_the_example_too(client: Any, organizer: Any, bus: Any, today: dict[str, Any], name: str) -> None:
    (given,) = today["components"]["messages"][command_key(name)]["examples"]
    address, body = COMMANDS[name].request(given["payload"])
    answer = client.open(address, method=COMMANDS[name].method, json=body, headers=organizer)
    assert answer.status_code != 422, answer.json
    assert bus.calls
