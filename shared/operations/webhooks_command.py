"""``speedmentor webhook``: where events are sent, by the API as an organizer."""

import time
from pathlib import Path
from typing import Any

import click
import orjson

from shared.messages import say
from shared.operations.organizing import as_organizer, organizer
from shared.operations.speaking import FAILED, WRONG_USAGE, Command, end, in_language, tell

#: Seconds that a test event has to come back with an outcome: a request takes 15 at the most.
PATIENCE = 30.0
LOOK = 0.3


@click.group()
def webhook() -> None:
    """Events sent to other systems: add, look, test, send again, switch on and off."""


def _common(command: Command) -> Command:
    return as_organizer(in_language(command))


@webhook.command()
@click.argument("integrator")
@click.argument("address")
@click.option("--types", default="", help="Only types of these patterns, by commas, such as matching.#.")
@_common
def add(integrator: str, address: str, types: str, url: str | None, password_file: Path | None, language: str) -> None:
    """Have the events of INTEGRATOR sent to ADDRESS. The secret of their signatures is shown this once."""
    patterns = [each.strip() for each in types.split(",") if each.strip()]
    with organizer(url, password_file, language) as api:
        made = api.post("/webhooks", {"integrator": integrator, "url": address, "types": patterns})
    _tell_secret(made, language)


@webhook.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_common
def list_(as_json: bool, url: str | None, password_file: Path | None, language: str) -> None:
    """All webhooks, and how they do; ends with 1 if any is disabled or fails."""
    with organizer(url, password_file, language) as api:
        found = api.get("/webhooks")["webhooks"]
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        for each in found:
            _tell_of(each, language)
        if not found:
            tell(say("there are no webhooks"), language)
    if any(each["state"] != "active" or each["failing_since"] for each in found):
        raise SystemExit(FAILED)


@webhook.command()
@click.argument("webhook_id")
@_common
def show(webhook_id: str, url: str | None, password_file: Path | None, language: str) -> None:
    """One webhook with what has become of its events, as JSON."""
    with organizer(url, password_file, language) as api:
        click.echo(orjson.dumps(api.get(f"/webhooks/{webhook_id}"), option=orjson.OPT_INDENT_2))


@webhook.command()
@click.argument("webhook_id")
@_common
def test(webhook_id: str, url: str | None, password_file: Path | None, language: str) -> None:
    """Send a test event and say what came of it; ends with 1 if it did not arrive."""
    with organizer(url, password_file, language) as api:
        event = api.post(f"/webhooks/{webhook_id}/tests")["event_id"]
        deadline = time.monotonic() + PATIENCE
        while (last := api.get(f"/webhooks/{webhook_id}")["test"]) is None or last["event_id"] != event:
            if time.monotonic() > deadline:
                end(say("the test event has not been sent yet; see the list later"), language, FAILED)
            time.sleep(LOOK)
    if last["status"] is not None and 200 <= last["status"] <= 299:
        tell(say("the test event {event} arrived: answer {status}", event=event, status=last["status"]), language)
        return
    why = last["failure"] or last["status"]
    end(say("the test event {event} did not arrive: {why}", event=event, why=why), language, FAILED)


@webhook.command()
@click.argument("webhook_id")
@click.option("--event", "event_id", help="This event.")
@click.option("--since", metavar="TIME", help="All that were given up since then, such as 2026-11-28T09:30:00Z.")
@_common
def redeliver(
    webhook_id: str,
    event_id: str | None,
    since: str | None,
    url: str | None,
    password_file: Path | None,
    language: str,
) -> None:
    """Send one event once more, or those that were given up."""
    if (event_id is None) == (since is None):
        end(say("give either --event or --since"), language, WRONG_USAGE)
    body = {"event_id": event_id, "given_up_since": since}
    with organizer(url, password_file, language) as api:
        count = api.post(f"/webhooks/{webhook_id}/redeliveries", body)["events"]
    tell(say("sent again: {count}", count=count), language)


@webhook.command()
@click.argument("webhook_id")
@_common
def rotate(webhook_id: str, url: str | None, password_file: Path | None, language: str) -> None:
    """Give it a new secret, shown this once; for a day the one before signs too."""
    with organizer(url, password_file, language) as api:
        _tell_secret(api.post(f"/webhooks/{webhook_id}/secrets"), language)


@webhook.command()
@click.argument("webhook_id")
@click.option("--from-now", is_flag=True, help="Leave out what it has not had.")
@_common
def enable(webhook_id: str, from_now: bool, url: str | None, password_file: Path | None, language: str) -> None:
    """Send there again: from where it stood, or from now on."""
    with organizer(url, password_file, language) as api:
        _tell_of(api.post(f"/webhooks/{webhook_id}/activation", {"from_now": from_now}), language)


@webhook.command()
@click.argument("webhook_id")
@_common
def disable(webhook_id: str, url: str | None, password_file: Path | None, language: str) -> None:
    """Send nothing there until it is enabled; what happens meanwhile waits."""
    with organizer(url, password_file, language) as api:
        _tell_of(api.post(f"/webhooks/{webhook_id}/deactivation"), language)


@webhook.command()
@click.argument("webhook_id")
@click.option("--yes", is_flag=True, help="Really: what has not been sent is not sent any more.")
@_common
def remove(webhook_id: str, yes: bool, url: str | None, password_file: Path | None, language: str) -> None:
    """Send nothing more there, and forget it."""
    if not yes:
        end(say("what has not been sent is not sent any more; give --yes if you mean it"), language, WRONG_USAGE)
    with organizer(url, password_file, language) as api:
        api.call("DELETE", f"/webhooks/{webhook_id}")


def _tell_secret(made: dict[str, Any], language: str) -> None:
    tell(say("webhook {id}: {url}", id=made["webhook_id"], url=made["url"]), language)
    tell(say("  secret: {secret}", secret=made["secret"]), language)
    tell(say("Keep it now: nobody can show it again. A lost one is rotated."), language)


def _tell_of(each: dict[str, Any], language: str) -> None:
    tell(say("webhook {id}: {url}", id=each["webhook_id"], url=each["url"]), language)
    if each["state"] == "active":
        tell(
            say("  active since {since}, for {integrator}", since=each["since"], integrator=each["integrator"]),
            language,
        )
    else:
        tell(say("  disabled since {since}: {reason}", since=each["since"], reason=each["reason"]), language)
    tell(
        say(
            "  {delivered} delivered, {pending} pending, {given_up} given up",
            **{name: each[name] for name in ("delivered", "pending", "given_up")},
        ),
        language,
    )
    if each["failing_since"]:
        tell(say("  nothing has succeeded since {since}", since=each["failing_since"]), language)
