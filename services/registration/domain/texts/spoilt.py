"""Text that was written in one encoding and read in another (mojibake), and what it probably was.

ftfy knows most ways in which this happens, but changes what it finds: so it leaves alone what it is not sure of
(``Åžule``, ``M√¼ller``), and is sure of capitals before a closing mark that are right (``IRMÃ”`` in Portuguese
quotes). Here nothing is changed and somebody is asked. So we look for ourselves first, at each pair and triple of
characters that a UTF-8 character becomes, and ask ftfy about the rest.
"""

import html
import quopri
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

import ftfy
from ftfy.badness import is_bad

#: What UTF-8 is read as by mistake, with the characters that may begin a letter there: in these two families of
#: encodings they are no letters. None: all may.
_READ_AS: dict[str, str | None] = {
    "cp1252": None,
    "cp1250": None,
    "mac_roman": "√¬≈ƒ∆‚·–—",
    "cp437": "├┬┼─╬╧╨╤╫╪┘Γ",
    "cp850": "├┬┼─╬Ô",
    "cp1257": None,
}
#: Pairs of encodings with one byte a character: as it was written, as it was read.
_SINGLE = (
    *(("cp850", "cp1252"), ("mac_roman", "cp1252"), ("cp1252", "cp850"), ("cp1252", "mac_roman"), ("cp850", "latin_1")),
    *(("cp1250", "cp1252"), ("cp852", "cp1250")),
)
# Marks that end a word or a sentence in correct text: a letter before them may be right.
_ENDING = "…’”‘“»«–—·•™®©€"
_OPENING = "“‘«„‚‹"
# Letters of the alphabets that names are written in: the guess with these is the likelier one.
_USUAL = set(
    "áàâãäåāăąæçćčďéèêëēėęěğģíìîïīįıķĺľļłñńňņóòôõöøōőœŕřśšşșßťţțþðđəúùûüūůűųýÿźžż"
    "ơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉĩịọỏốồổỗộớờởỡợụủũứừửữựỳỵỷỹªº"
)
_LETTER = r"[^\W\d_]"
_ENDS = re.compile(f"[{_ENDING}]+(?!{_LETTER})")
_SYMBOL_INSIDE = re.compile(rf"(?<={_LETTER})[†‡ˆ‰‹›«»¤¦§¨¬¯°±²³´¶¸¹¼½¾¿¡¢£¥µ×÷‚„•˜ƒ√≈≠∞∆∂∑∏∫◊]+(?={_LETTER})")
_CAPITAL_LAST = re.compile(rf"(?<=[a-zà-öø-ÿ])[ÀÁÂÃÄÅĂĹÉÈÊËÍÎÓÔÕÖÚÛÜÇŽŠŒŸ](?!{_LETTER})|(?<={_LETTER})Ÿ(?=[a-z])")
_LOST = re.compile(rf"\?+(?={_LETTER})|(?<={_LETTER})\?{{2,}}")
_ONLY_ACCENTED = re.compile(rf"(?<!{_LETTER})[À-ÖØ-öø-ÿ]{{4,}}(?!{_LETTER})")
# A no-break space that is half of a letter: the space may have been brought into one form since.
_SPACE_LOST = (
    (re.compile("(?<=[a-zà-öø-ÿ])Ã(?= |$)|(?<![^ ])Ã (?=[a-zà-öø-ÿ])"), "à", False),
    (re.compile("(?<=[a-zà-öø-ÿ.,:;!?])Â(?= |$)"), "", False),
    (re.compile("(?<![A-ZÀ-ÖØ-Þ])[ÅĹ][ \u00a0](?=[a-zà-öø-ÿ])"), "Š", True),
)
# What ASCII has of all this.
_SUSPECT = re.compile(r"[&?%=\\+]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_ESCAPES: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"(?:%[0-9A-Fa-f]{2})+"), lambda text: unquote(text, errors="strict")),
    (re.compile(r"(?:=[0-9A-F]{2})+"), lambda text: quopri.decodestring(text).decode()),
    (re.compile(r"(?:\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2})+"), lambda text: text.encode().decode("unicode_escape")),
    (re.compile(r"\+[A-Za-z0-9/]{2,}-"), lambda text: text.encode().decode("utf_7")),
)


