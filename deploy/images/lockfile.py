"""Reading ``requirements.lock``: one block per distribution, with the hashes of its files.

Used where nothing is installed yet, so it needs nothing but the standard library.
"""

import re
from collections.abc import Iterable


def canonical(name: str) -> str:
    """A distribution's name as all its spellings are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def blocks(lock: str) -> dict[str, str]:
    """The lines of a lock file by canonical name; a name locked more than once, by marker, has all its lines."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in lock.splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            name = canonical(re.split(r"[=<>!~;\[ ]", line, maxsplit=1)[0])
        if name:
            found.setdefault(name, []).append(line)
    return {each: "\n".join(lines) + "\n" for each, lines in found.items()}


def subset(names: Iterable[str], lock: str) -> str:
    """The part of the lock file that locks ``names``.

    Raises:
        LookupError: one of them is not locked.
    """
    locked = blocks(lock)
    missing = sorted(name for name in map(canonical, names) if name not in locked)
    if missing:
        raise LookupError(f"not in the lock file: {', '.join(missing)}; lock again after changing pyproject.toml")
    return "".join(locked[name] for name in sorted(set(map(canonical, names))))
