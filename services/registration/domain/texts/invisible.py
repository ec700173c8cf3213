"""Characters that nobody sees, and which of them a text needs.

What is invisible follows Unicode's property Default_Ignorable_Code_Point (UAX #44), with the blank Braille cell, the
interlinear marks and the control characters. A text needs very few of them: joiners between letters of scripts that
join or stack (Unicode 15, chapter 23.2), variants of ideographs and of symbols (chapter 23.4), and those inside an
emoji (UTS #51). All others can hide what a text says, or turn it around.
"""

import re
import unicodedata
from collections.abc import Iterator

_ALLOWED_CONTROLS = "\n\t"
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_NON_JOINER, _JOINER = "\u200c", "\u200d"
#: Scripts by the first word of their letters' names, in which a joiner changes how a word is written.
_JOINING = {
    *("ARABIC", "SYRIAC", "MONGOLIAN", "NKO", "MANDAIC", "MANICHAEAN", "PHAGS-PA", "ADLAM"),
    *("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA"),
    *("TIBETAN", "MYANMAR", "KHMER", "BALINESE", "JAVANESE", "SUNDANESE", "MEETEI", "GRANTHA", "KAITHI", "CHAKMA"),
}
_VIRAMA = 9
#: The flags of England, Scotland and Wales: all sequences of tags that are recommended for general interchange.
_TAGGED_FLAG = re.compile(
    "\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)"
    "\U000e007f"
)


def unneeded(text: str) -> Iterator[tuple[int, str]]:
    """The invisible characters of ``text`` that it does not need, each with its place from 0."""
    flags = None
    for found in _INVISIBLE.finditer(text):
        at, character = found.start(), found.group()
        if character in _ALLOWED_CONTROLS:
            continue
        if character >= "\U000e0000" and flags is None:
            flags = [each.span() for each in _TAGGED_FLAG.finditer(text)]
        if flags and any(start <= at < end for start, end in flags):
            continue
        if not _needed(text, at, character):
            yield at, character


def without(text: str) -> str:
    """``text`` without any invisible character, for comparing; ends of lines stay."""
    return _INVISIBLE.sub("", text)


def is_blank(text: str) -> bool:
    """Whether nothing of ``text`` can be seen."""
    return not text or not (text if text.isascii() and text.isprintable() else without(text)).strip()


def named(character: str) -> str:
    """A character's code point and, where it has one, its name in Unicode: ``U+200B ZERO WIDTH SPACE``."""
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name}".rstrip()


def turns_or_controls(character: str) -> bool:
    """Whether it is a control or half character, or one that turns the direction of the text around it."""
    return unicodedata.category(character) in {"Cc", "Cs"} or character in (
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


def _needed(text: str, at: int, character: str) -> bool:
    before = text[at - 1] if at else ""
    after = text[at + 1] if at + 1 < len(text) else ""
    if not before:
        return False
    if character in (_NON_JOINER, _JOINER):
        return _joins(text, at, character, before, after)
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return _is_variant(character, before, after)
    if "\u180b" <= character <= "\u180f":
        return _script(before) == "MONGOLIAN"
    return False


def _joins(text: str, at: int, character: str, before: str, after: str) -> bool:
    script = _script(before)
    if script in _JOINING:
        # A virama, or an Arabic letter in its joining shape, may stand at the end of a word.
        ends = unicodedata.combining(before) == _VIRAMA or (script == "ARABIC" and character == _JOINER)
        return ends or (bool(after) and _script(after) == script)
    if character == _JOINER and after:
        picture = (
            text[at - 2] if before in "\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff" and at > 1 else before
        )
        return _is_picture(picture) and _is_picture(after)
    return False


def _is_picture(character: str) -> bool:
    """Whether it is a symbol that an emoji can be made of; those that Python does not know yet are in one block."""
    return unicodedata.category(character) in {"So", "Sm"} or "\U0001f000" <= character <= "\U0001faff"


def _is_variant(character: str, before: str, after: str) -> bool:
    if character in "\ufe0e\ufe0f":
        keycap = before in "0123456789#*" and after == "\u20e3"
        return (
            keycap or before in "\u2139\u203c\u2049\u3030\u303d" or unicodedata.category(before) in {"So", "Sm", "Sk"}
        )
    return unicodedata.name(before, "").startswith(("CJK ", "MYANMAR ", "PHAGS-PA "))


def _script(character: str) -> str:
    """The script of a letter or a mark, by its name; nothing for anything else."""
    if unicodedata.category(character)[0] not in "LM":
        return ""
    return unicodedata.name(character, "").partition(" ")[0]
