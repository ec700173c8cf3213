"""What goes wrong while launching."""

from pathlib import Path


class LaunchError(Exception):
    """Something cannot be started; the text says what, and what to do about it."""


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for the text of an error."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"
