"""``speedmentor pair``: the final pairing, from the rankings of both sides."""

import click

from services.matching.cli.files import as_json, read_json, refuse, write
from services.matching.pairing.pairs import pair as paired
from services.matching.pairing.rankings_document import read_rankings
from shared.faults import Invalid
from shared.translation import languages


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
        pairs = paired(read_rankings(read_json(rankings)))
        write({output: as_json(pairs.to_document(), indented=True)})
    except Invalid as faults:
        refuse(faults, language)
