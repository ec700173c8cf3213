"""``speedmentor integrator``: accounts of other systems, made by the API as an organizer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import orjson

from shared.messages import say
from shared.messaging.topology import COMMAND_NAMES
from shared.operations.api import Api, Refused
from shared.operations.organizing import as_organizer, organizer
from shared.operations.speaking import WRONG_USAGE, Command, end, failing_clearly, in_language, tell


@click.group()
def integrator() -> None:
    """Other systems that hear events: add, list, rotate, remove."""


def _common(command: Command) -> Command:
    as_json = click.option("--json", "as_json", is_flag=True, help="As JSON.")
    return as_organizer(as_json(in_language(command)))


def _ask(url: str | None, password_file: Path | None, language: str, call: Callable[[Api], Any]) -> Any:
    """What ``call`` gets of the API, as an organizer."""
    with organizer(url, password_file, language) as api:
        return call(api)


def _parts(text: str | None) -> list[str] | None:
    return None if text is None else [each.strip() for each in text.split(",") if each.strip()]


@integrator.command()
@click.argument("name")
@click.option(
    "--types",
    required=True,
    metavar="PATTERNS",
    help="What it may hear, by commas: # for all, registration.# for a service, matching.plan-published for a type.",
)
@click.option("--programs", metavar="IDS", help="Only events of these programs, by commas; without it, of all.")
@click.option("--stream", is_flag=True, help="A stream too, which is read from any offset.")
@click.option("--webhook", metavar="URL", help="Send its events there too; the secret is shown this once.")
@click.option("--commands", metavar="NAMES", help=f"What it may command, by commas: {', '.join(COMMAND_NAMES)}.")
@_common
def add(
    name: str,
    types: str,
    programs: str | None,
    stream: bool,
    webhook: str | None,
    commands: str | None,
    url: str | None,
    password_file: Path | None,
    as_json: bool,
    language: str,
) -> None:
    """Give NAME an account at the broker and an API key. Both are shown this once."""
    scope = {"types": _parts(types), "programs": _parts(programs)}
    body = {"name": name, **scope, "stream": stream, "commands": _parts(commands) or []}
    refused: list[Refused] = []

    def make(api: Api) -> Any:
        made = api.post("/integrators", body)
        if webhook:
            try:
                made["webhook"] = api.post("/webhooks", {"integrator": name, "url": webhook})
            except Refused as error:
                refused.append(error)
        return made

    # The account's secrets are shown only here, also where the webhook is refused.
    _show(_ask(url, password_file, language, make), as_json, language)
    with failing_clearly(language):
        for error in refused:
            raise error


@integrator.command("list")
@_common
def list_(url: str | None, password_file: Path | None, as_json: bool, language: str) -> None:
    """All of them, with what they may hear."""
    found = _ask(url, password_file, language, lambda api: api.get("/integrators"))["integrators"]
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    for each in found:
        _describe(each, language)
    if not found:
        tell(say("there are no integrators"), language)


@integrator.command()
@click.argument("name")
@click.option(
    "--keep-hours",
    type=click.IntRange(0, 720),
    default=0,
    show_default=True,
    help="How long the old ones still hold; with 0 they end, and are cut off, at once.",
)
@_common
def rotate(
    name: str, keep_hours: int, url: str | None, password_file: Path | None, as_json: bool, language: str
) -> None:
    """Give NAME a new broker user and API key. Both are shown this once."""
    body = {"keep_hours": keep_hours}
    made = _ask(url, password_file, language, lambda api: api.post(f"/integrators/{name}/secrets", body))
    _show(made, as_json, language)


@integrator.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Really: what waits in its queues is gone for good.")
@_common
def remove(name: str, yes: bool, url: str | None, password_file: Path | None, as_json: bool, language: str) -> None:
    """Remove NAME with its queues; its connections end at once."""
    if not yes:
        end(say("what waits in its queues is gone for good; give --yes if you mean it"), language, WRONG_USAGE)
    removed = _ask(url, password_file, language, lambda api: api.call("DELETE", f"/integrators/{name}"))
    if as_json:
        click.echo(orjson.dumps(removed, option=orjson.OPT_INDENT_2))
        return
    tell(say("{name} is removed", name=name), language)


def _show(made: dict[str, Any], as_json: bool, language: str) -> None:
    if as_json:
        click.echo(orjson.dumps(made, option=orjson.OPT_INDENT_2))
        return
    _describe(made, language)
    secrets = made["secrets"]
    tell(say("  broker: {uri}", uri=secrets["amqp_uri"]), language)
    tell(say("  API key: {key}", key=secrets["api_key"]), language)
    if hook := made.get("webhook"):
        tell(say("  webhook: {url}, secret: {secret}", url=hook["url"], secret=hook["secret"]), language)
    tell(say("Keep both now: nobody can show them again. Lost ones are rotated."), language)
    if not any(each in ("#", "registration.#", "*.participant-erased") for each in made["types"]) and (
        "registration.participant-erased" not in made["types"]
    ):
        tell(
            say(
                "It does not hear registration.participant-erased: a system that keeps ids of people needs it, to "
                "forget who is erased."
            ),
            language,
        )


def _describe(each: dict[str, Any], language: str) -> None:
    types = ", ".join(each["types"])
    if each["programs"] is None:
        tell(say("{name} hears {types} of all programs", name=each["name"], types=types), language)
    else:
        programs = ", ".join(each["programs"])
        tell(say("{name} hears {types} of {programs}", name=each["name"], types=types, programs=programs), language)
    tell(say("  queue: {queue}, dead letters: {dead}", queue=each["queue"], dead=each["dead_letters"]), language)
    if each["stream"]:
        tell(say("  stream: {stream}", stream=each["stream"]), language)
    if each["commands"]:
        commands = ", ".join(each["commands"])
        tell(say("  commands: {commands}, answers: {answers}", commands=commands, answers=each["answers"]), language)
    for user in each["users"]:
        if user["until"]:
            tell(say("  user {user} holds until {until}", user=user["user"], until=user["until"]), language)
        else:
            tell(say("  user {user}", user=user["user"]), language)
    if not each["settled"]:
        tell(say("  the broker does not have it yet"), language)
