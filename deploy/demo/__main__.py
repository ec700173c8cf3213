"""``python -m deploy.demo``: a whole event, from nothing to its report."""

import sys
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from deploy.demo import report
from deploy.demo.event import Overdue
from deploy.demo.faults import Kill
from deploy.demo.files import NotReadable, read_files
from deploy.demo.system import clock_from, running
from deploy.demo.watching import Screen
from deploy.demo.whole import run_event
from deploy.local import RUN, LaunchError
from deploy.local.space import CHECKOUT
from shared.operations.api import Refused, Unreachable

SAMPLE = CHECKOUT / "examples" / "archipelago"

#: An event second lasts 1/360 s: rounds of ten minutes take less than two seconds.
SPEED = 360.0

FAILED, FAULTY_FILES = 1, 2


class KillType(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """``service@seconds``."""

    name = "what@seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Kill:
        """The kill."""
        try:
            return value if isinstance(value, Kill) else Kill.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=SAMPLE,
    help="Folder with program.toml, mentors.csv and mentees.csv.",
)
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), default=SPEED, help="Event seconds a second.")
@click.option("--seed", default=1, show_default=True, help="The same seed: the same absences and answers.")
@click.option("--kill", "kills", type=KillType(), multiple=True, help="Kill it and start it again; may be repeated.")
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    default=RUN,
    help="Folder for all that runs; the default is the one that make up and make run use.",
)
@click.option("--report", "path", type=click.Path(dir_okay=False, path_type=Path), default=RUN / "demo" / "report.json")
def main(data: Path, speed: float, seed: int, kills: tuple[Kill, ...], root: Path, path: Path) -> None:
    """Run a whole event on a system of its own, and check that nothing was lost.

    Ends with 0 if all agree at the end, with 1 if not, and with 2 if the files have faults: then nothing is created.
    """
    console = Console(soft_wrap=not sys.stdout.isatty())
    began = time.monotonic()
    try:
        files = read_files(data)
        console.print(f"[bold]speedmentor[/]: the event in {data}, at {speed:g} times the speed", highlight=False)
        with ExitStack() as stack:
            with _starting(console):
                system = stack.enter_context(running(clock_from(files.begin(speed), speed), root))
            took = time.monotonic() - began
            console.print(f"  [green]✓[/] all is up at {system.deployment.url} [dim]({took:.1f} s)[/]", highlight=False)
            with Screen(console, system.clock) as screen:
                found = run_event(system, files.texts, seed=seed, kills=kills, watcher=screen, began=began)
    except Refused as error:
        _show_faults(console, error, data)
        sys.exit(FAULTY_FILES if error.status == 422 and error.problem.get("problems") else FAILED)
    except (NotReadable, LaunchError, Unreachable, Overdue) as error:
        console.print(f"[red]✗[/] {error}", highlight=False)
        sys.exit(FAULTY_FILES if isinstance(error, NotReadable) else FAILED)
    found["durations"]["all"] = round(time.monotonic() - began, 3)
    report.write(path, found)
    report.show(console, found)
    console.print(f"[dim]{found['durations']['all']:.0f} s in all; {path}[/]", highlight=False)
    sys.exit(0 if found["clean"] else FAILED)


def _starting(console: Console) -> AbstractContextManager[Any]:
    """Something that turns, where there is a terminal."""
    return console.status("starting RabbitMQ, MongoDB and six services …") if console.is_terminal else nullcontext()


def _show_faults(console: Console, error: Refused, data: Path) -> None:
    problems = error.problem.get("problems", [])
    console.print(f"[red]✗[/] {error.problem.get('detail') or error}", highlight=False)
    if not problems:
        return
    table = Table("file", "row", "column", "what is wrong", "what mends it", title=str(data), title_justify="left")
    for each in problems:
        row = each.get("row")
        table.add_row(
            each.get("file", ""), "" if row is None else str(row), each["field"], each["what"], each["remedy"]
        )
    console.print(table)


if __name__ == "__main__":
    main()
