"""Text that people wrote: brought into one form, and refused or asked about where it is not text."""

import re
import unicodedata
from collections.abc import Iterator

from services.registration.domain.confirming import code
from services.registration.domain.texts import invisible
from services.registration.domain.texts.nothing import is_only_marks
from services.registration.domain.texts.spoilt import probably
from shared.faults import Problem
from shared.messages import say

_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
_SPACES = re.compile(r"[ \t\n\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")


def clean(text: str) -> str:
    """``text`` in Unicode's composed form (NFC), lines ended by ``\\n``, nothing around it."""
    return unicodedata.normalize("NFC", _LINE_ENDS.sub("\n", text)).strip()


def one_line(text: str) -> str:
    """The same on one line with single spaces, for names."""
    return _SPACES.sub(" ", clean(text))


def text_problems(field: str, text: str, longest: int, *, of_name: bool = False) -> Iterator[Problem]:
    """What is wrong with a text that may have at most ``longest`` characters.

    ``of_name``: it is what somebody or something is called.
    """
    if len(text) > longest:
        yield Problem(
            field,
            say("it has {length} characters; at most {longest} are allowed", length=len(text), longest=longest),
            say("shorten it"),
        )
    guess = probably(text, of_name=of_name)
    if guess is not None:
        yield _spoilt(field, text, guess)
        return
    found = invisible_problem(field, text)
    if found:
        yield found
    elif of_name and text and is_only_marks(text):
        yield Problem(field, say("{value} names nobody and nothing", value=text[:40]), say("write the name"))


def invisible_problem(field: str, text: str) -> Problem | None:
    """The first invisible character of ``text`` that it does not need, as a problem."""
    if text.isascii() and text.isprintable():
        return None
    at, bad = next(invisible.unneeded(text), (0, ""))
    if not bad:
        return None
    name = invisible.named(bad)
    if invisible.turns_or_controls(bad):
        what = say("it has the control character {code}", code=name)
    else:
        what = say("it has the invisible character {code}", code=name)
    before = invisible.without(text[:at])[-20:]
    if before:
        return Problem(field, what, say("delete the invisible character after “{text}”, or type it again", text=before))
    return Problem(field, what, say("delete the invisible character at the beginning, or type it again"))


def taken_as_nothing(column: str, value: str, file: str | None = None, row: int | None = None) -> Problem:
    """The notice that a cell such as ``N/A`` has been taken as empty."""
    return Problem(
        column,
        say("“{value}” was taken as nothing", value=clean(value)[:40]),
        say("if it is meant, write it in other words"),
        file,
        row,
    )


def _spoilt(field: str, text: str, guess: str) -> Problem:
    shown = text if len(text) <= 60 else text[:59] + "…"
    if "\ufffd" in text:
        return Problem(
            field,
            say("it has letters that were spoilt by a wrong encoding"),
            say("save the file anew as CSV UTF-8 and check the letters"),
        )
    confirm = (code("spoilt", text),)
    if not guess:
        return Problem(
            field,
            say("{value} has letters that were spoilt or lost by a wrong encoding", value=shown),
            say("save the file anew as CSV UTF-8 and check the letters, or confirm that it is right"),
            confirm=confirm,
        )
    return Problem(
        field,
        say(
            "{value} has letters that were spoilt by a wrong encoding; it was probably {guess}",
            value=shown,
            guess=guess if len(guess) <= 60 else guess[:59] + "…",
        ),
        say("save the file anew as CSV UTF-8 or type it again, or confirm that it is right"),
        confirm=confirm,
    )