def probably(text: str, *, of_name: bool = False) -> str | None:
    """What ``text`` probably was before it was spoilt: None if it looks right, empty if nobody can tell.

    ``of_name``: it is what somebody or something is called, which has no question marks and symbols inside words.
    """
    if text.isascii() and not _SUSPECT.search(text):
        return None
    guess = _escaped(text, of_name=of_name)
    if guess is not None:
        return guess
    if "\ufffd" in text or _only_question_marks(text) or (of_name and _LOST.search(text)):
        return ""
    if text.isascii():
        return None
    guess = _misread(text, of_name=of_name)
    if guess is None and of_name and (_SYMBOL_INSIDE.search(text) or _CAPITAL_LAST.search(text)):
        return _single_bytes(text)
    return guess if guess is not None else _cyrillic(text)


def _only_question_marks(text: str) -> bool:
    """``???? ??``: letters that an encoding did not have; three may be a question."""
    return text.count("?") > 3 and not any(each.isalnum() for each in text)


def _escaped(text: str, *, of_name: bool) -> str | None:
    """The text with the characters for what HTML, mail or a program's source has written in their place."""
    if "://" in text:
        return None
    if "&" in text and _ENTITY.search(text):
        plain = html.unescape(text)
        if plain != text:
            return plain
    if of_name:
        for pattern, decode in _ESCAPES:
            try:
                plain = pattern.sub(lambda found, decode=decode: decode(found.group()), text)  # type: ignore[misc]
            except ValueError:
                continue
            if plain != text and not plain.isascii() and plain.isprintable():
                return plain
    return None


def _cyrillic(text: str) -> str | None:
    """Words of accented letters only, which are Cyrillic in Windows-1251."""
    if not _ONLY_ACCENTED.search(text):
        return None
    return _ONLY_ACCENTED.sub(lambda found: found.group().encode("cp1252").decode("cp1251"), text)


def _single_bytes(text: str) -> str:
    """The first reading in which all is letters and spaces; empty if there is none."""
    for written, read in _SINGLE:
        try:
            guess = text.encode(read).decode(written)
        except ValueError:
            continue
        high = [each for each in guess if not each.isascii()]
        if all(each in _USUAL for each in high) and not _CAPITAL_LAST.search(guess):
            return guess
    return ""


# UTF-8 that was read as something with one byte a character


@dataclass(frozen=True)
class _Candidate:
    """A part of a text that could be one character of UTF-8, and that character."""

    start: int
    end: int
    character: str


def _misread(text: str, *, of_name: bool) -> str | None:
    right: set[int] = set()
    best: tuple[int, int, str] | None = None
    for encoding, first in _READ_AS.items():
        found = list(_candidates(text, encoding, first))
        if _is_spoilt(text, found):
            # The most explained, then the fewest letters that hardly anybody has in a name.
            left = len(text) - sum(each.end - each.start for each in found)
            strange = sum(_script(each.character) == "LATIN" and not _is_usual(each.character) for each in found)
            if best is None or (left, strange) < best[:2]:
                best = (left, strange, _replaced(text, found))
        else:
            right.update(at for each in found for at in range(each.start + 1, each.end))
    if best:
        # Some text goes through the same mill twice.
        return _misread(best[2], of_name=of_name) or best[2]
    for pattern, letter, names_only in _SPACE_LOST:
        if (of_name or not names_only) and pattern.search(text):
            return pattern.sub(letter, text)
    for ending in _ENDS.finditer(text):
        before = text[max(0, ending.start() - 2) : ending.start()]
        if before.isupper() or before[:1] in _OPENING:
            right.update(range(*ending.span()))
    kept = "".join("." if at in right else each for at, each in enumerate(text))
    guess = ftfy.fix_encoding(kept)
    if guess != kept:
        return guess
    return "" if is_bad(kept) else None


