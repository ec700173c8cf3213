"""``speedmentor plan``: a plan input in, a plan out."""

import gc
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from services.matching.cli.files import as_json, check_targets, read_json, refuse, write
from services.matching.cli.what_if_command import outcomes, table, to_document
from services.matching.planner import read_input, solve
from services.matching.planner.flow.min_cost_flow import FlowFailed
from services.matching.planner.parallel import Progress
from shared.faults import Invalid, Problem
from shared.messages import say
from shared.translation import languages, spoken


class Seconds(click.FloatRange):
    """A length of time; what is no number, or has no end, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """``value`` as seconds."""
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is no length of time.", param, ctx)
        return seconds


@click.command()
@click.argument("source", metavar="INPUT.json", type=click.Path())
@click.option("-o", "--output", default="-", metavar="PLAN.json", help="Where the plan goes; - is standard output.")
@click.option("--time-limit", type=Seconds(min=0), help="Seconds; take the best plan found by then.")
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
        check_targets((output, explain, html))
        if what_if:
            _compare(source, output, time_limit, (explain, html), what_if, workers, language)
        else:
            _plan(source, output, time_limit, explain, html, workers, language)
    except Invalid as faults:
        refuse(faults, language)
    except FlowFailed as broken:
        what = say("cannot be planned: {reason}", reason=str(broken))
        refuse(Invalid(what, [Problem("", what, say("report the input that led to this"))]), language)


def _compare(
    source: str,
    output: str,
    time_limit: float | None,
    others: tuple[str | None, str | None],
    what_if: tuple[str, ...],
    workers: int | None,
    language: str,
) -> None:
    for option, other in zip(("--explain", "--html"), others, strict=True):
        if other is not None:
            what = say("does not go with --what-if")
            raise Invalid(what, [Problem(option, what, say("ask for the one without the other"))])
    found = outcomes(read_json(source), what_if, time_limit, workers)
    if output == "-":
        click.echo(table(found, language))
    else:
        write({output: as_json(to_document(found))})


def _plan(
    source: str,
    output: str,
    time_limit: float | None,
    explain: str | None,
    html: str | None,
    workers: int | None,
    language: str,
) -> None:
    document = read_json(source)
    plan_input = read_input(document)
    with progress_on(sys.stderr) as progress:
        made = solve(plan_input, time_limit=time_limit, workers=workers, progress=progress)
    answer = made.to_document()
    outputs = {output: as_json(answer)}
    if explain is not None:
        changes = [{**each.to_document(made), "why": spoken(each.why, language)} for each in made.changes]
        outputs[explain] = as_json(changes)
    if html is not None:
        # The page's templates are for those who ask for it.
        from services.matching.pictures import render_html

        outputs[html] = render_html(answer, document, language).encode()
    write(outputs)


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
