"""What people and spreadsheets write where there is nothing, and where something has gone wrong."""

import re
import unicodedata

from services.registration.domain.texts.invisible import without

#: English and Indonesian, folded: small letters, single spaces, no dots, brackets and dashes around them.
_WORDS = {
    *(
        "n/a",
        "na",
        "n a",
        "n\\a",
        "not applicable",
        "not available",
        "not assigned",
        "unassigned",
        "nan",
        "none",
        "no one",
    ),
    *(
        "null",
        "nil",
        "nothing",
        "nobody",
        "empty",
        "blank",
        "unknown",
        "not known",
        "tbd",
        "tba",
        "tbc",
        "to be decided",
    ),
    *(
        "no team",
        "no manager",
        "no email",
        "no e-mail",
        "no mail",
        "no answer",
        "no value",
        "not specified",
        "undefined",
    ),
    *("tidak ada", "tdk ada", "tak ada", "tiada", "nihil", "kosong", "belum ada", "belum", "tidak tahu", "tidak punya"),
    *("tidak berlaku", "tidak tersedia", "tidak diisi", "belum diisi", "belum ditentukan", "belum tahu", "t/a"),
    *("ga ada", "gak ada", "nggak ada", "ngga ada", "enggak ada", "tanpa tim", "tanpa manajer", "tanpa atasan"),
}
_AROUND = re.compile(r"^[\W_]+|[\W_]+$")
_MARKS_ONLY = re.compile(r"[-‐‑‒–—―−~_.…/\\?\s]+")

# The errors of Excel and Google Sheets, also as their German, French, Spanish, Italian, Portuguese and Dutch versions
# write them, and of LibreOffice. Indonesian versions write the English ones.
_ERRORS = (
    *("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!"),
    *("#CONNECT!", "#BUSY!", "#UNKNOWN!", "#EXTERNAL!", "#TIMEOUT!", "#PYTHON!", "#GETTING_DATA", "#ERROR!", "#EXT!"),
    *("#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#ÜBERLAUF!", "#VALEUR!", "#NOM?", "#NOMBRE!", "#NUL!", "#PROPAGATION!"),
    *(
        "#N/D",
        "#¡REF!",
        "#¡VALOR!",
        "#¿NOMBRE?",
        "#¡DIV/0!",
        "#¡NULO!",
        "#¡NUM!",
        "#¡DESBORDAMIENTO!",
        "#VALOR!",
        "#NOME?",
    ),
    *(
        "#NULO!",
        "#NÚM!",
        "#RIF!",
        "#VALORE!",
        "#NOME?",
        "#NULLO!",
        "#ESPANSIONE!",
        "#WAARDE!",
        "#VERW!",
        "#NAAM?",
        "#GETAL!",
    ),
    *("#LEEG!", "#N/B", "#DESPEJAR!"),
)
_ANY_ERROR = "|".join(map(re.escape, sorted(set(_ERRORS), key=len, reverse=True)))
_ERROR = re.compile(rf"(?<![^\s;,|:])(?:{_ANY_ERROR}|Err:5\d\d|#{{4,}})(?![^\s;,|:])", re.IGNORECASE)


def is_nothing(text: str) -> bool:
    """Whether ``text`` is one of the ways to say that there is nothing: ``N/A``, ``-``, ``(none)``, ``tidak ada``.

    An empty text says nothing too, but it is none of them.
    """
    plain = re.sub(r" ?/ ?", "/", " ".join(unicodedata.normalize("NFKC", without(text)).casefold().split()))
    if not plain:
        return False
    folded = _AROUND.sub("", plain)
    if not folded:
        return bool(_MARKS_ONLY.fullmatch(plain))
    return folded in _WORDS or folded.replace(".", "") in _WORDS


def is_only_marks(text: str) -> bool:
    """Whether ``text`` is punctuation only, such as a dash, or a ``n/a``: what nobody is called."""
    plain = unicodedata.normalize("NFKC", without(text)).casefold().strip()
    return all(unicodedata.category(each)[0] in "PZC" for each in plain) or plain.strip("()[]<>.") in {"n/a", "n\\a"}


def spreadsheet_error(text: str, *, whole: bool = False) -> str | None:
    """The error of a spreadsheet in ``text``, standing alone or in a list; only as all of it where ``whole``."""
    if "#" not in text and "rr:5" not in text.casefold():
        return None
    found = _ERROR.fullmatch(text.strip()) if whole else _ERROR.search(text)
    return found.group() if found else None
