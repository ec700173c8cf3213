"""Text that people wrote: brought into one form, and refused where it is not text."""

import re
import unicodedata
from collections.abc import Iterator

from shared.faults import Problem
from shared.messages import say

# UTF-8 that was read as Windows-1252 on its way: "Ã©" for "é", "â€™" for an apostrophe.
_MISREAD = re.compile("Ã[\u00a0-\u00bf€‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œžŸ]|Â[\u00a0-\u00bf]|â€")
_ALLOWED_CONTROLS = {"\n", "\t"}


def clean(text: str) -> str:
    """``text`` in Unicode's composed form (NFC), lines ended by ``\\n``, nothing around it."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def one_line(text: str) -> str:
    """The same on one line, for names."""
    return re.sub(r"[ \t\n\u00a0]+", " ", clean(text))


def text_problems(field: str, text: str, longest: int) -> Iterator[Problem]:
    """What is wrong with a text that may have at most ``longest`` characters."""
    if len(text) > longest:
        yield Problem(
            field,
            say("it has {length} characters; at most {longest} are allowed", length=len(text), longest=longest),
            say("shorten it"),
        )
    if "\ufffd" in text or _MISREAD.search(text):
        yield Problem(
            field,
            say("it has letters that were spoilt by a wrong encoding"),
            say("save the file anew as CSV UTF-8 and check the letters"),
        )
    bad = next((each for each in text if _is_control(each)), None)
    if bad is not None:
        yield Problem(
            field,
            say("it has the control character {code}", code=f"U+{ord(bad):04X}"),
            say("delete the invisible character, or type the text again"),
        )


def _is_control(character: str) -> bool:
    """Control and half characters, and those that turn the direction of a text around (which can hide what it says)."""
    return (
        unicodedata.category(character) in {"Cc", "Cs"} and character not in _ALLOWED_CONTROLS
    ) or "\u202a" <= character <= "\u202e"
