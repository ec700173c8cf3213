"""Waiting for something to become so: by looking again until a deadline, never by sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], seconds: float = 30, what: str = "", pause: float = 0.05) -> T:
    """Call ``condition`` until it returns something true, and return that.

    An ``AssertionError`` or ``OSError`` of the condition counts as not yet.

    Raises:
        TimeoutError: it did not within ``seconds``; the text says ``what`` was waited for, and what was last seen.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen: object
        try:
            result = condition()
            if result:
                return result
            seen = result
        except (AssertionError, OSError) as error:
            seen = error
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what or 'the condition'}; last seen: {seen!r}")
        time.sleep(pause)
