"""Everything that feedback says to people has a text in Bahasa Indonesia with the same fields."""

import re
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

SERVICE = Path(__file__).parents[3] / "services" / "feedback"


def test_every_text_is_translated_with_its_fields() -> None:
    said = {found[2] for found in extract_from_dir(SERVICE, keywords={"say": None})}
    with (SERVICE / "locale/id/LC_MESSAGES/feedback.po").open("rb") as source:
        translated = {message.id: message.string for message in read_po(source, locale="id") if message.id}
    assert said == set(translated)
    for english, indonesian in translated.items():
        assert indonesian
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", indonesian))
