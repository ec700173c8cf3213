"""``python -m deploy.demo.run``: everything up with the sample program loaded, to look around in, until Ctrl-C."""

import math
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console

from deploy.demo.event import Outcome, Overdue, Run
from deploy.demo.files import NotReadable, read_files
from deploy.demo.system import System, running
from deploy.demo.watching import Screen
from deploy.local import LaunchError
from deploy.local.space import CHECKOUT
from shared.clock import SystemClock
from shared.events import read_time
from shared.operations.api import Api, Refused, Unreachable

SAMPLE = CHECKOUT / "examples" / "archipelago"

#: Where the gateway is found, if that port is free.
PORT = 8000

#: Participants of each role whose access codes are shown.
SHOWN = 2


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), default=SAMPLE)
@click.option("--minutes", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="To the first round.")
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="Of the pages.")
def main(data: Path, minutes: float, port: int) -> None:
    """Leave everything up with a program loaded, published and planned, until Ctrl-C."""
    console = Console(soft_wrap=not sys.stdout.isatty())
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _stop(over))
    try:
        files = read_files(data)
        console.print("starting RabbitMQ, MongoDB and six services …")
        with running(SystemClock(), http_port=port) as system:
            with Screen(console, system.clock) as screen:
                run = Run(system.organizer(), system.clock, watcher=screen)
                run.prepare(files.ahead_of(datetime.now(UTC).date()))
                screen.stage("moving the starts near")
                begins = _bring_near(system.organizer(), run.outcome, minutes)
            _show(console, system, run.outcome, begins)
            over.wait()
            console.print("stopping …")
    except _Stopped:
        console.print("stopped")
    except (NotReadable, LaunchError, Unreachable, Overdue, Refused) as error:
        console.print(f"[red]✗[/] {error}", highlight=False)
        sys.exit(1)


class _Stopped(BaseException):
    """Somebody pressed Ctrl-C before all was up."""


_waiting = threading.Event()


def _stop(over: threading.Event) -> None:
    """Once all is up the wait ends; before, what is being done is given up."""
    if over.is_set():
        return
    over.set()
    if not _waiting.is_set():
        raise _Stopped


def _bring_near(api: Api, outcome: Outcome, minutes: float) -> datetime:
    """Have the first site begin so many minutes from now, the others as much later as they were planned."""
    starts = [read_time(each["timetable"][0]["starts_at"]) for each in outcome.sessions]
    # On the full minute: that is what people expect of a bell.
    begins = datetime.fromtimestamp(math.ceil((datetime.now(UTC).timestamp() + minutes * 60) / 60) * 60, UTC)
    week = timedelta(days=7)
    left = begins - min(starts)
    while left:
        step = max(-week, min(week, left))
        api.post(f"/programs/{outcome.program_id}/sessions/start-shift", {"by_seconds": round(step.total_seconds())})
        left -= step
    return begins


def _show(console: Console, system: System, outcome: Outcome, begins: datetime) -> None:
    url, program = system.deployment.url, outcome.program
    codes = system.organizer().get(f"/programs/{outcome.program_id}/access-codes")
    lines = [("log in as organizer", f"{url}/", f"password: {system.infrastructure.organizer_password}")]
    lines.append(("the program", f"{url}/programs/{outcome.program_id}", program["title"]))
    lines += [
        (f"wall of {site['site_id']}", f"{url}/wall/{outcome.program_id}/{site['site_id']}", site["name"])
        for site in program["sites"]
    ]
    for role in ("mentor", "mentee"):
        some = [each for each in codes if each["role"] == role][:SHOWN]
        lines += [(f"log in as a {role}", f"{url}/", f"{each['name']}: {each['access_code']}") for each in some]
    lines.append(("the API", f"{url}/openapi.json", ""))
    console.print()
    for what, address, text in lines:
        # Not a table: an address that is broken into two lines cannot be opened.
        console.print(f"{what:<22}{address}  {text}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"\nthe first round begins at {begins.astimezone():%H:%M %Z} (this machine's time); Ctrl-C stops all")
    _waiting.set()


if __name__ == "__main__":
    main()
