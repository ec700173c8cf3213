"""Where the system is that a command is for: given, in the environment, or found running on this machine."""

import os
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path

#: Whoever runs systems on this machine says by an entry point of this group where they are: a function that returns
#: settings by name (AMQP_URI of an operator, SPEEDMENTOR_URL, ORGANIZER_PASSWORD_FILE).
GROUP = "speedmentor.places"


def setting(name: str, given: str | None = None) -> str | None:
    """The setting ``name``: as ``given``, else from the environment (``NAME`` or the file ``NAME_FILE``), else as the
    system running on this machine has it; ``None`` where nobody says it."""
    if given:
        return given
    for settings in (os.environ, _found()):
        if settings.get(name):
            return settings[name]
        if settings.get(f"{name}_FILE"):
            return Path(settings[f"{name}_FILE"]).read_text(encoding="utf-8").strip()
    return None


def _found() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for each in entry_points(group=GROUP):
        try:
            settings: Callable[[], Mapping[str, str]] = each.load()
        except ImportError:
            # An image of one service has no launcher in it.
            continue
        found |= settings()
    return found
