"""``speedmentor dead-letters``: what was given up, and what is to become of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import orjson

from shared.messages import say
from shared.messaging.connection import connect
from shared.operations.dead_letters import DeadLetter, DeadLetters, queues
from shared.operations.places import setting
from shared.operations.speaking import FAILED, WRONG_USAGE, Command, end, failing_clearly, in_language, tell


@click.group("dead-letters")
def dead_letters() -> None:
    """Events that a service gave up: look, send back, drop."""


def _common(command: Command) -> Command:
    queue = click.option("--queue", type=click.Choice(queues()), help="Only those of this queue.")
    uri = click.option("--amqp-uri", help="The broker, as the operator; else AMQP_URI, or the one running here.")
    decorated: Command = queue(uri(in_language(command)))
    return decorated


@contextmanager
def _letters(amqp_uri: str | None, language: str) -> Iterator[DeadLetters]:
    uri = setting("AMQP_URI", amqp_uri)
    if uri is None:
        end(say("no broker is given or found; give it with --amqp-uri"), language, WRONG_USAGE)
    with failing_clearly(language), connect(uri, "speedmentor-dead-letters") as connection:
        yield DeadLetters(connection)


@dead_letters.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_common
def list_(amqp_uri: str | None, queue: str | None, language: str, as_json: bool) -> None:
    """How many there are in each queue, and why the oldest is there."""
    with _letters(amqp_uri, language) as letters:
        piles = [each for each in letters.piles() if queue in (None, each.queue)]
    if as_json:
        document = [
            {"queue": each.queue, "count": each.count, "oldest": each.oldest and each.oldest.to_document()}
            for each in piles
        ]
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return
    for each in piles:
        oldest = f"  {each.oldest.reason}: {each.oldest.detail}" if each.oldest else ""
        click.echo(f"{each.count:6}  {each.queue}{oldest}")


@dead_letters.command()
@click.argument("event_id", required=False)
@click.option("--most", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many of a queue.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with the events themselves.")
@_common
def show(
    event_id: str | None, amqp_uri: str | None, queue: str | None, language: str, most: int, as_json: bool
) -> None:
    """What is known of each, or of EVENT_ID: why it failed, how often, since when, and where in the code."""
    with _letters(amqp_uri, language) as letters:
        found = [each for each in letters.read(queue, None if event_id else most) if event_id in (None, each.event_id)]
    if event_id and not found:
        end(say("there is no dead letter {id}", id=event_id), language, FAILED)
    if as_json:
        click.echo(orjson.dumps([each.to_document() for each in found], option=orjson.OPT_INDENT_2))
        return
    for each in found:
        _show(each, language)
    if not found:
        tell(say("there are no dead letters"), language)


def _show(letter: DeadLetter, language: str) -> None:
    tell(say("event {id}, {type}", id=letter.event_id, type=letter.type), language)
    tell(say("  given up by {queue}: {reason}", queue=letter.queue, reason=letter.reason), language)
    if letter.detail:
        click.echo(f"  {letter.detail}")
    tell(
        say(
            "  attempts: {attempts}; first failed {first}, last {last}",
            attempts=letter.attempts,
            first=letter.first_failed or "?",
            last=letter.last_failed or "?",
        ),
        language,
    )
    if letter.correlation:
        tell(say("  correlation {id}, trace {trace}", id=letter.correlation, trace=letter.traceparent or "?"), language)
    for line in letter.trace.rstrip().splitlines():
        click.echo(f"    {line}")


def _which(ids: tuple[str, ...], everything: bool, language: str) -> Callable[[DeadLetter], bool]:
    if everything == bool(ids):
        end(say("name the events by their ids, or give --all"), language, WRONG_USAGE)
    return lambda letter: everything or letter.event_id in ids


@dead_letters.command()
@click.argument("event_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of them, or all of --queue.")
@_common
def requeue(
    event_ids: tuple[str, ...], everything: bool, amqp_uri: str | None, queue: str | None, language: str
) -> None:
    """Send EVENT_IDS back to the queue they failed in, to be tried anew."""
    which = _which(event_ids, everything, language)
    with _letters(amqp_uri, language) as letters:
        moved = letters.requeue(which, queue)
    tell(say("{count} sent back", count=len(moved)), language)
    _missing(event_ids, moved, language)


@dead_letters.command()
@click.argument("event_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of them, or all of --queue.")
@click.option("--yes", is_flag=True, help="Really: what is dropped is gone for good.")
@_common
def drop(
    event_ids: tuple[str, ...], everything: bool, yes: bool, amqp_uri: str | None, queue: str | None, language: str
) -> None:
    """Forget EVENT_IDS for good."""
    which = _which(event_ids, everything, language)
    if not yes:
        end(say("what is dropped is gone for good; give --yes if you mean it"), language, WRONG_USAGE)
    with _letters(amqp_uri, language) as letters:
        dropped = letters.drop(which, queue)
    tell(say("{count} dropped", count=len(dropped)), language)
    _missing(event_ids, dropped, language)


def _missing(event_ids: tuple[str, ...], done: list[DeadLetter], language: str) -> None:
    missing = sorted(set(event_ids) - {each.event_id for each in done})
    if missing:
        end(say("not among the dead letters: {ids}", ids=", ".join(missing)), language, FAILED)
