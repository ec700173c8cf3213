"""``speedmentor replay``: send an integrator once more what was published, and watch how far it is."""

import sys
import time
from pathlib import Path
from typing import Any

import click
import orjson

from shared.messages import say
from shared.operations.api import Api
from shared.operations.organizing import as_organizer, organizer
from shared.operations.speaking import FAILED, end, in_language, tell

#: Seconds between two looks how far it is.
LOOK = 0.5


@click.command()
@click.option("--to", required=True, metavar="INTEGRATOR", help="To whom; nobody else gets anything.")
@click.option(
    "--from", "start", metavar="TIME|CURSOR", help="From when on: 2026-11-24T09:30:00Z, 2026-11-24 or a cursor."
)
@click.option("--types", metavar="PATTERNS", help="Only these types, by commas; without it, all that it may hear.")
@click.option("--no-wait", is_flag=True, help="Only begin; it goes on in the background.")
@click.option("--cancel", is_flag=True, help="Call off the one that is under way.")
@as_organizer
@click.option("--json", "as_json", is_flag=True, help="The outcome as JSON.")
@in_language
def replay(
    to: str,
    start: str | None,
    types: str | None,
    no_wait: bool,
    cancel: bool,
    url: str | None,
    password_file: Path | None,
    as_json: bool,
    language: str,
) -> None:
    """Send an integrator's queue what was published from a moment on, within what it may hear.

    The system does it in the background: this only watches, and may be ended (Ctrl-C) and called again without --from
    to go on watching. Ends with 0 when all is sent, with 1 where it fails or is cancelled.
    """
    with organizer(url, password_file, language) as api:
        if start is not None and not cancel:
            wanted = [each.strip() for each in (types or "").split(",") if each.strip()]
            found = api.post(f"/integrators/{to}/replays", {"start": start, "types": wanted})
        else:
            found = _running(api, to, language)
        if cancel:
            found = api.post(f"/replays/{found['replay_id']}/cancellation")
        elif not no_wait:
            found = _watch(api, found, language, quiet=as_json)
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        _tell(found, language)
    if found["state"] == "failed" or (found["state"] == "cancelled" and not cancel):
        sys.exit(FAILED)


def _running(api: Api, to: str, language: str) -> dict[str, Any]:
    for each in api.get(f"/integrators/{to}/replays")["replays"]:
        if each["state"] == "running":
            return dict(each)
    end(say("no replay to {name} is under way; begin one with --from", name=to), language, FAILED)


def _watch(api: Api, found: dict[str, Any], language: str, quiet: bool) -> dict[str, Any]:
    """Show how far it is until it ends."""
    shown = sys.stderr.isatty() and not quiet
    with click.progressbar(length=max(found["of"], 1), file=sys.stderr, hidden=not shown) as bar:
        done = 0
        while found["state"] == "running":
            bar.update(found["looked_at"] - done)
            done = found["looked_at"]
            time.sleep(LOOK)
            found = api.get(f"/replays/{found['replay_id']}")
        bar.update(found["looked_at"] - done)
    return found


def _tell(found: dict[str, Any], language: str) -> None:
    values = {"id": found["replay_id"], "name": found["name"], "sent": found["sent"], "cursor": found["cursor"]}
    match found["state"]:
        case "done":
            tell(
                say("replay {id}: {sent} events are in the queue of {name}, up to cursor {cursor}", **values), language
            )
        case "cancelled":
            tell(
                say("replay {id} is cancelled; {sent} events were sent to {name}, up to cursor {cursor}", **values),
                language,
            )
        case "failed":
            tell(
                say("replay {id} to {name} failed at cursor {cursor}: {why}", **values, why=found["why"]),
                language,
                problem=True,
            )
        case _:
            tell(say("replay {id} to {name} is under way; {sent} events are sent", **values), language)
