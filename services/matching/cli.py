"""The planner on the command line: files in, files out."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import orjson

from services.matching.cli_pair import pair
from services.matching.language import LANGUAGES, spoken
from services.matching.planner import InputFaults, read_input, solve
from shared.messages import say

__all__ = ["pair", "plan"]


@click.command()
@click.argument("source", metavar="INPUT.json", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("-o", "--output", default="-", metavar="PLAN.json", help="Where the plan goes; - is standard output.")
@click.option("--time-limit", type=click.FloatRange(min=0), help="Seconds; take the best plan found by then.")
@click.option("--explain", metavar="FILE", help="Write each change against the announced plan, in words.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes to plan with; as many as cores if absent.")
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="en",
    envvar="SPEEDMENTOR_LANGUAGE",
    help="The language of what is said about faults.",
)
def plan(
    source: str, output: str, time_limit: float | None, explain: str | None, workers: int | None, language: str
) -> None:
    """Plan who meets whom in INPUT.json, fairest first, then best, with a proof.

    Ends with 0 and a plan, or with 2, one line a fault on standard error, and no file.
    """
    try:
        plan_input = read_input(read_json(source))
    except InputFaults as faults:
        for where, what in faults.faults:
            click.echo(f"{where or '/'}: {spoken(what, language)}", err=True)
        sys.exit(2)
    made = solve(plan_input, time_limit=time_limit, workers=workers)
    write_json(output, made.to_document())
    if explain is not None:
        write_json(explain, made.changes_document())


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
    raw = orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
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
