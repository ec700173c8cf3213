"""What the operators' commands have in common: their language, and how they end."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import click

from shared.messages import Message, say
from shared.messaging.connection import LOST
from shared.operations.api import NotServed, Refused, Unreachable
from shared.translation import languages, spoken

#: Exit statuses: differences were found, or it failed; the command was used wrongly (as click has it).
FAILED, WRONG_USAGE = 1, 2

Command = TypeVar("Command", bound=Callable[..., Any])


def in_language(command: Command) -> Command:
    """Give a command the option ``--language``."""
    decorated: Command = click.option(
        "--language",
        type=click.Choice(languages()),
        default="en",
        envvar="SPEEDMENTOR_LANGUAGE",
        show_default=True,
        help="The language of what is said.",
    )(command)
    return decorated


def tell(message: Message, language: str, *, problem: bool = False) -> None:
    """Say ``message``; a ``problem`` goes to standard error."""
    click.echo(spoken(message, language), err=problem)


def end(message: Message, language: str, status: int) -> NoReturn:
    """Say what is wrong and end."""
    tell(message, language, problem=True)
    sys.exit(status)


@contextmanager
def failing_clearly(language: str) -> Iterator[None]:
    """Have what can go wrong on the way end in a sentence, not in a stack."""
    try:
        yield
    except Refused as error:
        for each in error.problem.get("problems", ()):
            click.echo(f"{each['field']}: {each['what']} ({each['remedy']})", err=True)
        end(say("the gateway refuses: {why}", why=str(error)), language, FAILED)
    except NotServed as error:
        end(say("the gateway answers, but cannot do this now: {why}", why=str(error)), language, FAILED)
    except Unreachable as error:
        end(say("the gateway cannot be reached: {why}; is the system up?", why=str(error)), language, FAILED)
    except LOST as error:
        why = str(error) or type(error).__name__
        end(say("the broker cannot be reached, or refuses: {why}", why=why), language, FAILED)
