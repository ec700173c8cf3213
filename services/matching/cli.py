"""The planner on the command line: files in, files out."""

import gc
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click
import orjson

from services.matching.cli_pair import pair
from services.matching.cli_what_if import outcomes, table, to_document
from services.matching.planner import InputFaults, read_input, solve
from services.matching.planner.parallel import Progress
from shared.faults import Invalid
from shared.messages import say
from shared.translation import languages, spoken

__all__ = ["pair", "plan"]


@click.command()
@click.argument("source", metavar="INPUT.json", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("-o", "--output", default="-", metavar="PLAN.json", help="Where the plan goes; - is standard output.")
@click.option("--time-limit", type=click.FloatRange(min=0), help="Seconds; take the best plan found by then.")
@click.option("--explain", metavar="FILE", help="Write each change against the announced plan, in words.")
@click.option("--html", metavar="FILE", help="Write the plan as a page to look at and to print.")
@click.option(
    "--what-if",
    "what_if",
    multiple=True,
    metavar="CHANGES",
    help="Compare instead: mentors+2@site, mentees-3, rounds=5, rounds=90/12 (minutes), several apart by commas.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes to plan with; as many as cores if absent.")
@click.option(
    "--language",
    type=click.Choice(languages()),
    default="en",
    envvar="SPEEDMENTOR_LANGUAGE",
    help="The language of what is said about faults.",
)
def plan(
    source: str,
    output: str,
    time_limit: float | None,
    explain: str | None,
    html: str | None,
    what_if: tuple[str, ...],
    workers: int | None,
    language: str,
) -> None:
    """Plan who meets whom in INPUT.json, fairest first, then best, with a proof.

    Ends with 0 and a plan, or with 2, one line a fault on standard error, and no file.
    """
    # A large event is millions of small objects, all in use to the end: looking for cycles only costs time.
    gc.disable()
    try:
        document = read_json(source)
        if what_if:
            found = outcomes(document, what_if, time_limit, workers)
            if output == "-":
                click.echo(table(found, language))
            else:
                write_json(output, to_document(found))
            return
        plan_input = read_input(document)
    except Invalid as faults:
        for problem in faults.problems:
            click.echo(f"{problem.field or '/'}: {spoken(problem.what, language)}", err=True)
        sys.exit(2)
    with progress_on(sys.stderr) as progress:
        made = solve(plan_input, time_limit=time_limit, workers=workers, progress=progress)
    answer = made.to_document()
    write_json(output, answer)
    if explain is not None:
        changes = [{**each.to_document(made), "why": spoken(each.why, language)} for each in made.changes]
        write_json(explain, changes)
    if html is not None:
        # The page's templates are for those who ask for it.
        from services.matching.pictures import render_html

        write(html, render_html(answer, document, language).encode())


@contextmanager
def progress_on(stream: TextIO) -> Iterator[Progress]:
    """Say how far the planning is, where somebody looks on."""
    shown = stream.isatty()

    def progress(share: float) -> None:
        if shown:
            stream.write(f"\r{share:4.0%}")
            stream.flush()

    yield progress
    if shown:
        stream.write("\r    \r")


def read_json(source: str) -> Any:
    """The JSON document in the file ``source`` (``-``: standard input).

    Raises :class:`InputFaults` if it is not JSON. Not-a-number is let through, for the reader to say where.
    """
    raw = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as fault:
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise InputFaults([("", say("is not JSON: {why}", why=str(fault)))]) from None


def write_json(target: str, document: Any) -> None:
    """Write ``document`` to the file ``target`` whole or not at all (``-``: standard output)."""
    write(target, orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))


def write(target: str, raw: bytes) -> None:
    """Write ``raw`` to the file ``target`` whole or not at all (``-``: standard output)."""
    if target == "-":
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    try:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except OSError as fault:
        raise click.ClickException(str(fault)) from fault
