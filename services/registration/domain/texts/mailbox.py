"""Mail addresses: what can be one, which of them are one mailbox, and which only look like another.

Syntax and international domain names are email-validator's and idna's (RFC 5322, 6531, 5891), letters that look alike
are those of Unicode's confusables (UTS #39). Whether a mailbox exists only a mail can tell.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

import email_validator
import idna
from email_validator import EmailNotValidError, validate_email

from services.registration.domain.texts.invisible import without
from shared.messages import Message, say

# Inside organizations domains such as kantor.local are in use; taking a name off this list is the library's way.
email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = [
    each for each in email_validator.SPECIAL_USE_DOMAIN_NAMES if each not in {"local", "test"}
]

#: Addresses that may be written in more than one way. All others are in their one form in small letters.
UNUSUAL = r"[^\x00-\x7f]|[xX][nN]--"
_UNUSUAL = re.compile(UNUSUAL)
# Scripts that are written together in one word, beside Latin (UTS #39, highly restrictive).
_TOGETHER = ({"HAN", "HIRAGANA", "KATAKANA"}, {"HAN", "BOPOMOFO"}, {"HAN", "HANGUL"})
_DOMAIN_END = re.compile(r"[.\u3002\uff0e\uff61]+$")


def tidy(text: str) -> str:
    """An address as it is kept: letters in their usual width, no dot at its end."""
    return _DOMAIN_END.sub("", text if text.isascii() else unicodedata.normalize("NFKC", text).strip())


def canonical(address: str) -> str:
    """The one form of a mailbox, to be compared and never shown; empty for none.

    Small letters, no invisible characters, the usual width, the domain as Unicode. The part before the @ is compared
    without regard to case too, as mail services do, though RFC 5321 would let them tell ``Ana`` from ``ana``.
    """
    if not _UNUSUAL.search(address):
        return tidy(address).casefold()
    local, _, domain = tidy(without(address)).rpartition("@")
    try:
        domain = idna.decode(idna.encode(domain, uts46=True))
    except (idna.IDNAError, UnicodeError):
        domain = domain.casefold()
    return f"{unicodedata.normalize('NFC', local.casefold())}@{domain}"


def is_unusual(address: str) -> bool:
    """Whether the mailbox could have been written in another way than in small and capital letters."""
    return bool(_UNUSUAL.search(address))


def misfit(address: str) -> tuple[Message, Message] | None:
    """Why ``address`` cannot be one mail address, and what mends it; None if it can."""
    shown = address if len(address) <= 40 else address[:39] + "…"
    one = say("write one address such as name@example.org, or leave it empty")
    if address.count("@") > 1 and re.search(r"[,;\s]", address):
        return say("{value} are several mail addresses", value=shown), one
    if "<" in address:
        return say("{value} is a name with a mail address", value=shown), say("write only what is between < and >")
    if ".." in address:
        what = say("{value} is not a mail address: it has two dots in a row", value=shown)
        return what, say("type the address again, with one dot")
    if address.startswith(".") or ".@" in address or "@." in address:
        what = say("{value} is not a mail address: a dot cannot stand at an end or beside the @", value=shown)
        return what, say("type the address again without that dot")
    try:
        validate_email(address, check_deliverability=False, globally_deliverable=False, strict=True)
    except EmailNotValidError:
        return say("{value} is not a mail address", value=shown), one
    if "." not in address.rpartition("@")[2]:
        return say("{value} is not a mail address", value=shown), one
    return None


def skeleton(text: str) -> str:
    """``text`` with each letter of another script by the ASCII letter it looks like: who looks alike is equal."""
    if text.isascii():
        return text
    return "".join(each if each.isascii() else _look(each) for each in text)


def mixed(address: str) -> tuple[str, str] | None:
    """A letter of another script inside a word of ``address``, and what it looks like; None if there is none.

    Only a letter that looks like one of ASCII is meant, in a word whose scripts nobody writes together.
    """
    if address.isascii():
        return None
    for word in re.split(r"[\W\d_]+", address):
        scripts = {_script(each) for each in word} - {"COMMON", "INHERITED"}
        if len(scripts) < 2 or any(scripts - {"LATIN"} <= each for each in _TOGETHER):
            continue
        for letter in _strangers(word):
            return letter, _look(letter)
    return None


def _strangers(word: str) -> Iterator[str]:
    """The letters of a word that are not ASCII and look as if they were."""
    return (each for each in word if not each.isascii() and _script(each) != "LATIN" and _look(each).isascii())


@cache
def _look(letter: str) -> str:
    """The ASCII letter or digit that ``letter`` looks like, else itself."""
    # Read only where it is needed: the tables take some megabytes.
    from confusable_homoglyphs import confusables

    # Version 3.3.1 keeps letters written from right to left between two marks of direction.
    table = confusables.confusables_data
    like = [each["c"] for each in (*table.get(letter, ()), *table.get(f"\u200e{letter}\u200e", ()))]
    return next((each for each in like if len(each) == 1 and each.isascii() and each.isalnum()), letter).casefold()


@cache
def _script(letter: str) -> str:
    from confusable_homoglyphs import categories

    return str(categories.alias(letter))
