"""What the product says to people, in their language.

Every part keeps its texts beside its code, as ``locale/<language>/LC_MESSAGES/*.po``. Whoever shows a
:class:`~shared.messages.Message` of any part (the gateway shows them all) finds the catalogues here, by their place
in the installed folders ``services`` and ``shared`` and without importing any part.
"""

import gettext
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared.messages import Message

#: The language the templates are written in.
SOURCE = "en"

_ROOT = Path(__file__).parent.parent


@cache
def languages() -> tuple[str, ...]:
    """The languages spoken: English first, then all that have a catalogue."""
    found = {path.parent.parent.name for path in _catalogue_files("*")}
    return (SOURCE, *sorted(found - {SOURCE}))


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The texts of all parts in ``language``, to install into templates too; English for an unknown language.

    The ``.po`` files are read as written, so that a checkout speaks every language without a build step.
    """
    if language == SOURCE or language not in languages():
        return gettext.NullTranslations()
    whole = Catalog(locale=language, charset="utf-8")
    for path in _catalogue_files(language):
        with path.open("rb") as source:
            for message in read_po(source, locale=language):
                if message.id and message.string:
                    whole.add(message.id, message.string, context=message.context)
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def spoken(message: Message, language: str) -> str:
    """``message`` in ``language``; in English where there is no translation."""
    catalogue = translations(language)
    if not message.msgid:
        # gettext keeps its own header under the empty text.
        return ""
    if not message.params:
        return catalogue.gettext(message.msgid)
    values = {name: _value(value, catalogue) for name, value in message.params.items()}
    try:
        return catalogue.gettext(message.msgid).format(**values)
    except (KeyError, IndexError, ValueError):
        # A translation with a misspelt field must not hide what is wrong.
        return str(message)


def _value(value: Any, catalogue: gettext.NullTranslations) -> Any:
    """A sentence put into another (a validator's, say) is translated too; names and ids are not sentences."""
    return catalogue.gettext(value) if isinstance(value, str) and value.endswith(".") else value


def _catalogue_files(language: str) -> Iterator[Path]:
    for part in ("services", "shared"):
        yield from sorted((_ROOT / part).rglob(f"locale/{language}/LC_MESSAGES/*.po"))
