"""All that registration says is said in Bahasa Indonesia too, with the same fields in it."""

import re
from pathlib import Path

from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

SERVICE = Path(__file__).parents[3] / "services/registration"


def test_every_message_is_translated_with_its_fields():
    said = {
        message
        for path in SERVICE.rglob("*.py")
        for _, message, _, _ in extract_from_file("python", str(path), keywords={"say": None})
    }
    with (SERVICE / "locale/id/LC_MESSAGES/registration.po").open("rb") as file:
        catalogue = read_po(file, locale="id")
    translated = {str(message.id): str(message.string) for message in catalogue if message.id}
    assert said, "nothing was found: the extraction is broken"
    assert said == set(translated)
    for message, translation in translated.items():
        assert translation, message
        assert set(re.findall(r"{(\w+)}", message)) == set(re.findall(r"{(\w+)}", translation)), message
