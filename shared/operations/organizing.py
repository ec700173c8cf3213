"""What commands have in common that use the API as an organizer: where it is, and how they log in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from shared.messages import say
from shared.operations.api import Api
from shared.operations.places import setting
from shared.operations.speaking import WRONG_USAGE, Command, end, failing_clearly


def as_organizer(command: Command) -> Command:
    """Give a command the options ``--url`` and ``--password-file``."""
    url = click.option("--url", envvar="SPEEDMENTOR_URL", help="Address of the gateway, such as http://127.0.0.1:8000.")
    password = click.option(
        "--password-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File with the organizer's password; else ORGANIZER_PASSWORD or ORGANIZER_PASSWORD_FILE.",
    )
    decorated: Command = url(password(command))
    return decorated


@contextmanager
def organizer(url: str | None, password_file: Path | None, language: str, patience: float = 30.0) -> Iterator[Api]:
    """The API as an organizer, what can go wrong ending in a sentence.

    Args:
        url: where it is; None: as the settings say.
        password_file: has the password; None: as the settings say.
        language: of what is said.
        patience: real seconds for which an API that does not answer is asked again.
    """
    url = setting("SPEEDMENTOR_URL", url)
    if url is None:
        end(say("no gateway is given or found; give its address with --url"), language, WRONG_USAGE)
    password = setting(
        "ORGANIZER_PASSWORD", password_file.read_text(encoding="utf-8").strip() if password_file else None
    )
    if password is None:
        end(say("no password is given or found; give it with --password-file"), language, WRONG_USAGE)
    with failing_clearly(language):
        yield Api(url, patience=patience, language=language).log_in(password=password)
