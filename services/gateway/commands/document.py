"""Commands in the AsyncAPI document: what each takes is what the request over HTTP takes, by the API's own document."""

from collections.abc import Mapping
from typing import Any, Final

from services.gateway.commands.catalogue import COMMANDS, Command
from services.gateway.routes.common import LONGEST_KEY, PREFIX
from shared.events.asyncapi import BINDING, VHOST
from shared.events.compatibility import resolved
from shared.messaging.topology import COMMANDS as EXCHANGE
from shared.messaging.topology import command_key

Json = dict[str, Any]

_CHANNEL = "answers"
_ID: Final = "01a20b11-1a80-72c9-aad2-ae6b5d2ce1ac"
_PERSON: Final = {"name": "Sari Wijaya", "site_id": "jkt", "languages": ["id", "en"], "topics": ["funding"]}

#: What a message of each may look like.
EXAMPLES: Final[Mapping[str, Json]] = {
    "register-mentor": {"program_id": _ID, **_PERSON, "topics": {"funding": 4}},
    "register-mentee": {"program_id": _ID, **_PERSON, "motive": "problem"},
    "check-in": {"participant_id": _ID},
    "withdraw": {"participant_id": _ID},
    "state-preference": {"participant_id": _ID, "wants": [_ID], "avoids": []},
}

_HEADERS: Final[Json] = {
    "type": "object",
    "properties": {
        "accept-language": {"type": "string", "description": "the language of faults, en or id"},
        "traceparent": {"type": "string", "description": "W3C Trace Context"},
    },
}
_HOW: Final = (
    f"Publish it with your broker user as `user_id`, with 1 to {LONGEST_KEY} characters of your own as `message_id` "
    "(sent again with the same one it has no second effect), and with your queue of answers as `reply_to` where you "
    "want one."
)


def with_commands(document: Json, openapi: Json) -> Json:
    """``document`` with every command and its answer; ``openapi`` is the document of the API over HTTP."""
    components = document["components"]
    components["channelBindings"]["commands"] = _binding()
    components["messages"] |= {_CHANNEL: _answer()}
    document["channels"][_CHANNEL] = {
        "address": None,
        "description": "Your own queue of answers.",
        "messages": {_CHANNEL: {"$ref": f"#/components/messages/{_CHANNEL}"}},
    }
    document["info"]["tags"].append({"name": "commands"})
    for name, command in COMMANDS.items():
        key = command_key(name)
        components["messages"][key] = _message(name, command, openapi)
        document["channels"][key] = {
            "address": key,
            "description": f"Routing key `{key}` of the exchange `{EXCHANGE}`.",
            "messages": {key: {"$ref": f"#/components/messages/{key}"}},
            "bindings": {"$ref": "#/components/channelBindings/commands"},
        }
        document["operations"][f"receive{name.title().replace('-', '')}V1"] = _operation(key, command)
    return document


def _binding() -> Json:
    exchange = {"name": EXCHANGE, "type": "topic", "durable": True, "autoDelete": False, "vhost": VHOST}
    return {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": BINDING}}


def _operation(key: str, command: Command) -> Json:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{key}"},
        "summary": command.means,
        "description": _HOW,
        "tags": [{"name": "commands"}],
        "messages": [{"$ref": f"#/channels/{key}/messages/{key}"}],
        "reply": {
            "address": {"location": "$message.header#/reply_to"},
            "channel": {"$ref": f"#/channels/{_CHANNEL}"},
            "messages": [{"$ref": f"#/channels/{_CHANNEL}/messages/{_CHANNEL}"}],
        },
    }


def _message(name: str, command: Command, openapi: Json) -> Json:
    path = openapi["paths"][PREFIX + command.path]
    operation = path[command.method.lower()]
    body: Json = {"type": "object", "properties": {}, "additionalProperties": False}
    if "requestBody" in operation:
        body = _inlined(operation["requestBody"]["content"]["application/json"]["schema"], openapi)
    parameters = resolved([*path.get("parameters", ()), *operation.get("parameters", ())], openapi)
    ids = {each["name"]: each["schema"] for each in parameters if each["in"] == "path"}
    return {
        "name": command_key(name),
        "title": name,
        "summary": command.means,
        "contentType": "application/json",
        "tags": [{"name": "commands"}],
        "headers": _HEADERS,
        "payload": {
            **body,
            "properties": {**{each: ids[each] for each in command.ids}, **body["properties"]},
            "required": [*command.ids, *body.get("required", ())],
        },
        "examples": [{"name": name, "summary": command.means, "payload": EXAMPLES[name]}],
    }


def _answer() -> Json:
    return {
        "name": _CHANNEL,
        "title": "The answer to a command",
        "summary": "What HTTP would answer; of a fault a problem document (RFC 9457).",
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {
                "status": {"type": "integer", "description": "the status that HTTP would have"},
                "command": {"type": "string", "description": "the routing key of the command"},
            },
            "required": ["status", "command"],
        },
        "payload": {"type": "object"},
        "examples": [
            {
                "name": "fault",
                "summary": "A command for somebody who is not known.",
                "headers": {"status": 404, "command": command_key("check-in")},
                "payload": {"type": "urn:speedmentor:problem:not-found", "status": 404, "code": "not-found"},
            }
        ],
    }


def _inlined(value: Any, openapi: Json) -> Any:
    value = resolved(value, openapi)
    if isinstance(value, dict):
        return {name: _inlined(each, openapi) for name, each in value.items()}
    return [_inlined(each, openapi) for each in value] if isinstance(value, list) else value
