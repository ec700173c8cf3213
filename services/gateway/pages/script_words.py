"""The pages' words for their scripts; templates take theirs from the shared translations directly."""

from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

from shared.translation import SOURCE

LOCALE = Path(__file__).parent.parent / "locale"
#: What each language calls itself.
NAMES = {"en": "English", "id": "Bahasa Indonesia"}


@cache
def words(language: str) -> dict[str, str]:
    """The gateway's catalogue, English to ``language``; empty for English and for a language it does not speak."""
    path = LOCALE / language / "LC_MESSAGES" / "gateway.po"
    if language == SOURCE or not path.exists():
        return {}
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language)
    return {str(each.id): str(each.string) for each in catalogue if each.id and each.string}