def _candidates(text: str, encoding: str, first: str | None) -> Iterator[_Candidate]:
    octets = _octets(encoding)
    at = 0
    while at < len(text):
        lead = octets.get(text[at], 0)
        length = 2 if 0xC2 <= lead <= 0xDF else 3 if 0xE0 <= lead <= 0xEF else 4 if 0xF0 <= lead <= 0xF4 else 1
        character = ""
        if length > 1 and at + length <= len(text) and (first is None or text[at] in first):
            character = _character(text[at : at + length], octets)
        if character:
            yield _Candidate(at, at + length, character)
        at += length if character else 1


def _character(part: str, octets: dict[str, int]) -> str:
    """The character that ``part`` is as UTF-8, nothing if it is none; letters may have changed their case since."""
    first = ""
    for each in dict.fromkeys((part, part[0] + part[1:].swapcase())):
        try:
            character = bytes(octets.get(letter, 0) for letter in each).decode()
        except UnicodeDecodeError:
            continue
        if len(character) == 1 and unicodedata.category(character)[0] != "C":
            if _is_usual(character):
                return character
            first = first or character
    return first


@cache
def _octets(encoding: str) -> dict[str, int]:
    """The byte above 127 by the character it is read as; a byte that the encoding leaves out stays a control.

    A second letter may also have been read as Latin-1: ``√¼`` is seen as often as ``√º``, for ``ü``.
    """
    own = {bytes([octet]).decode(encoding, errors="ignore") or chr(octet): octet for octet in range(0x80, 0x100)}
    return {chr(octet): octet for octet in range(0xA0, 0xC0)} | own if encoding == "mac_roman" else own


def _is_spoilt(text: str, found: list[_Candidate]) -> bool:
    if any(_is_proof(text, each) for each in found):
        return True
    scripts = [_script(each.character) for each in found]
    foreign = [each for each in scripts if each not in {"LATIN", ""}]
    return len(foreign) >= 2 and len(set(foreign)) == 1


def _is_proof(text: str, candidate: _Candidate) -> bool:
    """Whether this part cannot be right as it stands."""
    part = text[candidate.start : candidate.end]
    before = text[candidate.start - 1] if candidate.start else " "
    after = text[candidate.end] if candidate.end < len(text) else " "
    if unicodedata.category(candidate.character)[0] == "P":
        return len(part) == 3 and part.startswith(("â€", "‚Ä", "ΓÇ", "ÔÇ"))
    if (
        part[0].isalpha()
        and set(part[1:]) <= set(_ENDING)
        and not after.isalpha()
        and (before.isalpha() or before in _OPENING)
    ):
        # IRMÃ” in capitals, or an accented letter with two closing marks.
        return len(part) == 2 and before.islower()
    if len(part) == 3 and not candidate.character.isascii() and _script(candidate.character) != "LATIN":
        return not set(part[1:]) <= set(_ENDING)
    if not _is_usual(candidate.character):
        return False
    in_capitals = before.isupper() and after.isupper()
    return not (in_capitals and candidate.character.islower() and part[1:].isalpha())


def _replaced(text: str, found: list[_Candidate]) -> str:
    parts, at = [], 0
    for each in found:
        parts += [text[at : each.start], each.character]
        at = each.end
    return unicodedata.normalize("NFC", "".join([*parts, text[at:]]))


def _is_usual(character: str) -> bool:
    return character.lower() in _USUAL or character in "İ\u00a0\u0308\u0301\u0300\u0302\u0303\u030c’‘“”–—…"


def _script(character: str) -> str:
    if unicodedata.category(character)[0] not in "LM":
        return ""
    return unicodedata.name(character, "").partition(" ")[0]
