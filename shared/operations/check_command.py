"""``speedmentor check``: do all services agree?"""

import json
import sys
from pathlib import Path

import click

from shared.messages import say
from shared.operations.checking import Finding, look, settle
from shared.operations.organizing import as_organizer, organizer
from shared.operations.places import setting
from shared.operations.speaking import FAILED, end, in_language, tell
from shared.translation import spoken

#: Differences of one program that are said; the rest is counted.
MOST = 50


@click.command()
@as_organizer
@click.option("--program", "programs", multiple=True, metavar="ID", help="Only this; may be repeated.")
@click.option("--amqp-uri", help="The broker, as the operator; without it (or AMQP_URI) its queues are not looked at.")
@click.option("--wait", type=click.FloatRange(min=0), default=0.0, help="Seconds to let things come to rest.")
@click.option(
    "--export",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the state of all that were compared to this file, as JSON, if all services agree.",
)
@in_language
def check(
    url: str | None,
    password_file: Path | None,
    programs: tuple[str, ...],
    amqp_uri: str | None,
    wait: float,
    export: Path | None,
    language: str,
) -> None:
    """Compare what the services hold, and say what differs.

    Ends with 0 if all agree, nothing waits and no letter is dead; with 1 if not, or if it cannot be found out. Events
    take a moment to arrive: on a system that is in use, give --wait.
    """
    amqp_uri = setting("AMQP_URI", amqp_uri)
    with organizer(url, password_file, language, patience=max(wait, 5.0)) as api:
        finding = settle(lambda: look(api, list(programs) or None, amqp_uri), wait)
    _say(finding, amqp_uri is not None, language)
    if export is not None:
        _export(finding, export, language)
    sys.exit(0 if finding.is_clean else FAILED)


def _say(finding: Finding, with_broker: bool, language: str) -> None:
    for program_id, differences in finding.programs.items():
        if not differences:
            tell(say("{program}: all services agree", program=program_id), language)
            continue
        tell(say("{program}: {count} differences", program=program_id, count=len(differences)), language)
        for each in differences[:MOST]:
            click.echo(f"  {spoken(each.what, language)}")
        if len(differences) > MOST:
            tell(say("  … and {count} more", count=len(differences) - MOST), language)
    for program_id in finding.untold:
        tell(say("{program}: was never published, so only registration knows of it", program=program_id), language)
    if not finding.programs and not finding.untold:
        tell(say("no program is published yet: there is nothing to compare"), language)
    for each in finding.broker:
        click.echo(spoken(each.what, language))
    if not with_broker:
        tell(say("the broker's queues were not looked at; give --amqp-uri"), language)
    elif not finding.broker:
        tell(say("all queues are empty, and there are no dead letters"), language)


def _export(finding: Finding, path: Path, language: str) -> None:
    """Write the states as consumers of the events write theirs, so that the two can be compared byte for byte."""
    if len(finding.states) < len(finding.programs):
        end(say("nothing is exported, because there are differences"), language, FAILED)
    document = json.dumps({"programs": finding.states}, sort_keys=True, indent=1, ensure_ascii=False)
    path.write_text(f"{document}\n", encoding="utf-8")
    tell(say("the state of {count} programs is in {path}", count=len(finding.states), path=str(path)), language)
