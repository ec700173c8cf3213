"""Everything the operators' commands say can be said in Bahasa Indonesia, with the same fields."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from shared import consistency, operations
from shared.messages import Message
from shared.translation import spoken, translations


def _texts() -> set[str]:
    root = Path(consistency.__file__).parent
    found = set()
    for folder in (root, Path(operations.__file__).parent):
        keywords = {"say": None}
        for name, _, text, _, _ in extract_from_dir(folder, [("*.py", "python")], keywords=keywords):
            if name == "consistency.py" or folder != root:
                found.add(text)
    return found


TEXTS = sorted(_texts())


def test_the_texts_are_found() -> None:
    assert len(TEXTS) > 25


@pytest.mark.parametrize("text", TEXTS)
def test_each_text_is_translated_with_the_same_fields(text: str) -> None:
    fields = sorted(re.findall(r"\{(\w+)\}", text))
    translated = translations("id").gettext(text)
    assert translated != text
    assert sorted(re.findall(r"\{(\w+)\}", translated)) == fields
    values = {field: f"<{field}>" for field in fields}
    assert all(value in spoken(Message(text, values), "id") for value in values.values())
