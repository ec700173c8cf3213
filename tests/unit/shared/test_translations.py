"""Everything that a part of the product says to people is said in every language, with the same fields in it."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from shared.messages import Message
from shared.translation import languages, spoken

ROOT = Path(__file__).parents[3]
WAYS = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]
PARTS = ["shared", *sorted(f"services/{each.parent.name}" for each in ROOT.glob("services/*/service.py"))]
FIELDS = re.compile(r"\{(\w+)\}")

every_part = pytest.mark.parametrize("part", PARTS)
every_language = pytest.mark.parametrize("language", languages()[1:])


def said_by(part: str) -> set[str]:
    return {text for _, _, text, _, _ in extract_from_dir(ROOT / part, method_map=WAYS, keywords={"say": None})}


def translated(part: str, language: str) -> dict[str, str]:
    found = {}
    for path in (ROOT / part).rglob(f"locale/{language}/LC_MESSAGES/*.po"):
        with path.open("rb") as source:
            found |= {str(each.id): str(each.string) for each in read_po(source, locale=language) if each.id}
    return found


def test_the_parts_are_found_and_say_something() -> None:
    assert {"shared", "services/session_timer", "services/feedback"} <= set(PARTS)
    assert all(said_by(part) for part in PARTS)
    assert languages() == ("en", "id")


@every_part
@every_language
def test_every_text_is_translated_with_its_fields(part: str, language: str) -> None:
    # What two parts say is translated in one of them.
    known = {english: text for each in PARTS for english, text in translated(each, language).items()}
    for english in said_by(part):
        assert known.get(english), f"{part} says in English only: {english}"
        assert sorted(FIELDS.findall(known[english])) == sorted(FIELDS.findall(english)), english
        values = {field: f"<{field}>" for field in FIELDS.findall(english)}
        assert all(value in spoken(Message(english, values), language) for value in values.values()), english


@pytest.mark.parametrize("part", ["services/feedback", "services/registration", "services/session_timer"])
@every_language
def test_where_all_is_said_in_code_nothing_is_translated_that_nobody_says(part: str, language: str) -> None:
    assert translated(part, language).keys() <= said_by(part)
