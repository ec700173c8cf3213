"""``speedmentor pair``: the final pairing, from the rankings of both sides."""

import sys
from pathlib import Path
from typing import Any

import click
import orjson

from services.matching.pairing.pairs import pair as paired
from services.matching.pairing.reading import read_rankings
from shared.faults import Invalid, Problem
from shared.messages import say
from shared.translation import languages, spoken

BAD_INPUT = 2


@click.command()
@click.argument("rankings", type=click.Path())
@click.option("-o", "--output", type=click.Path(), default="-", help="Where the pairs go; - is standard output.")
@click.option(
    "--language",
    type=click.Choice(languages()),
    default="en",
    envvar="SPEEDMENTOR_LANGUAGE",
    help="The language of what is said about faults.",
)
def pair(rankings: str, output: str, language: str) -> None:
    """Pair mentors and mentees for good, after the event, from RANKINGS (a JSON file; - is standard input).

    Two pairings come side by side: the stable one that is best for mentees, and the one with the most mutual
    top choices. Input that breaks the format ends with status 2, one line for each fault and no file.
    """
    try:
        pairs = paired(read_rankings(_read(rankings)))
        _write(output, orjson.dumps(pairs.to_document(), option=orjson.OPT_INDENT_2) + b"\n")
    except Invalid as fault:
        for problem in fault.problems:
            click.echo(f"{problem.field or '/'}: {spoken(problem.what, language)}", err=True)
        sys.exit(BAD_INPUT)


def _read(path: str) -> Any:
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return orjson.loads(raw)
    except OSError as error:
        what = say("cannot be read: {reason}", reason=error.strerror)
    except orjson.JSONDecodeError as error:
        what = say("is not JSON: {reason}", reason=str(error))
    raise Invalid(what, [Problem("", what, say("give a JSON file"))])


def _write(path: str, raw: bytes) -> None:
    if path == "-":
        sys.stdout.buffer.write(raw)
        return
    try:
        Path(path).write_bytes(raw)
    except OSError as error:
        what = say("cannot be written: {reason}", reason=error.strerror)
        raise Invalid(what, [Problem(path, what, say("name a file in a folder that exists"))]) from error
