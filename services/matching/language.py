"""What matching says to people, in their language: English, and whatever has a catalogue in ``locale/``."""

import gettext
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared.messages import Message

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = ("en", *sorted(each.name for each in LOCALE.glob("*") if each.is_dir()))


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of ``language``; English is its own. Catalogues are read as written, so that a checkout
    speaks every language without a build step."""
    if language == "en":
        return gettext.NullTranslations()
    compiled = BytesIO()
    with (LOCALE / language / "LC_MESSAGES" / "matching.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def spoken(message: Message, language: str) -> str:
    """``message`` in ``language``."""
    text = translations(language).gettext(message.msgid)
    return text.format(**message.params) if message.params else text
