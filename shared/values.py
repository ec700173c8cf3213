"""Values that everything here can hold: JSON documents (UTF-8), BSON, and the numbers of screens and databases."""

import math
import re
from collections.abc import Iterator
from typing import Any

from shared.faults import Problem, pointer_step
from shared.messages import Message, say

#: Whole numbers beyond this are not the same everywhere (RFC 7493, 2.2): a screen would show another one.
MOST_WHOLE = 2**53 - 1
#: What BSON keeps of whole numbers: 64 bits.
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1

#: No character of any text: NUL ends names in BSON, and texts in other systems; half a surrogate pair has no UTF-8.
_NO_CHARACTER = re.compile(r"[\0\ud800-\udfff]")


def problems_in(value: Any, pointer: str = "") -> Iterator[Problem]:
    """What in ``value``, of dicts, lists, texts and numbers, cannot be kept or passed on; each by its JSON pointer."""
    # A stack of our own: however deep the value is, this does not end in a recursion error.
    waiting = [(pointer, value)]
    while waiting:
        place, each = waiting.pop()
        if isinstance(each, dict):
            for name, inner in each.items():
                step = f"{place}/{pointer_step(str(name))}"
                if (fault := _fault_of(name)) is not None:
                    yield Problem(_NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", step), *fault)
                waiting.append((step, inner))
        elif isinstance(each, list | tuple):
            waiting.extend((f"{place}/{number}", inner) for number, inner in enumerate(each))
        elif (fault := _fault_of(each)) is not None:
            yield Problem(_NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", place), *fault)


def _fault_of(value: Any) -> tuple[Message, Message] | None:
    if isinstance(value, str):
        if _NO_CHARACTER.search(value):
            return (
                say("it has a NUL (U+0000) or half of a surrogate pair in it: neither is a character"),
                say("leave it out"),
            )
    elif isinstance(value, int) and not isinstance(value, bool):
        if not _LOWEST <= value <= _HIGHEST:
            return _OUT_OF_RANGE
    elif isinstance(value, float) and not math.isfinite(value):
        return _OUT_OF_RANGE
    return None


_OUT_OF_RANGE = (
    say("it is no number that can be kept"),
    say("give a whole number of at most 64 bits, or a decimal number within ±1.7e308"),
)
