"""Asking back: what looks wrong and may be right is taken once somebody has said so."""

import hashlib
from collections.abc import Collection, Iterable

from shared.faults import Problem


def code(kind: str, *about: str) -> str:
    """What a yes is given with: it holds for these very values, and for no others."""
    digest = hashlib.sha256("\0".join((kind, *about)).encode(errors="surrogatepass")).hexdigest()
    return f"{kind}-{digest[:12]}"


def unanswered(problems: Iterable[Problem], confirmed: Collection[str]) -> list[Problem]:
    """The problems but for those that have been confirmed."""
    given = set(confirmed)
    return [each for each in problems if not each.confirm or not given.issuperset(each.confirm)]
